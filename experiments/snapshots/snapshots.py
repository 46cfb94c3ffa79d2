"""Restarts, cyclical rates, growing batches, and ensembles of snapshots.

    python experiments/snapshots/snapshots.py --json experiments/snapshots/results.json

Every method's learning rate is chosen on `validation` and three seeds; then it trains
on fresh seeds, the same for all methods, and is measured on `test`. page.py writes the
page and its pictures.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.snapshots.methods import (
    FACTORS,
    GRIDS,
    MEMBERS,
    TUNING_SEEDS,
    Lab,
    ensemble_loss,
    independents,
    replicates_of,
    schedule_losses,
    snapshots,
    tuned,
)
from neuralopt.one_thread import one_thread
from neuralopt.report.counting import counting
from neuralopt.tasks import load_task

TASKS = ("digits", "digits_noisy", "digits_conv")
SEEDS = 24


def by_schedule(lab: Lab, name: str, method: str, seeds: int) -> dict[str, Any]:
    """Tune a method and train it on fresh seeds.

    Returns:
        Rate, losses by seed, and the mean loss after each epoch.
    """
    tuning = range(TUNING_SEEDS)

    def measure(rate: float) -> float:
        losses, _ = schedule_losses(lab, name, method, rate, tuning, "validation")
        return float(np.mean(losses))

    rate = tuned(measure, GRIDS[name])
    fresh = [replicates_of(seed)[0] for seed in range(seeds)]
    losses, along = schedule_losses(lab, name, method, rate, fresh, "test")
    mean = np.mean(np.array(along), axis=0).tolist()
    return {"rate": rate, "losses": losses, "along": mean}


def by_ensemble(lab: Lab, name: str, seeds: int) -> dict[str, Any]:
    """Tune snapshots and independent runs as ensembles, and train both on fresh seeds.

    Returns:
        For each way, rate and losses by seed.
    """
    task, grid = lab.task, GRIDS[name]

    def of_snapshots(rate: float) -> float:
        found = [snapshots(lab, name, rate, seed) for seed in range(TUNING_SEEDS)]
        return float(
            np.mean([ensemble_loss(task, each, "validation") for each in found])
        )

    def of_runs(rate: float) -> float:
        groups = [
            range(MEMBERS * seed, MEMBERS * (seed + 1)) for seed in range(TUNING_SEEDS)
        ]
        found = [independents(lab, name, rate, group) for group in groups]
        return float(
            np.mean([ensemble_loss(task, each, "validation") for each in found])
        )

    rate = tuned(of_snapshots, grid)
    taken = [snapshots(lab, name, rate, replicates_of(s)[0]) for s in range(seeds)]
    other = tuned(of_runs, grid)
    runs = [independents(lab, name, other, replicates_of(s)) for s in range(seeds)]

    def losses(groups: Sequence[Any]) -> list[float]:
        return [ensemble_loss(task, group, "test") for group in groups]

    return {
        "snapshots": {"rate": rate, "losses": losses(taken)},
        "last snapshot": {
            "rate": rate,
            "losses": losses([each[-1:] for each in taken]),
        },
        "independent runs": {"rate": other, "losses": losses(runs)},
    }


def jobs_of(tasks: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return task, rule and method of all that is measured, the slowest last.

    ``ensembles`` stands for all ensembles.
    """
    jobs = list(itertools.product(tasks, GRIDS, (*FACTORS, "ensembles")))
    slow = "digits_conv", "growing batches"
    return sorted(jobs, key=lambda job: (job[0], job[2]) == slow)


@one_thread()
def measure_all(
    tasks: Sequence[str],
    seeds: int,
    count: Callable[[int, int], None],
    save: Callable[[Mapping[str, Any]], None],
) -> dict[str, Any]:
    """Measure all methods on tasks.

    Args:
        tasks: names.
        seeds: fresh ones.
        count: called with what is done and what is to do.
        save: called with the results after each method.

    Returns:
        Results by task, rule and kind.
    """
    labs = {task: Lab.of(load_task(task)) for task in tasks}
    found: dict[str, Any] = {task: {name: {} for name in GRIDS} for task in tasks}
    jobs = jobs_of(tasks)
    for done, (task, name, method) in enumerate(jobs):
        count(done, len(jobs))
        kinds = found[task][name]
        if method == "ensembles":
            cosine = kinds["schedules"]["cosine"]
            one = {key: cosine[key] for key in ("rate", "losses")}
            ensembles = by_ensemble(labs[task], name, seeds)
            kinds["ensembles"] = {"one run": one, **ensembles}
        else:
            of_method = by_schedule(labs[task], name, method, seeds)
            kinds.setdefault("schedules", {})[method] = of_method
        save(found)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the mean losses."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tasks", nargs="+", choices=TASKS, default=TASKS, help="of these only"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of the comparison")
    add_json_option(parser)
    given = parser.parse_args(arguments)

    def save(found: Mapping[str, Any]) -> None:
        write_results(given.json, {"seeds": given.seeds, "tasks": found})

    with counting("methods") as count:
        found = measure_all(given.tasks, given.seeds, count, save)
    for task, rules in found.items():
        for name, kinds in rules.items():
            for method, entry in {**kinds["schedules"], **kinds["ensembles"]}.items():
                mean = float(np.mean(entry["losses"]))
                print(f"{task:14} {name:9} {method:17} {entry['rate']:8.4g} {mean:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
