"""Draw quality against size, with the Pareto front and its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuralopt.archive.ranking import RankedRule
from neuralopt.palette import FOUND, GREY, VERMILION
from neuralopt.views.figures.canvas import (
    SMALL,
    axes_of,
    canvas,
    empty,
    quality_limits,
)
from neuralopt.views.labels import folded, shortened
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LISTED = 10
"""Rules of the front that are written below it, the larger ones."""


def front_figure(view: RunView) -> Figure:
    """Return the qualities of rules against their sizes, the front thick.

    Args:
        view: of a search.

    Returns:
        The figure; the rules of the front are numbered and written below it.
    """
    known = [rule for rule in view.front if rule.size is not None]
    listed = known[-LISTED:]
    height = 4.9 + 0.26 * len(listed)
    figure = canvas(_title(view), height=height)
    kept = view.proposals
    sized = kept.size > 0
    if not sized.any():
        scored = view.counts.get("scored", 0)
        unread = f"none of the {scored:,} scored rules can be read by this version"
        return empty(figure, unread if scored else "no rule was scored so far")
    axes = axes_of(figure, "size, nodes of the rule", "quality")
    axes.scatter(
        kept.size[sized],
        kept.quality[sized],
        s=16,
        color=GREY,
        alpha=0.35,
        linewidths=0,
        label="a rule, by single score",
    )
    sizes = [rule.size or 0 for rule in known]
    worths = [rule.worth[1] for rule in known]
    axes.plot(
        sizes,
        worths,
        color=FOUND,
        linewidth=3,
        marker="o",
        markersize=9,
        label="front, by the mean if measured",
        drawstyle="steps-post",
    )
    for number, rule in enumerate(listed, 1):
        axes.annotate(
            str(number),
            (rule.size or 0, rule.worth[1]),
            (0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL,
            fontweight="bold",
            color=FOUND,
        )
    adam = next((each for each in view.baselines if each.name == "adam"), None)
    heights = worths
    if adam is not None:
        heights = [*worths, adam.quality]
        axes.axhline(adam.quality, color=VERMILION, linewidth=1.5, linestyle="--")
        axes.annotate(
            "adam",
            (1.01, adam.quality),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=SMALL,
            color=VERMILION,
        )
    axes.set_xlim(0, float(np.quantile(kept.size[sized], 0.99)) + 1.5)
    axes.set_ylim(quality_limits(np.append(kept.quality[sized], heights)))
    axes.locator_params(axis="x", integer=True)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=SMALL, frameon=False
    )
    if listed:
        figure.supxlabel(
            "\n".join(_line(number, rule) for number, rule in enumerate(listed, 1)),
            fontsize=SMALL,
            family="monospace",
            ha="left",
            x=0.02,
        )
    return figure


def _title(view: RunView) -> str:
    scored = view.counts.get("scored", 0)
    if view.sizes_read < scored:
        return (
            f"Quality against size, of {view.sizes_read:,} of {scored:,} scored rules"
        )
    return f"Quality against size, of {scored:,} scored rules"


def _line(number: int, rule: RankedRule) -> str:
    text = shortened(folded(rule.rule), 58)
    return f"{number:>2}  {rule.worth[1]:.3f}  {text}"
