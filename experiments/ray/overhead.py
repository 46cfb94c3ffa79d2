"""Time one search in this process and on Ray, and compare the archives.

    python experiments/ray/overhead.py --rules 3000 --rounds 3

One and two threads of this process, one and two Ray actors run the same search
(searcher uniform, native engine, task `digits`). Printed are rules per second of the
whole search, and of scoring the same rules submitted at once, with the share of that
time in which workers are idle: medians of rounds in which all take turns. At the end
the archives of the last round are compared.
"""

import argparse
import itertools
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, spread, write_results
from neuralopt.archive import Archive, difference
from neuralopt.evaluators import Evaluator, InProcessEvaluator, Request, ScoringPlan
from neuralopt.language import Expression, parse
from neuralopt.loop import search
from neuralopt.scoring.budgets import named_budget
from neuralopt.searchers import SEARCHERS
from neuralopt.spaces import load
from neuralopt.tasks import load_task


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", default="bello2017")
    add_json_option(parser)
    arguments = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    from neuralopt.evaluators.ray.evaluator import RayEvaluator, RayOptions

    plan = ScoringPlan(load_task("digits"), named_budget(arguments.budget), "native", 0)
    space = load("bello2017")
    ways: dict[str, Callable[[], Evaluator]] = {
        "this process, 1 thread": lambda: InProcessEvaluator(plan.scorer(), 1),
        "this process, 2 threads": lambda: InProcessEvaluator(plan.scorer(), 2),
        "Ray, 1 actor": lambda: RayEvaluator(
            plan, RayOptions(workers=1, address="local")
        ),
        "Ray, 2 actors": lambda: RayEvaluator(
            plan, RayOptions(workers=2, address="local")
        ),
    }
    searches: dict[str, list[float]] = {way: [] for way in ways}
    scorings: dict[str, list[float]] = {way: [] for way in ways}
    idle: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.sqlite" for number in range(len(ways))]
        for turn in range(arguments.rounds):
            for path, (way, make) in zip(paths, ways.items(), strict=True):
                path.unlink(missing_ok=True)
                evaluator = make()
                workers = 2 if "2" in way else 1
                _scored(evaluator, [parse(f"g * {n / 64}") for n in range(64)])
                while evaluator.workers().alive < workers:
                    time.sleep(0.1)
                with Archive.create(path, {}) as archive:
                    searcher = SEARCHERS["uniform"](space, turn)
                    began = time.perf_counter()
                    search(space, searcher, evaluator, archive, arguments.rules, 256, 3)
                    seconds = time.perf_counter() - began
                    rules = [archive.proposal(e.number) for e in archive.executions()]
                searches[way].append(len(rules) / seconds)
                began = time.perf_counter()
                spent = _scored(evaluator, [parse(rule.canonical) for rule in rules])
                seconds = time.perf_counter() - began
                scorings[way].append(len(rules) / seconds)
                idle[way].append(1 - spent / seconds / workers)
                evaluator.close()
        archives = [Archive.open(path) for path in paths]
        found = [difference(a, b) for a, b in itertools.pairwise(archives)]
    for way in ways:
        print(
            f"{way:24} search {spread(searches[way], '.0f')} rules/s, scoring only "
            f"{spread(scorings[way], '.0f')}, idle {spread(idle[way], '.1%')}"
        )
    print(f"differences of the archives: {found}")
    write_results(
        arguments.json,
        {
            "rules per second, search": searches,
            "rules per second, scoring": scorings,
            "idle": idle,
            "differences": found,
        },
    )
    for archive in archives:
        archive.close()


def _scored(evaluator: Evaluator, rules: Sequence[Expression]) -> float:
    """Have rules scored; returns the seconds of all workers together."""
    evaluator.submit([Request(number, rule) for number, rule in enumerate(rules)])
    left, seconds = len(rules), 0.0
    while left:
        for done in evaluator.collect(1.0):
            left, seconds = left - 1, seconds + done.seconds
    return seconds


if __name__ == "__main__":
    main()
