"""Draw the verdict of a search: means on fresh seeds, with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuralopt.palette import FOUND, GREY, VERMILION
from neuralopt.verdict.comparison import Comparison
from neuralopt.verdict.records import compared
from neuralopt.views.baselines import objective_verdict
from neuralopt.views.figures.canvas import SMALL, axes_of, canvas, empty
from neuralopt.views.labels import folded, shortened
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 16
"""Candidates that are drawn, the best ones."""


def verdict_figure(view: RunView) -> Figure:
    """Return the candidates of the newest verdict with 95% intervals, best first.

    Args:
        view: of a search.

    Returns:
        The figure; the reference of the comparisons is a line.
    """
    record = objective_verdict(view.verdicts)
    if record is None:
        figure = canvas("Verdict on fresh seeds")
        return empty(figure, "the search has no verdict so far")
    comparison = compared(record)
    ran = [row for row in comparison.rows if row.verdict != "failed to run"]
    rows = ran[:SHOWN]
    figure = canvas(_title(comparison), width=10.0, height=2.0 + 0.42 * len(rows))
    seeds = len(record.seeds)
    axes = axes_of(figure, f"quality on {seeds} fresh seed{'s' * (seeds != 1)}, mean")
    for place, row in enumerate(rows):
        found = row.name.startswith("#")
        colour = FOUND if found else VERMILION if row.verdict == "reference" else GREY
        axes.errorbar(
            row.mean,
            place,
            xerr=[[row.mean - row.low], [row.high - row.mean]],
            fmt="o",
            markersize=9,
            linewidth=2.5,
            capsize=4,
            color=colour,
        )
    axes.axvline(
        comparison[comparison.reference].mean,
        color=VERMILION,
        linestyle="--",
        linewidth=1,
    )
    labels = []
    for row in rows:
        text = f"{row.name}  {folded(record.rules.get(row.name, ''))}"
        labels.append(shortened(text if row.name.startswith("#") else row.name, 44))
    axes.set_yticks(range(len(rows)), labels, fontsize=SMALL)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    return figure


def _title(comparison: Comparison) -> str:
    first, reference = comparison.rows[0], comparison.reference
    if first.name == reference:
        return f"Verdict: no rule has a higher mean than {reference}"
    words = {
        "better": f"is better than {reference}",
        "no difference shown": f"is not shown to be better than {reference}",
        "not decidable at this n": (
            f"cannot be compared with {reference} on {comparison.seeds} "
            f"seed{'s' * (comparison.seeds > 1)}"
        ),
    }
    said = words.get(first.verdict, f"against {reference}")
    return f"Verdict: the first, {first.name}, {said}"
