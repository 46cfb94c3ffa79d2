"""Lay out which known optimizers a search found again, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuralopt.report.tables.layout import Cell, Column, Table

if TYPE_CHECKING:  # it loads scipy
    from neuralopt.verdict.rediscovery.summary import Median, TargetSummary

NOTES = (
    "Numbers of rules trained up to the first one that equals the target: in form (any "
    "epsilon), alike (in behaviour, up to a positive factor), and useful (alike, with "
    "half of the best quality so far).",
    "uniform: trainings that uniform sampling is expected to take to one that is "
    "alike, estimated; at most so many if it is rare, since rules that are alike but "
    "look otherwise are missed. percentile: of uniformly sampled rows, the share whose "
    "rules are worse than the target. log gain: natural logarithm of how much more "
    "probable the trained searcher makes the form than uniform sampling.",
)


def rediscovery_table(
    targets: Sequence[TargetSummary], runs: int, notes: Sequence[str] = ()
) -> Table:
    """Return a row for each target that the space can express.

    Args:
        targets: with what is known of them.
        runs: how many there are. Of one run the table has numbers of rules trained, of
            several it has counts and medians.
        notes: further notes, above the explanation.
    """
    found = ["form", "alike", "useful"]
    found += ["quality"] if runs == 1 else ["median", "95%"]
    more = ["seconds", "uniform", "percentile", "log gain"]
    columns = (
        Column("target"),
        *(Column(title, right=True) for title in found),
        *(Column(title, right=True, below=1) for title in more),
    )
    rows = []
    for each in targets:
        if each.in_space:
            cells = [*(_one if runs == 1 else _several)(each), *_control(each)]
            rows.append((Cell(each.name), *map(Cell, cells)))
    outside = ", ".join(each.name for each in targets if not each.in_space)
    told = [f"Not in the space: {outside}."] if outside else []
    return Table(columns, tuple(rows), (*told, *notes, *NOTES))


def _one(each: TargetSummary) -> list[str]:
    kinds = each.successes.values()
    alike = each.successes["behaviour"]
    quality = "" if alike.quality is None else f"{alike.quality:.3f}"
    return [
        *(number(kind.evaluations.value) for kind in kinds),
        quality,
        number(alike.seconds.value),
    ]


def _several(each: TargetSummary) -> list[str]:
    alike = each.successes["behaviour"]
    return [
        *(f"{kind.found}/{kind.runs}" for kind in each.successes.values()),
        number(alike.evaluations.value),
        interval(alike.evaluations),
        number(alike.seconds.value),
    ]


def _control(each: TargetSummary) -> list[str]:
    return [
        number(each.uniform_behaviour),
        "" if each.percentile is None else f"{each.percentile:.1f}",
        "" if each.gain is None else f"{each.gain:+.1f}",
    ]


def interval(median: Median) -> str:
    """Return the limits of a median, such as ``120..3,400``.

    Args:
        median: of runs.
    """
    if median.low == 0 and math.isinf(median.high):
        return ""
    return f"{number(median.low)}..{number(median.high)}"


def number(value: float | None) -> str:
    """Return a count for people; ``-`` for infinity, which means never.

    Args:
        value: a count, or None for one that is not known.
    """
    if value is None:
        return ""
    if math.isinf(value):
        return "-"
    return f"{value:,.0f}" if value < 1e6 else f"{value:.1e}"
