"""Draw the best rule so far against what the search was charged for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuralopt.palette import FOUND, GREY, baseline_colour
from neuralopt.views.figures.canvas import (
    SMALL,
    apart,
    axes_of,
    canvas,
    empty,
    thousands,
)
from neuralopt.views.labels import folded, shortened
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def best_figure(view: RunView) -> Figure:
    """Return the best mean so far with its interval, and the known optimizers as lines.

    The highest single score is drawn too: it is above the mean of the same rule partly
    by luck.

    Args:
        view: of a search.

    Returns:
        The figure.
    """
    figure = canvas(_title(view))
    if not len(view.best_scores.quality):
        return empty(figure, "no rule was scored so far")
    axes = axes_of(figure, "rules trained", "quality")
    scores, means = view.best_scores, view.best_means
    end = max(view.charged, 1)
    axes.step(
        np.append(scores.charged, end),
        np.append(scores.quality, scores.quality[-1:]),
        where="post",
        color=GREY,
        linewidth=1.5,
        label="highest single score",
    )
    if len(means.mean):
        charged = np.append(means.charged, end)
        low, mean, high = (
            np.append(each, each[-1:]) for each in (means.low, means.mean, means.high)
        )
        axes.fill_between(
            charged, low, high, step="post", color=FOUND, alpha=0.2, linewidth=0
        )
        axes.step(
            charged,
            mean,
            where="post",
            color=FOUND,
            linewidth=3,
            label="best mean, 95% interval",
        )
    _limit(axes, view)
    _draw_baselines(axes, view)
    axes.set_xlim(0, end)
    thousands(axes)
    figure.legend(loc="outside lower center", ncols=2, fontsize=SMALL, frameon=False)
    return figure


def _title(view: RunView) -> str:
    if not view.leaderboard:
        return "Best rule so far"
    first = view.leaderboard[0]
    known = [f" ({each.name} {each.quality:.3f})" for each in view.baselines[:1]]
    rule = shortened(folded(first.rule), 58)
    against = "".join(known)
    return f"Best rule so far: {first.worth[1]:.3f}{against}\n{rule}"


def _limit(axes: Axes, view: RunView) -> None:
    """Leave out the first rules, which are so low that nothing else could be seen."""
    values = [each.quality for each in view.baselines]
    values += view.best_means.high.tolist() + view.best_scores.quality[-1:].tolist()
    late = view.best_scores.charged >= view.charged / 50
    low = [*view.best_means.low.tolist(), *view.best_scores.quality[late].tolist()]
    bottom, top = min(values + low), max(values)
    room = max(top - bottom, 0.02) * 0.08
    axes.set_ylim(max(bottom - room, 0), min(top + room, 1.02))


def _draw_baselines(axes: Axes, view: RunView) -> None:
    """Draw lines whose names are written at their right ends, one below the other."""
    bottom, top = axes.get_ylim()
    places = apart([each.quality for each in view.baselines], (top - bottom) / 18)
    for number, (each, place) in enumerate(zip(view.baselines, places, strict=True)):
        colour = baseline_colour(each.name, number)
        axes.axhline(each.quality, color=colour, linewidth=1.5, linestyle="--")
        axes.annotate(
            each.name,
            (1, each.quality),
            (1.03, place),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=SMALL,
            color=colour,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8},
        )
