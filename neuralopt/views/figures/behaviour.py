"""Draw a map of what was found: families of behaviour, and sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuralopt.palette import SEQUENTIAL
from neuralopt.spaces.describing import SIZES
from neuralopt.views.columns import Floats, Integers
from neuralopt.views.figures.canvas import SMALL, canvas, empty, style
from neuralopt.views.labels import shortened
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 12
"""Combinations of families that are shown, those of the best rules."""


@dataclass(frozen=True, slots=True)
class BehaviourMap:
    """Rules by the families of their behaviour and by size.

    Attributes:
        families: a name for each row, the row of the best rule first.
        sizes: a name for each column, such as ``3-4``.
        best: (rows, columns): the highest quality; NaN in an empty cell.
        count: (rows, columns): rules.
        number: (rows, columns): of the best proposal; -1 in an empty cell.
    """

    families: tuple[str, ...]
    sizes: tuple[str, ...]
    best: Floats
    count: Integers
    number: Integers


def behaviour_map(view: RunView, most: int | None = ROWS) -> BehaviourMap:
    """Return the rules with a recorded behaviour and a size, in cells.

    Args:
        view: of a search.
        most: rows; None for all.

    Returns:
        The map; its rows are the combinations of families with the best rules.
    """
    kept = view.proposals
    known = (kept.families >= 0) & (kept.size > 0)
    kinds, sizes = kept.families[known], np.searchsorted(SIZES, kept.size[known])
    quality = kept.quality[known]
    combinations, rows = np.unique(kinds, return_inverse=True)
    best = np.full((len(combinations), len(SIZES) + 1), -np.inf)
    count = np.zeros(best.shape, np.int64)
    np.maximum.at(best, (rows, sizes), quality)
    np.add.at(count, (rows, sizes), 1)
    number = np.full(best.shape, -1, np.int64)
    rising = np.argsort(quality, kind="stable")  # the best of a cell comes last
    number[rows[rising], sizes[rising]] = kept.number[known][rising]
    order = np.argsort(-best.max(axis=1, initial=-np.inf), kind="stable")[:most]
    best = np.where(count > 0, best, np.nan)
    names = [_name(int(bits), view.families) for bits in combinations]
    starts = (0, *SIZES)
    filled = np.flatnonzero(count.any(axis=0))
    shown = slice(0, int(filled[-1]) + 1 if len(filled) else 0)
    columns = [
        f"{start + 1}-{end}" if end > start + 1 else str(end)
        for start, end in zip(starts, SIZES, strict=False)
    ]
    return BehaviourMap(
        families=tuple(names[row] for row in order),
        sizes=(*columns, f"{SIZES[-1] + 1}+")[shown],
        best=best[order, shown],
        count=count[order, shown],
        number=number[order, shown],
    )


def _name(bits: int, families: tuple[str, ...]) -> str:
    has = [name for bit, name in enumerate(families) if bits >> bit & 1]
    return ", ".join(_SHORT.get(name, name) for name in has) or "none of them"


_SHORT = {
    "scale-invariant": "scale-free",
    "with memory": "memory",
    "weight decay": "decay",
}


def behaviour_figure(view: RunView) -> Figure:
    """Return the best quality of each combination of families and size.

    Args:
        view: of a search.

    Returns:
        The figure; each cell says how many rules it is of.
    """
    found = behaviour_map(view)
    figure = canvas(
        "Best quality by families of behaviour and by size;\n"
        "in each cell, how many rules were looked at",
        width=10.0,
        height=2.6 + 0.42 * max(len(found.families), 5),
    )
    if not found.families:
        return empty(figure, "no rule was named so far")
    axes = figure.add_subplot()
    style(axes, "size, nodes of the rule")
    drawn = axes.imshow(found.best, cmap=SEQUENTIAL, aspect="auto")
    middle = (np.nanmin(found.best) + np.nanmax(found.best)) / 2
    for row, column in zip(*np.nonzero(found.count), strict=True):
        light = found.best[row, column] < middle
        axes.text(
            column,
            row,
            f"{found.count[row, column]:,}",
            ha="center",
            va="center",
            fontsize=SMALL,
            color="white" if light else "black",
        )
    axes.set_xticks(range(len(found.sizes)), found.sizes)
    axes.set_yticks(
        range(len(found.families)), [shortened(name, 42) for name in found.families]
    )
    axes.grid(visible=False)
    bar = figure.colorbar(drawn, ax=axes, pad=0.02)
    bar.set_label("best quality", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure
