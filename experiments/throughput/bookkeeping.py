"""Measure what a proposal costs apart from its training, stage by stage.

    python experiments/throughput/bookkeeping.py --rounds 7

Runs `neuralopt.loop.search` with the uniform searcher, a batch ahead, and an evaluator
whose scores are there at once. Printed are microseconds of processor time for each
proposal, median [least, greatest] of rounds in which all spaces take turns, and
proposals a second. `proposed` is all until a proposal is stored: sampled, decoded,
simplified, written as text, looked up, probed and recorded; `whole loop` has the scores
too. `yardstick` is a fixed piece of Python, by which runs on a busy
or another machine can be compared.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, in_turn, spread, write_results
from neuralopt import loop
from neuralopt.archive import Archive
from neuralopt.evaluators.evaluator import Completion, Request, Workers
from neuralopt.scoring.score import Score
from neuralopt.searchers.uniform import UniformSearcher
from neuralopt.spaces import SPACES, space
from neuralopt.spaces.vocabulary import Vocabulary

BATCH, LAG, SEED = 64, 1, 2017
STAGES: dict[str, tuple[Any, str]] = {
    "sample": (UniformSearcher, "ask"),
    "decode": (Vocabulary, "decode"),
    "canonical form": (space, "simplify"),
    "look up": (Archive, "numbers_of"),
    "probe": (loop, "rejections"),
    "origins": (loop._Search, "_origins"),
    "record": (Archive, "record"),
    "store scores": (Archive, "commit"),
    "proposed": (loop._Search, "_ask"),
    "whole loop": (loop, "search"),
}
INSIDE = 7
"""The first stages, which are parts of `proposed`."""
SCORE = Score("scored", 0.25, lr=0.1, loss=1.0, accuracy=0.25, curve=(2.0, 1.5, 1.0))
Seconds = defaultdict[str, float]


class Instant:
    """An evaluator whose scores are there at once."""

    def __init__(self) -> None:
        self._done: list[Completion] = []

    def workers(self) -> Workers:
        """Return one worker."""
        return Workers(alive=1)

    def submit(self, requests: Sequence[Request]) -> None:
        """Score requests, all alike."""
        self._done += [Completion(r.number, SCORE, 0.0, "instant") for r in requests]

    def collect(self, timeout: float) -> list[Completion]:
        """Return what was submitted."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def timed(seconds: Seconds) -> Iterator[None]:
    """Add up the processor time of the stages while the block runs."""

    def wrapped(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                seconds[stage] += time.thread_time() - began

        return call

    kept = {stage: getattr(*place) for stage, place in STAGES.items()}
    for stage, (owner, name) in STAGES.items():
        setattr(owner, name, wrapped(stage, kept[stage]))
    try:
        yield
    finally:
        for stage, (owner, name) in STAGES.items():
            setattr(owner, name, kept[stage])


def yardstick() -> float:
    """Return the seconds of a fixed piece of Python: dictionaries, tuples, strings."""
    began = time.thread_time()
    found: dict[tuple[int, str], int] = {}
    for number in range(100_000):
        key = number % 1000, str(number % 100)
        found[key] = found.get(key, 0) + 1
    return time.thread_time() - began


def one_round(name: str, proposals: int, seed: int) -> dict[str, float]:
    """Return microseconds a proposal of each stage in one search."""
    seconds: Seconds = defaultdict(float)
    chosen = SPACES[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        Archive.create(Path(folder) / "search.sqlite", {}) as archive,
        timed(seconds),
    ):
        searcher = UniformSearcher(chosen, seed)
        loop.search(chosen, searcher, Instant(), archive, proposals, BATCH, LAG)
    inside = sum(seconds[stage] for stage in list(STAGES)[:INSIDE])
    seconds["text, and the rest"] = seconds["proposed"] - inside
    found = {stage: 1e6 * each / proposals for stage, each in seconds.items()}
    return {**found, "yardstick": 1e3 * yardstick()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--proposals", type=int, default=6400)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--spaces", nargs="+", choices=SPACES, default=list(SPACES))
    add_json_option(parser)
    arguments = parser.parse_args()
    for name in arguments.spaces:
        one_round(name, BATCH, SEED)  # loads the kernels

    def run(name: str, number: int) -> dict[str, float]:
        return one_round(name, arguments.proposals, SEED + number)

    found = in_turn(arguments.spaces, run, arguments.rounds)
    figures: dict[str, object] = {}
    order = [*list(STAGES)[:INSIDE], "text, and the rest", *list(STAGES)[INSIDE:]]
    order.append("yardstick")
    for name, rounds in found.items():
        print(f"\n{name}, {SPACES[name].groups} groups: us a proposal")
        for stage in order:
            values = [each[stage] for each in rounds]
            unit = " ms" if stage == "yardstick" else ""
            rate = ""
            if stage in ("proposed", "whole loop"):
                rate = f"= {1e6 / statistics.median(values):,.0f} proposals a second"
            print(f"  {stage:20} {spread(values, '.1f'):24}{unit} {rate}".rstrip())
        figures[name] = {stage: [each[stage] for each in rounds] for stage in order}
    write_results(arguments.json, {"microseconds a proposal": figures})


if __name__ == "__main__":
    main()
