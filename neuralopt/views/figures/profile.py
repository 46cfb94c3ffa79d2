"""Draw performance profiles: on how many workloads each contender is near the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neuralopt.palette import CYCLE, GREY, rule_colours
from neuralopt.verdict.profiles import WIDEST, profile_area, time_ratios
from neuralopt.views.figures.canvas import SMALL, apart, axes_of, canvas
from neuralopt.views.labels import folded, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABEL_SPACE = 0.055
"""Least distance between two labels, in shares of workloads."""

NUDGE = 0.006
"""Lines of several contenders are drawn this much apart, so that none is hidden."""


def profile_figure(
    names: Sequence[str], times: ArrayLike, widest: float = WIDEST
) -> Figure:
    """Return the performance profile of each contender as steps.

    Args:
        names: of the contenders, distinct. The best have colours, as many as there
            are colours.
        times: to the target, shape (contenders, workloads); inf where it was missed.
        widest: the largest factor tau that is drawn.

    Returns:
        The figure; each line's label has its mean height for tau from 1 to `widest`.

    Raises:
        ValueError: as `time_ratios`, or names and times disagree.
    """
    ratios = time_ratios(times)
    if len(names) != len(ratios):
        raise ValueError(f"{len(names)} names for times of shape {ratios.shape}")
    areas = profile_area(times, widest)
    order = np.argsort(-areas, kind="stable")
    best = names[int(order[0])]
    coloured = [names[place] for place in order[: len(CYCLE)]]
    colours = dict(zip(coloured, rule_colours(coloured), strict=True))
    workloads = ratios.shape[1]
    many = "s" * (workloads != 1)
    figure = canvas(
        f"The highest profile on {workloads} workload{many}: {_shown(best, 66)}",
        width=12.0,
    )
    axes = axes_of(figure, "time to target over the shortest", "share of workloads")
    ends = []
    for place, (name, row) in enumerate(zip(names, ratios, strict=True)):
        met = np.sort(row[row <= widest])
        heights = np.arange(len(met) + 1) / workloads
        shift = NUDGE * (place - (len(names) - 1) / 2)
        colour = colours.get(name, GREY)
        axes.step(
            [1.0, *met, widest],
            np.array([*heights, heights[-1]]) + shift,
            where="post",
            color=colour,
            linewidth=2.5 if name in colours else 1.2,
        )
        ends.append((heights[-1] + shift, name, colour))
    spots = apart([height for height, _, _ in ends], LABEL_SPACE)
    for spot, (_, name, colour), area in zip(spots, ends, areas, strict=True):
        axes.annotate(
            f"{area:.2f}  {_shown(name, 38)}",
            (1.0, spot),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=colour,
        )
    axes.set_xlim(1.0, widest)
    axes.set_ylim(-0.04, 1.06)
    return figure


def _shown(name: str, most: int) -> str:
    """A name as it is, the text of a rule as short as it can be told."""
    return shortened(name if name.isidentifier() else folded(name), most)
