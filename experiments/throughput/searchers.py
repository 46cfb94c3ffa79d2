"""Rates of searches with different searchers, in turn, in one run.

    python experiments/throughput/searchers.py --groups 2 4 --rounds 5

Every search scores rules of the space `bello2017` on the task digits with the native
engine. Searchers take turns, so that other load on the machine falls on all of them.
Printed are trained rules a second, median [lowest, highest] of the rounds, the ratio to
the uniform searcher in the same round, and what ask and tell took of the wall time. A
searcher that learns proposes fewer rules that end early, which lowers its rate for
another reason than its own cost.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, in_turn, spread, write_results
from neuralopt.archive import Archive
from neuralopt.engines import choose_engine
from neuralopt.evaluators import InProcessEvaluator, TaskScorer
from neuralopt.loop import search
from neuralopt.scoring.budgets import named_budget
from neuralopt.searchers import SEARCHERS, Searcher
from neuralopt.searchers.searcher import Rows
from neuralopt.spaces import SPACES, Space
from neuralopt.tasks import load_task

BATCH, LAG, WORKERS, SEED = 64, 1, 2, 2017


class Timed:
    """A searcher that counts the seconds spent in it."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self.seconds = 0.0

    def enqueue(self, rows: Rows) -> None:
        self._searcher.enqueue(rows)

    def ask(self, count: int) -> Rows:
        began = time.perf_counter()
        rows = self._searcher.ask(count)
        self.seconds += time.perf_counter() - began
        return rows

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        began = time.perf_counter()
        diagnostics = self._searcher.tell(rows, rewards)
        self.seconds += time.perf_counter() - began
        return diagnostics

    def state_dict(self) -> dict[str, Any]:
        return self._searcher.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._searcher.load_state_dict(state)


def one_search(name: str, space: Space, proposals: int) -> tuple[float, float]:
    """Run a search; return trained rules a second, and the searcher's share of time."""
    task = load_task("digits")
    scorer = TaskScorer(
        task, named_budget("bello2017"), choose_engine("auto", task, SEED)
    )
    evaluator = InProcessEvaluator(scorer, WORKERS, BATCH)
    searcher = Timed(SEARCHERS[name](space, SEED))
    with (
        tempfile.TemporaryDirectory() as folder,
        Archive.create(Path(folder) / "search.sqlite", {"searcher": name}) as archive,
    ):
        began = time.perf_counter()
        search(space, searcher, evaluator, archive, proposals, BATCH, LAG)
        seconds = time.perf_counter() - began
        counts = archive.counts()
    evaluator.close()
    trained = counts["scored"] + counts["diverged"]
    return trained / seconds, searcher.seconds / seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--groups", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--proposals", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--searchers", nargs="+", choices=SEARCHERS)
    add_json_option(parser)
    arguments = parser.parse_args()
    others = arguments.searchers or ["evolution", "controller"]
    names = ["uniform", *(name for name in others if name != "uniform")]
    torch.set_num_threads(1)
    figures: dict[str, object] = {}
    for groups in arguments.groups:
        space = replace(SPACES["bello2017"], groups=groups)
        one_search("uniform", space, BATCH)  # compiles
        shares: dict[str, list[float]] = {name: [] for name in names}

        def rate(
            name: str,
            _: int,
            space: Space = space,
            shares: dict[str, list[float]] = shares,
        ) -> float:
            trained, share = one_search(name, space, arguments.proposals)
            shares[name].append(share)
            return trained

        rates = in_turn(names, rate, arguments.rounds)
        print(f"\ndigits, {groups} groups, {arguments.proposals} proposals: rules/s")
        for name, found in rates.items():
            ratios = [a / b for a, b in zip(found, rates["uniform"], strict=True)]
            print(
                f"  {name:18} {spread(found):28} {statistics.median(ratios):6.2f} x "
                f"uniform, {statistics.median(shares[name]):.1%} of the time in it"
            )
        figures[f"{groups} groups"] = {"rules per second": rates, "shares": shares}
    write_results(arguments.json, figures)


if __name__ == "__main__":
    main()
