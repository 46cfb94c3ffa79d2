"""Draw how the scores of a search are distributed as it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuralopt.palette import ORANGE, SEQUENTIAL, VERMILION
from neuralopt.views.columns import Floats, Integers
from neuralopt.views.figures.canvas import (
    SMALL,
    axes_of,
    canvas,
    empty,
    quality_limits,
    thousands,
)
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS, ROWS = 36, 32
"""Cells of the picture at most: intervals of rules trained, and of quality."""

QUANTILES = {0.9: "-", 0.5: "--"}
"""Line styles of the quantiles that are drawn."""


def score_columns(view: RunView) -> tuple[Floats, Integers, Floats]:
    """Return the qualities of scored rules, in intervals of rules trained.

    Args:
        view: of a search with a scored rule.

    Returns:
        Edges of the intervals; the interval of each scored rule that is kept; its
        quality.
    """
    scored = view.proposals.where("scored")
    columns = int(np.clip(scored.sum() // 30, 1, COLUMNS))
    edges = np.linspace(0, view.charged, columns + 1)
    place = np.searchsorted(edges, view.proposals.charged[scored], side="left") - 1
    return edges, np.clip(place, 0, columns - 1), view.proposals.quality[scored]


def scores_figure(view: RunView) -> Figure:
    """Return the distribution of scores over the course of the search.

    Args:
        view: of a search.

    Returns:
        The figure: a column of cells for each interval, with quantiles as lines.
    """
    sample = f",\nof a sample of {len(view.proposals):,} proposals" * view.is_sample
    figure = canvas(f"Scores over the course of the search{sample}")
    if not view.proposals.where("scored").any():
        return empty(figure, "no rule was scored so far")
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import PercentFormatter

    axes = axes_of(figure, "rules trained", "quality of scored rules")
    edges, place, quality = score_columns(view)
    rows = np.linspace(*quality_limits(quality), ROWS + 1)
    cells, _, _ = np.histogram2d(place, quality, bins=(np.arange(len(edges)), rows))
    of_column = np.maximum(cells.sum(axis=1, keepdims=True), 1)
    shares = np.ma.masked_equal(cells / of_column, 0).T
    drawn = axes.pcolormesh(
        edges,
        rows,
        shares,
        cmap=SEQUENTIAL,
        norm=PowerNorm(0.4, vmin=0),
        rasterized=True,
    )
    bar = figure.colorbar(drawn, ax=axes, pad=0.02, format=PercentFormatter(1, 0))
    bar.set_label("share of the interval's rules", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    middles = (edges[:-1] + edges[1:]) / 2
    for share, line in QUANTILES.items():
        values = [
            np.quantile(quality[place == column], share) if (place == column).any()
            else np.nan
            for column in range(len(middles))
        ]  # fmt: skip
        name = "median" if share == 0.5 else "best tenth from here"
        axes.plot(
            middles, values, line, color=VERMILION, linewidth=2.5, label=name,
            marker="o" if len(middles) < 3 else None,
        )  # fmt: skip
    for each in view.baselines:
        if each.name == "adam":
            axes.axhline(each.quality, color=ORANGE, linewidth=1.5, label="adam")
    axes.set_xlim(0, view.charged)
    axes.grid(visible=False)
    thousands(axes)
    figure.legend(loc="outside lower center", ncols=3, fontsize=SMALL, frameon=False)
    return figure
