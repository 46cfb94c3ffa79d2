"""Draw a search in one picture: all rules, the best so far, what was found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuralopt.palette import FOUND, GREY, INK, SILVER, VERMILION, baseline_colour
from neuralopt.views.figures.canvas import (
    SMALL,
    apart,
    axes_of,
    canvas,
    empty,
    quality_limits,
)
from neuralopt.views.labels import folded, shortened
from neuralopt.views.run_view import Rediscovered, RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 11.0, 6.0
"""Inches."""

LABELS = 12
"""Rediscovered rules that are named, the best ones."""


def search_figure(view: RunView) -> Figure:
    """Return the scores of all rules in the order of training, and what stands out.

    Args:
        view: of a search.

    Returns:
        The figure: a dot for each scored rule, the highest score so far, known
        optimizers as lines, and the first rules that behave like named ones.
    """
    figure = canvas(_title(view), WIDTH, HEIGHT)
    scored = view.proposals.where("scored")
    if not scored.any():
        return empty(figure, "no rule was scored so far")
    axes = axes_of(figure, "rules trained, logarithmic", "quality")
    axes.set_xscale("log")
    quality = view.proposals.quality[scored]
    charged = view.proposals.charged[scored]
    axes.scatter(
        charged,
        quality,
        s=7,
        color=SILVER,
        alpha=0.4,
        linewidth=0,
        rasterized=True,
        label="scored rules" + ", a sample" * view.is_sample,
    )
    best = view.best_scores
    axes.step(
        np.append(best.charged, view.charged),
        np.append(best.quality, best.quality[-1:]),
        where="post",
        color=FOUND,
        linewidth=2.5,
        label="highest score so far",
    )
    for number, each in enumerate(view.baselines[:2]):
        colour = baseline_colour(each.name, number)
        axes.axhline(
            each.quality, color=colour, linewidth=1.5, linestyle="--", label=each.name
        )
    axes.set_xlim(0.8 * max(best.charged[0], 1), 1.1 * max(view.charged, 10))
    axes.set_ylim(*quality_limits(quality))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _name_rediscovered(axes, view)
    figure.legend(
        loc="outside lower center",
        ncols=5,
        fontsize=SMALL,
        frameon=False,
        markerscale=3,
    )
    return figure


def _title(view: RunView) -> str:
    trained = f"{view.charged:,} rules trained"
    if not view.leaderboard:
        return trained
    first = view.leaderboard[0]
    rule = shortened(folded(first.rule), 84)
    return f"{trained}, the best {first.worth[1]:.3f}\n{rule}"


def _name_rediscovered(axes: Axes, view: RunView) -> None:
    """Mark the first rules like named ones, with the names above the picture."""
    scored = [each for each in view.rediscoveries if not each.stopped]
    shown = sorted(scored, key=lambda each: -each.quality)[:LABELS]
    shown.sort(key=lambda each: each.charged)
    low, high = np.log(axes.get_xlim())
    places = [(np.log(each.charged) - low) / (high - low) for each in shown]
    for each, place in zip(shown, apart(places, 0.032), strict=True):
        _mark(axes, each, place)


def _mark(axes: Axes, found: Rediscovered, place: float) -> None:
    """A dot, and the name above the axes at a share of their width."""
    spot = (found.charged, found.quality)
    axes.scatter(*spot, s=42, color=VERMILION, edgecolor="white", zorder=4)
    axes.annotate(
        f"{found.name}, {found.charged:,}",
        spot,
        (place, 1.02),
        textcoords="axes fraction",
        rotation=35,
        rotation_mode="anchor",
        fontsize=SMALL,
        color=INK,
        arrowprops={
            "arrowstyle": "-",
            "color": GREY,
            "linewidth": 0.8,
            "shrinkA": 0,
            "relpos": (0, 0),
        },
    )
