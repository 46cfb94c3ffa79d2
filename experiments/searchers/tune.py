"""Choose each searcher's settings on one table, to judge them on another.

    python experiments/searchers/tune.py --trials 12 --seeds 20 --evaluations 2000

Every searcher that has a grid gets the same number of trials: its defaults, and
settings drawn at random from its grid in grids.json. The best has the least median of
log evaluations to the best 0.1% of the table; between equals, such as two with which
most seeds did not get there, the least mean, where a run that fell short counts as the
limit. The chosen settings are written to settings.json.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.searchers.contenders import Contender, run_all
from experiments.searchers.simulator import Run
from experiments.searchers.summary import interval, reached_text
from neuralopt.searchers import SEARCHERS

HERE = Path(__file__).parent
TARGET = "top 0.10%"


def design(
    grid: Mapping[str, Sequence[Any]], trials: int, seed: int = 0
) -> list[dict[str, Any]]:
    """Return the settings that are tried: the defaults first, then different draws.

    Args:
        grid: values by option.
        trials: how many, the defaults included; fewer if the grid has not so many.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    found: list[dict[str, Any]] = [{}]
    size = math.prod(len(values) for values in grid.values()) if grid else 0
    while len(found) < min(trials, size):
        drawn = {
            name: values[int(rng.integers(len(values)))]
            for name, values in grid.items()
        }
        if drawn not in found:
            found.append(drawn)
    return found


def score(runs: Sequence[Run], limit: int) -> tuple[float, float]:
    """Return median and mean of log evaluations to the target; less is better.

    Args:
        runs: one a seed.
        limit: evaluations of a run, the value in the mean of one that fell short.
    """
    times = [run.reached[TARGET] for run in runs]
    logs = np.log([math.inf if time is None else float(time) for time in times])
    median = float(interval(logs)[0])
    return median, fmean(min(value, math.log(limit)) for value in logs.tolist())


def tune(
    grids: Mapping[str, Mapping[str, Sequence[Any]]], given: argparse.Namespace
) -> tuple[dict[str, dict[str, Any]], list[dict[str, object]]]:
    """Try settings, and return the chosen ones by searcher, and all trials.

    Args:
        grids: by name of the searcher.
        given: of the command line.
    """
    contenders = [
        Contender(f"{name} {number}", name, settings)
        for name, grid in grids.items()
        for number, settings in enumerate(design(grid, given.trials))
    ]
    seeds = range(given.seeds)
    found = run_all(
        str(given.table),
        contenders,
        seeds,
        given.evaluations,
        given.work,
        given.workers,
    )
    chosen, trials = {}, []
    for name in grids:
        mine = [each for each in contenders if each.searcher == name]
        best = min(mine, key=lambda c: score(found[c.name], given.evaluations))
        chosen[name] = dict(best.settings)
        for each in mine:
            times = [run.reached[TARGET] for run in found[each.name]]
            text = reached_text(times, given.evaluations)
            trials.append(
                {
                    "searcher": name,
                    "settings": dict(each.settings),
                    "times": times,
                    "text": text,
                    "chosen": each is best,
                }
            )
            mark = "*" if each is best else " "
            print(
                f"{mark} {name} {json.dumps(dict(each.settings))}: {text}", flush=True
            )
    return chosen, trials


def main(arguments: Sequence[str] | None = None) -> int:
    """Tune what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=HERE / "tuning.npz")
    parser.add_argument("--grids", type=Path, default=HERE / "grids.json")
    parser.add_argument("--output", type=Path, default=HERE / "settings.json")
    parser.add_argument("--searchers", nargs="*", default=[], help="by default all")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--work", type=Path, default=Path("runs/searchers"))
    add_json_option(parser)
    given = parser.parse_args(arguments)
    try:
        grids = json.loads(given.grids.read_text("utf-8"))
        for name in {*grids, *given.searchers} - {*SEARCHERS}:
            raise ValueError(f"unknown searcher {name!r}: use {', '.join(SEARCHERS)}")
        wanted = given.searchers or list(grids)
        chosen, trials = tune({name: grids[name] for name in wanted}, given)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    kept: dict[str, Any] = {}
    if given.output.exists():
        kept = json.loads(given.output.read_text("utf-8"))["settings"]
    text = {"table": given.table.stem, "settings": {**kept, **chosen}}
    given.output.write_text(json.dumps(text, indent=1) + "\n", "utf-8")
    limits = {"seeds": given.seeds, "evaluations": given.evaluations}
    write_results(given.json, {**limits, "table": given.table.stem, "trials": trials})
    return 0


if __name__ == "__main__":
    sys.exit(main())
