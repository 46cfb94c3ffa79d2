"""Lay out comparisons as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neuralopt.report.sparkline import sparkline
from neuralopt.report.tables.layout import Cell, Column, Table

if TYPE_CHECKING:  # they load numpy and scipy
    from neuralopt.verdict.comparison import Comparison, ComparisonRow

_VERDICT_STYLES = {
    "better": "green",
    "worse": "red",
    "failed to run": "red",
    "reference": "bold",
}


def comparison_table(
    comparison: Comparison,
    *,
    rules: Mapping[str, str] | None = None,
    curves: Mapping[str, Sequence[float]] | None = None,
    unicode: bool = True,
    notes: Sequence[str] = (),
    explained: Sequence[Comparison] | None = None,
) -> Table:
    """Return the rows with intervals, differences and verdicts, and what they say.

    Args:
        comparison: of candidates by name.
        rules: text of some or all candidates, shown next to the names. Without it the
            names are taken to be the rules.
        curves: training loss along the run, of some or all candidates. They share one
            scale: logarithmic, from the smallest loss to the largest first one.
        unicode: whether curves may be drawn with blocks.
        notes: further notes, above the explanation.
        explained: comparisons in tables whose columns the last note explains: this one
            by default; with none there is no such note.

    Returns:
        The table, best candidate first.
    """
    sparks = _sparks(curves or {}, unicode)
    columns = (
        Column("#", right=True),
        Column("mean", right=True),
        Column(f"{100 * comparison.confidence:g}% interval"),
        Column("difference", right=True),
        Column("interval"),
        Column("verdict"),
        *([Column("curve", below=1)] if curves else []),
        *([Column("name", below=1)] if rules is not None else []),
        Column("rule", below=1),
    )
    rows = []
    for row in comparison.rows:
        label = [Cell(row.name)]
        if rules is not None:
            label.append(Cell(rules.get(row.name, "")))
        spark = [Cell(sparks.get(row.name, ""), "cyan")] if curves else []
        rows.append((*_numbers(row), *spark, *label))
    explained = [comparison] if explained is None else explained
    said = [*notes, *_diverged(comparison), *_failed(comparison)]
    if explained:
        said.append(_explanations(explained))
    return Table(columns, tuple(rows), tuple(said))


def _numbers(row: ComparisonRow) -> tuple[Cell, ...]:
    if row.verdict == "failed to run":
        return (*[Cell("")] * 5, Cell(row.verdict, _VERDICT_STYLES[row.verdict]))
    itself = row.verdict == "reference"
    low, high = row.difference_low, row.difference_high
    return (
        Cell(str(row.rank)),
        Cell(f"{row.mean:.4f}", "bold"),
        Cell(f"{row.low:.4f}..{row.high:.4f}"),
        Cell("" if itself else f"{row.difference:+.4f}"),
        Cell("" if itself else f"{low:+.4f}..{high:+.4f}"),
        Cell(row.verdict, _VERDICT_STYLES.get(row.verdict, "")),
    )


def _diverged(comparison: Comparison) -> list[str]:
    found = [
        f"{row.name} on {row.diverged} of {comparison.seeds}"
        for row in comparison.rows
        if row.diverged
    ]
    return [f"Diverged seeds (quality 0): {', '.join(found)}."] if found else []


def _failed(comparison: Comparison) -> list[str]:
    return [
        f"{row.name} failed to run: {row.reason}"
        for row in comparison.rows
        if row.verdict == "failed to run"
    ]


def undecided(comparison: Comparison) -> str:
    """Return what to do about differences that so few seeds cannot decide.

    Args:
        comparison: of candidates by name.

    Returns:
        One sentence; empty if all are decidable.
    """
    words = {row.verdict for row in comparison.rows}
    if "not decidable at this n" not in words:
        return ""
    compared = f"{comparison.family} comparison{'s' * (comparison.family > 1)}"
    if comparison.least_seeds <= comparison.seeds:
        return (
            "'not decidable at this n': all seeds agree on the difference, and are too "
            "few to call it."
        )
    return (
        f"'not decidable at this n': {comparison.seeds} seeds are too few for "
        f"{compared}; verdict.seeds={comparison.least_seeds} is enough."
    )


def _explanations(comparisons: Sequence[Comparison]) -> str:
    """What explains the columns of one or several tables of the same candidates."""
    references = {each.reference for each in comparisons}
    several = "" if len(references) == 1 else "each table's reference"
    texts = [_explanation(each, several or each.reference) for each in comparisons]
    return " ".join(dict.fromkeys(texts))


def _explanation(comparison: Comparison, reference: str | None) -> str:
    seeds = f"{comparison.seeds} seed{'s' if comparison.seeds > 1 else ''}"
    text = f"Means are of the quality on {seeds}, the same for all."
    if not comparison.family:
        return text
    chosen = comparison.choices > 1
    source = f", the best of {comparison.choices} by mean" if chosen else ""
    luck = " and for the choice of the reference" if chosen else ""
    told = (
        f"{text} Differences are from {reference}{source}; their intervals "
        f"and the verdicts are corrected for {comparison.family} comparison"
        f"{'s' if comparison.family > 1 else ''}{luck}. 'no difference shown' says "
        "that these seeds do not decide, not that the rules are equal."
    )
    return f"{told} {undecided(comparison)}".rstrip()


def _sparks(curves: Mapping[str, Sequence[float]], unicode: bool) -> dict[str, str]:
    """One small curve each, on one scale so that they can be compared.

    The scale ends at the largest first loss, so that one that explodes doesn't flatten
    the others, and is logarithmic where losses allow, for the late part to show.
    """
    finite = [[value for value in c if math.isfinite(value)] for c in curves.values()]
    values = [value for curve in finite for value in curve]
    if not values:
        return {
            name: sparkline(curve, unicode=unicode) for name, curve in curves.items()
        }
    low, high = min(values), max(curve[0] for curve in finite if curve)
    if low > 0:
        low, high = math.log(low), math.log(high)
        curves = {
            name: [math.log(v) if 0 < v < math.inf else math.inf for v in curve]
            for name, curve in curves.items()
        }
    return {
        name: sparkline(curve, low=low, high=high, unicode=unicode)
        for name, curve in curves.items()
    }
