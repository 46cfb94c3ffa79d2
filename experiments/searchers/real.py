"""Run searchers in spaces of several groups, where rules are trained.

    python experiments/searchers/real.py --groups 2 3 --seeds 20 --evaluations 1000

The search is neuralopt's own, on the group `suite` after five epochs. Searchers and
seeds share a memo of scores in the folder --work, so that a rule is trained once for
each of the three seeds of training. A killed command continues; pieces of it may be run
one after another, and the last one, with all searchers and seeds, writes the results.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.searchers.contenders import Contender, read_contenders
from experiments.searchers.memo import Objective
from experiments.searchers.simulator import ASK, PROPOSALS_PER_EVALUATION
from experiments.searchers.summary import interval, reached_text
from experiments.searchers.targets import named_texts, quality_at
from neuralopt.archive import Archive, Proposal
from neuralopt.loop import search
from neuralopt.searchers import make_searcher

SEEDS = 3
"""Of training: a searcher with seed s is told the scores of seed s modulo 3."""
FRESH = (100, 101, 102)
"""Seeds of training on which the best rules are measured afterwards."""
TRAINED = ("scored", "stopped", "diverged")
LAG = 1
POINTS = 50
LEVELS = (0.45, 0.47, 0.49, 0.5)
"""Mean qualities to be reached; 0.5 is Adam's."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one search found.

    Attributes:
        seed: of the searcher.
        proposals: asked for.
        evaluations: charged.
        seconds: of the searcher.
        trace: evaluations, seconds of the searcher, and text, whenever another rule
            became the best by the reward told.
        reached: evaluations until each named rule was trained; None if it was not.
        trained: evaluations that were not in the memo.
        training: seconds that those took.
    """

    seed: int
    proposals: int
    evaluations: int
    seconds: float
    trace: tuple[tuple[int, float, str], ...]
    reached: dict[str, int | None]
    trained: int
    training: float


class Timed:
    """A searcher whose processor time is measured, which other load does not change.

    Args:
        searcher: does the work.
    """

    def __init__(self, searcher: Any) -> None:
        self._searcher = searcher
        self.seconds = 0.0
        self.history: list[tuple[int, float]] = []
        self._asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._searcher, name)

    def ask(self, count: int) -> Any:
        began = time.thread_time()
        rows = self._searcher.ask(count)
        self.seconds += time.thread_time() - began
        self.history.append((self._asked, self.seconds))
        self._asked += count
        return rows

    def tell(self, rows: Any, rewards: Any) -> Any:
        began = time.thread_time()
        told = self._searcher.tell(rows, rewards)
        self.seconds += time.thread_time() - began
        return told


def run_search(
    objective: Objective, contender: Contender, seed: int, evaluations: int
) -> Outcome:
    """Run a search from its beginning: what an earlier process scored is in the memo.

    Args:
        objective: scores rules.
        contender: the searcher.
        seed: of the searcher.
        evaluations: to be charged.
    """
    space = objective.space
    made: Any = make_searcher(contender.searcher, space, seed, contender.settings)
    searcher = Timed(made)
    evaluator = objective.evaluator(seed % SEEDS)
    trained, training = evaluator.trained, evaluator.seconds
    context = {"searcher": contender.searcher}
    with (
        tempfile.TemporaryDirectory(dir=objective.folder) as folder,
        Archive.create(folder, context) as archive,
    ):
        search(
            space,
            searcher,
            evaluator,
            archive,
            PROPOSALS_PER_EVALUATION * evaluations,
            ASK,
            LAG,
            evaluations=evaluations,
        )
        proposals = list(archive.proposals())
    evaluator.drain()
    paid = evaluator.trained - trained, evaluator.seconds - training
    return _outcome(seed, proposals, searcher, evaluations, paid)


def _outcome(
    seed: int,
    proposals: Sequence[Proposal],
    searcher: Timed,
    evaluations: int,
    paid: tuple[int, float],
) -> Outcome:
    names = named_texts()
    reached: dict[str, int | None] = dict.fromkeys(names.values())
    asked = np.array([place for place, _ in searcher.history])
    trace: list[tuple[int, float, str]] = []
    charged, best, number = 0, -1.0, 0
    for proposal in proposals:
        if proposal.status not in TRAINED or charged == evaluations:
            continue
        charged, number = charged + 1, proposal.number
        if proposal.canonical in names:
            reached[names[proposal.canonical]] = charged
        if (proposal.quality or 0.0) > best:
            best = proposal.quality or 0.0
            ask = int(np.searchsorted(asked, number, side="right")) - 1
            seconds = searcher.history[ask][1]
            trace.append((charged, seconds, proposal.canonical))
    steps = tuple(trace)
    return Outcome(seed, number + 1, charged, searcher.seconds, steps, reached, *paid)


def outcomes(
    objective: Objective,
    contenders: Sequence[Contender],
    seeds: Sequence[int],
    evaluations: int,
) -> dict[str, list[Outcome]]:
    """Run the searches that the folder does not hold, and return all.

    Args:
        objective: scores rules.
        contenders: the searchers.
        seeds: of each.
        evaluations: of a run.
    """
    path = objective.folder / "searches.jsonl"
    kept: dict[str, Outcome] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):  # cut off by a kill
            key, plain = json.loads(line)
            trace = tuple((int(n), float(s), str(r)) for n, s, r in plain["trace"])
            kept[key] = Outcome(**{**plain, "trace": trace})
    found: dict[str, list[Outcome]] = {each.name: [] for each in contenders}
    for seed in seeds:
        for each in contenders:
            settings = json.dumps(dict(each.settings), sort_keys=True)
            key = f"{each.searcher} {settings} {seed} {evaluations}"
            if key not in kept:
                began = time.monotonic()
                kept[key] = run_search(objective, each, seed, evaluations)
                _append(path, key, kept[key])
                print(
                    f"{objective.space.groups} groups, seed {seed}, {each.name}: "
                    f"{time.monotonic() - began:.0f} s, of which "
                    f"{kept[key].training:.0f} for {kept[key].trained} evaluations "
                    "that the memo did not hold",
                    flush=True,
                )
            found[each.name].append(kept[key])
    return found


def _append(path: Path, key: str, outcome: Outcome) -> None:
    plain = {name: getattr(outcome, name) for name in Outcome.__slots__}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps([key, plain]) + "\n")


def summarize(
    objective: Objective, found: dict[str, list[Outcome]], evaluations: int
) -> dict[str, object]:
    """Measure the best rules on fresh seeds, and return what the page shows.

    Args:
        objective: scores rules.
        found: outcomes by contender.
        evaluations: of a run.
    """
    every = {text for runs in found.values() for run in runs for *_, text in run.trace}
    mean = objective.means(sorted(every), FRESH)
    paid = [(run.trained, run.training) for runs in found.values() for run in runs]
    trained, training = np.sum(paid, axis=0)
    cost = float(training / trained)
    places = np.unique(np.geomspace(10, evaluations, POINTS).round())
    ends = [
        np.median([run.seconds + cost * run.evaluations for run in runs])
        for runs in found.values()
    ]
    seconds = np.geomspace(10 * cost, min(ends), POINTS)
    entries = {}
    for name, runs in found.items():
        by_evaluations, by_seconds, levels = [], [], []
        for run in runs:
            steps = [(n, s + cost * n, mean[text]) for n, s, text in run.trace]
            by_evaluations.append(quality_at([(n, q) for n, _, q in steps], places))
            by_seconds.append(quality_at([(s, q) for _, s, q in steps], seconds))
            levels.append(
                [next((n for n, _, q in steps if q >= x), None) for x in LEVELS]
            )
        last = np.array([mean[run.trace[-1][2]] for run in runs])
        entries[name] = {
            "seeds": len(runs),
            "reached": {
                **{
                    f"quality {x}": [line[i] for line in levels]
                    for i, x in enumerate(LEVELS)
                },
                **{t: [run.reached[t] for run in runs] for t in runs[0].reached},
            },
            "by_evaluations": interval(np.array(by_evaluations)).tolist(),
            "by_seconds": interval(np.array(by_seconds)).tolist(),
            "final": interval(last).tolist(),
            "best": max((mean[run.trace[-1][2]], run.trace[-1][2]) for run in runs),
            "ms_per_proposal": interval(
                np.array([1000 * run.seconds / run.proposals for run in runs])
            ).tolist(),
            "short": sum(run.evaluations < evaluations for run in runs),
        }
    return {
        "groups": objective.space.groups,
        "evaluations": evaluations,
        "cost": cost,
        "places": places.tolist(),
        "seconds": seconds.tolist(),
        "searchers": entries,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--groups", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--searchers", nargs="*", default=[], help="by default all")
    parser.add_argument(
        "--settings", type=Path, help="a file that tune.py wrote; else the defaults"
    )
    parser.add_argument("--workers", type=int, default=0, help="threads; 0: cores")
    parser.add_argument("--work", type=Path, default=Path("runs/searchers"))
    add_json_option(parser)
    given = parser.parse_args(arguments)
    spaces = []
    try:
        contenders = read_contenders(given.settings, given.searchers)
        for groups in given.groups:
            with contextlib.closing(
                Objective(given.work, groups, given.workers)
            ) as objective:
                seeds = range(given.seeds)
                found = outcomes(objective, contenders, seeds, given.evaluations)
                spaces.append(summarize(objective, found, given.evaluations))
                for name, runs in found.items():
                    times = [run.reached["Adam"] for run in runs]
                    text = reached_text(times, given.evaluations)
                    print(f"{groups} groups, {name}: Adam {text}", flush=True)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    settings = {each.name: dict(each.settings) for each in contenders}
    write_results(given.json, {"spaces": spaces, "settings": settings})
    return 0


if __name__ == "__main__":
    sys.exit(main())
