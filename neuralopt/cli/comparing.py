"""The command compare, and the table that every search ends with.

Knows what is printed of a contest; refuses to know how it is held.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

from neuralopt.cli.configuration import compose_settings
from neuralopt.cli.found import find_contenders
from neuralopt.cli.parts import SearchParts
from neuralopt.evaluation import Trainee
from neuralopt.language import Expression, render, simplify
from neuralopt.report import comparison_table, supports_unicode, write_table
from neuralopt.tasks import Part
from neuralopt.verdict.contest import hold_contest


def compare(options: argparse.Namespace) -> int:
    overrides = [text for text in options.rules if "=" in text]
    texts = [text for text in options.rules if "=" not in text]
    contenders = find_contenders(texts)
    if not contenders:
        raise ValueError("name at least one rule to compare")
    parts = SearchParts(compose_settings(overrides))
    show_contest(contenders, None, parts, ("selection", "test"))
    return 0


def show_contest(
    contenders: Mapping[str, Trainee],
    baselines: Sequence[str] | None,
    parts: SearchParts,
    of: Sequence[Part],
) -> None:
    """Score contenders on fresh seeds and print a table for each task and part."""
    settings = parts.settings
    print(
        f"\nScoring {len(contenders)} rules on {settings.verdict.seeds} fresh seeds, "
        f"budget {parts.budget.name}: rate by validation loss",
        flush=True,
    )
    started = time.monotonic()
    rules = {
        name: render(simplify(rule)) if name != str(rule) else ""
        for name, rule in contenders.items()
        if isinstance(rule, Expression)
    }
    for task in parts.tasks:
        contest = hold_contest(
            contenders,
            task,
            parts.budget,
            settings.verdict.seeds,
            settings.seed,
            settings.evaluator.engine,
            of,
            parts.workers,
            parts.arithmetic,
            _Ticker().tick,
        )
        for part in of:
            print(f"\nOn the {part} part of {task.name}:")
            table = comparison_table(
                contest.comparison(part, baselines),
                rules=rules,
                curves=contest.curves(part),
                unicode=supports_unicode(sys.stdout),
            )
            write_table(table, sys.stdout)
    print(f"\nScored in {time.monotonic() - started:.1f} s")


class _Ticker:
    """A line a few seconds apart while contenders train."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def tick(self, done: int, total: int) -> None:
        if time.monotonic() - self.last > 5 and done < total:
            self.last = time.monotonic()
            print(f"  {done} of {total} trainings", file=sys.stderr, flush=True)
