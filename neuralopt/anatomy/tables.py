"""The tables of an explanation."""

from neuralopt.anatomy.ablation import Ablation
from neuralopt.anatomy.explanation import Explanation
from neuralopt.anatomy.rates import WITHIN, RateCurve, ratios
from neuralopt.language import render
from neuralopt.report.tables import Cell, Column, Table

_STYLES = {"better": "green", "worse": "red"}


def ablation_table(ablation: Ablation) -> Table:
    """Return a row for each variant, the part that contributes most first.

    Args:
        ablation: of a rule.
    """
    columns = (
        Column("part"),
        Column("in its place"),
        Column("quality", right=True),
        Column("difference", right=True),
        Column("95% interval"),
        Column("without it"),
        Column("the whole variant", below=1),
    )
    rows = tuple(
        (
            Cell(row.variant.part),
            Cell(row.variant.instead),
            Cell(f"{row.quality:.4f}"),
            Cell(f"{row.difference:+.4f}"),
            Cell(f"{row.low:+.4f} to {row.high:+.4f}"),
            Cell(_word(row.verdict, row.diverged), _STYLES.get(row.verdict, "")),
            Cell(render(row.variant.rule)),
        )
        for row in ablation.rows
    )
    return Table(columns, rows)


def _word(verdict: str, diverged: int) -> str:
    return f"{verdict} ({diverged} diverged)" if diverged else verdict


def rates_table(explanation: Explanation) -> Table:
    """Return the best rate of a rule and of AdamW on each task, and how wide it is.

    Args:
        explanation: with curves.
    """
    columns = (
        Column("task"),
        Column("best rate", right=True),
        Column(f"within {1 - WITHIN:.0%}"),
        Column("decades", right=True),
        Column("AdamW's best", right=True),
        Column("decades", right=True),
        Column("ratio", right=True),
    )
    factors = ratios(explanation.curves, explanation.adamw)
    rows = tuple(
        (
            Cell(mine.task),
            Cell(_rate(mine)),
            Cell(
                "" if mine.good is None else f"{mine.good[0]:.2g} to {mine.good[1]:.2g}"
            ),
            Cell(f"{mine.decades:.1f}"),
            Cell(_rate(its)),
            Cell(f"{its.decades:.1f}"),
            Cell("" if factor is None else f"{factor:.2g}"),
        )
        for mine, its, factor in zip(
            explanation.curves, explanation.adamw, factors, strict=True
        )
    )
    return Table(columns, rows)


def _rate(curve: RateCurve) -> str:
    if curve.best is None:
        return "none"
    return f"{curve.best:.2g}" + (" (edge)" if curve.at_edge else "")
