"""Run every searcher against an exact table, and write what the page shows of it.

    python experiments/searchers/curves.py --seeds 100 --evaluations 5000

Runs are kept in the folder --work as they come: after an interruption, or with more
seeds, the same command continues. Remove the folder when a searcher's code changed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.searchers.contenders import read_contenders, run_all
from experiments.searchers.simulator import Run
from experiments.searchers.summary import interval, reached_text
from experiments.searchers.targets import quality_at, uniform_evaluations
from neuralopt.tables import Table, load

POINTS = 60
HERE = Path(__file__).parent
SHOWN = ("top 1.00%", "top 0.10%", "top 0.01%", "Adam")


def curve(
    runs: Sequence[Run], table: Table, places: np.ndarray, cost: float | None
) -> list[list[float]]:
    """Return median and interval of the best rule's mean quality at some places.

    Args:
        runs: one a seed.
        table: gives the qualities, means over all its seeds.
        places: evaluations, or seconds if there is a cost.
        cost: seconds of an evaluation, added to those of the searcher; None for places
            in evaluations.
    """
    values = []
    for run in runs:
        steps = [
            (n if cost is None else seconds + n * cost, float(table.mean[rule]))
            for n, seconds, rule in run.trace
        ]
        values.append(quality_at(steps, places))
    return [list(line) for line in interval(np.array(values)).tolist()]


def _length(run: Run, cost: float) -> float:
    return run.seconds + run.evaluations * cost


def summarize(
    found: dict[str, list[Run]], table: Table, evaluations: int, cost: float
) -> dict[str, object]:
    """Return what the page shows of runs, as plain data.

    Args:
        found: runs by contender.
        table: that they were made on.
        evaluations: of a run.
        cost: seconds of an evaluation.
    """
    places = np.unique(np.geomspace(10, evaluations, POINTS).round())
    shortest = min(
        float(np.median([_length(r, cost) for r in runs])) for runs in found.values()
    )
    seconds = np.geomspace(10 * cost, shortest, POINTS)
    entries = {}
    for name, runs in found.items():
        entries[name] = {
            "seeds": len(runs),
            "reached": {t: [r.reached[t] for r in runs] for t in runs[0].reached},
            "by_evaluations": curve(runs, table, places, None),
            "by_seconds": curve(runs, table, seconds, cost),
            "final": interval(
                np.array([float(table.mean[run.trace[-1][2]]) for run in runs])
            ).tolist(),
            "ms_per_proposal": interval(
                np.array([1000 * run.seconds / run.proposals for run in runs])
            ).tolist(),
            "proposals_per_evaluation": float(
                np.median([run.proposals / max(run.evaluations, 1) for run in runs])
            ),
            "short": sum(run.evaluations < evaluations for run in runs),
        }
    return {
        "table": table.name,
        "evaluations": evaluations,
        "cost": cost,
        "places": places.tolist(),
        "seconds": seconds.tolist(),
        "uniform": uniform_evaluations(table),
        "searchers": entries,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", default="from_scratch", help="a name or a file")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--evaluations", type=int, default=5000)
    parser.add_argument("--searchers", nargs="*", default=[], help="by default all")
    parser.add_argument(
        "--settings", type=Path, help="a file that tune.py wrote; else the defaults"
    )
    parser.add_argument(
        "--cost", type=float, default=0.0065, help="seconds of an evaluation"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--work", type=Path, default=Path("runs/searchers"))
    add_json_option(parser)
    given = parser.parse_args(arguments)
    try:
        table = load(given.table)
        contenders = read_contenders(given.settings, given.searchers)
        found = run_all(
            given.table,
            contenders,
            range(given.seeds),
            given.evaluations,
            given.work,
            given.workers,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    figures = summarize(found, table, given.evaluations, given.cost)
    for name, runs in found.items():
        reached = [
            f"{target} "
            + reached_text([run.reached[target] for run in runs], given.evaluations)
            for target in SHOWN
            if target in runs[0].reached
        ]
        speed = np.median([1000 * run.seconds / run.proposals for run in runs])
        print(f"{name}: {'; '.join(reached)}; {speed:.2f} ms a proposal")
    write_results(
        given.json,
        {**figures, "settings": {c.name: dict(c.settings) for c in contenders}},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
