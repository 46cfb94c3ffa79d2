"""The command compare, and the table that every search ends with.

Knows what is printed of a benchmark; refuses to know how it is held.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

from neuralopt.cli.build import SearchParts
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.rule_lookup import find_candidates
from neuralopt.engines import OptimizerSpec
from neuralopt.language import Expression, render, simplify
from neuralopt.report.sparkline import supports_unicode
from neuralopt.report.tables import comparison_table, write_table
from neuralopt.tasks import Split
from neuralopt.verdict.benchmark import run_benchmark


def compare(options: argparse.Namespace) -> int:
    overrides = [text for text in options.rules if "=" in text]
    texts = [text for text in options.rules if "=" not in text]
    candidates = find_candidates(texts)
    if not candidates:
        raise ValueError("name at least one rule to compare")
    splits = SearchParts(compose_settings(overrides))
    show_benchmark(candidates, None, splits, ("selection", "test"))
    return 0


def show_benchmark(
    candidates: Mapping[str, OptimizerSpec],
    baselines: Sequence[str] | None,
    splits: SearchParts,
    of: Sequence[Split],
) -> None:
    """Score candidates on fresh seeds and print a table for each task and split."""
    settings = splits.settings
    print(
        f"\nScoring {len(candidates)} rules on {settings.verdict.seeds} fresh seeds, "
        f"budget {splits.budget.name}: rate by validation loss",
        flush=True,
    )
    started = time.monotonic()
    rules = {
        name: render(simplify(rule)) if name != str(rule) else ""
        for name, rule in candidates.items()
        if isinstance(rule, Expression)
    }
    for task in splits.tasks:
        benchmark = run_benchmark(
            candidates,
            task,
            splits.budget,
            settings.verdict.seeds,
            settings.seed,
            settings.evaluator.engine,
            of,
            splits.workers,
            splits.numerics,
            _Ticker().tick,
        )
        for split in of:
            print(f"\nOn the {split} split of {task.name}:")
            table = comparison_table(
                benchmark.comparison(split, baselines),
                rules=rules,
                curves=benchmark.curves(split),
                unicode=supports_unicode(sys.stdout),
            )
            write_table(table, sys.stdout)
    print(f"\nScored in {time.monotonic() - started:.1f} s")


class _Ticker:
    """A line a few seconds apart while candidates train."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def tick(self, done: int, total: int) -> None:
        if time.monotonic() - self.last > 5 and done < total:
            self.last = time.monotonic()
            print(f"  {done} of {total} trainings", file=sys.stderr, flush=True)
