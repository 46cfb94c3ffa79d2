"""Draw when a search found rules that behave like named ones."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from neuralopt.palette import FOUND, PALE
from neuralopt.views.figures.canvas import SMALL, axes_of, canvas, empty
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 16
"""Rediscoveries that are drawn, the last ones."""


def rediscovery_figure(view: RunView) -> Figure:
    """Return the rediscoveries as events, against rules trained.

    Args:
        view: of a search.

    Returns:
        The figure; next to each event, the score, or that the rule was stopped.
    """
    count = len(view.rediscoveries)
    shown = view.rediscoveries[-SHOWN:]
    last = f", the last {SHOWN} of {count}" if count > SHOWN else ""
    figure = canvas(
        f"Known rules that were found again{last}",
        height=2.0 + 0.4 * max(len(shown), 4),
    )
    if not shown:
        return empty(figure, "no known rule was found so far")
    axes = axes_of(figure, "rules trained, logarithmic")
    rows = range(len(shown))
    charged = [max(each.charged, 1) for each in shown]
    axes.hlines(rows, 0.8, charged, color=PALE, linewidth=3)
    axes.scatter(charged, rows, s=130, color=FOUND, zorder=3)
    for row, each in zip(rows, shown, strict=True):
        score = "" if isnan(each.quality) else f", quality {each.quality:.3f}"
        score = ", stopped" if each.stopped else score
        axes.annotate(
            f"#{each.number}{score}", (max(each.charged, 1), row), (11, 0),
            textcoords="offset points", va="center", fontsize=SMALL,
        )  # fmt: skip
    axes.set_yticks(rows, [each.name for each in shown])
    axes.set_xscale("log")
    # Room for the text of the last one: a logarithmic axis is widened by a power.
    end = max(view.charged, 10)
    axes.set_xlim(0.8, end**1.45)
    axes.set_xticks([10**n for n in range(7) if 10**n <= end])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_ylim(len(shown) - 0.5, -0.6)
    axes.grid(axis="y", visible=False)
    return figure
