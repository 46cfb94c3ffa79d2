"""Paths on a surface of two variables: contours, and losses by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.lines import Line2D

from neuralopt.landscapes.landscape import Landscape, Point
from neuralopt.landscapes.paths import Array, Trajectory
from neuralopt.landscapes.pictures.style import (
    Drawing,
    Moving,
    colours_of,
    entries,
    name_axes,
    put_legend,
    two_panels,
    widths,
)
from neuralopt.landscapes.pictures.visible import Box, including, visible
from neuralopt.palette import INK, SILVER

RESOLUTION, LEVELS = 161, 15

SMALL = 0.15
"""Paths that take a smaller share of both axes are magnified in a corner."""

INSET = 0.4
"""Width and height of that corner, as shares of the panel."""

ROUNDING = 1e-12
"""Losses closer to the best, as a share of the first, are not told apart."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A surface over a rectangle.

    Attributes:
        title: of the picture.
        x: grid along the first axis.
        y: grid along the second axis.
        heights: (y, x); not finite where there is no value.
        axes: names of both axes.
        loss: name of what the right panel shows.
        floor: of contours and of the right panel, which then shows the distance to it;
            None if it is not known.
        optima: points to mark.
        labelled: whether contours are labelled with their heights.
    """

    title: str
    x: Array
    y: Array
    heights: Array
    axes: tuple[str, str] = ("x", "y")
    loss: str = "loss"
    floor: float | None = None
    optima: tuple[Point, ...] = ()
    labelled: bool = False

    @property
    def box(self) -> Box:
        """Limits of both axes."""
        x, y = self.x, self.y
        return (float(x[0]), float(x[-1])), (float(y[0]), float(y[-1]))


def surface_of(landscape: Landscape, starts: Sequence[Point]) -> Surface:
    """Compute a landscape of two variables on a grid.

    Args:
        landscape: the landscape.
        starts: points that the picture must hold.

    Returns:
        The surface.
    """
    box = including(landscape.box, np.array(starts))
    x, y = (np.linspace(low, high, RESOLUTION) for low, high in box)
    grid = torch.from_numpy(np.stack(np.meshgrid(x, y), -1))
    return Surface(
        f"Paths of optimizers on {landscape.formula}",
        x,
        y,
        landscape.heights(grid).numpy(),
        loss="loss above the minimum",
        floor=landscape.best,
        optima=landscape.optima,
    )


def draw_on_plane(surface: Surface, paths: Sequence[Trajectory]) -> Drawing:
    """Draw paths on the contours of a surface, and their losses by step.

    Args:
        surface: the surface.
        paths: with points on it, which start inside its rectangle.

    Returns:
        The drawing. The first lines of each panel are the paths, in their order.
    """
    figure, left, right = two_panels(surface.title)
    parts = [visible(path, surface.box) for path in paths]
    texts = entries(paths, [note for _, note in parts])
    colour_of = colours_of(texts)
    moving: list[Moving] = []
    handles: dict[str, Line2D] = {}
    floor = surface.floor or 0.0
    for path, (points, _), width in zip(paths, parts, widths(len(paths)), strict=True):
        colour, text = colour_of[path.label], texts[path.label]
        style: dict[str, Any] = {"color": colour, "lw": width, "marker": ".", "ms": 4}
        (line,) = left.plot(*points.T, **style, label=text)
        above = path.losses - floor
        (curve,) = right.plot(path.numbers, above, color=colour, lw=width)
        moving += [Moving(line, *points.T), Moving(curve, path.numbers, above)]
        handles.setdefault(text, line)
    _contours(left, surface)
    marks = _marks(left, surface, paths)
    left.set(xlim=surface.box[0], ylim=surface.box[1])
    if near := _near(surface, parts):
        moving += _magnify(left, near, moving[::2])
    name_axes(left, *surface.axes)
    _losses_axis(right, surface, [path.losses - floor for path in paths])
    put_legend(figure, [*handles.values(), *marks])
    steps = max(len(path.points) for path in paths) - 1
    return Drawing(figure, tuple(moving), steps, tuple(paths))


def _near(surface: Surface, parts: Sequence[tuple[Array, str]]) -> Box | None:
    """A rectangle of the picture's shape around paths that are small in it, or None."""
    points = np.concatenate([points for points, _ in parts])
    low, high = points.min(0), points.max(0)
    size = np.array([end - begin for begin, end in surface.box])
    share = float(((high - low) / size).max())
    if not 0 < share < SMALL:
        return None
    middle, half = (low + high) / 2, 0.65 * share * size
    (left, bottom), (right, top) = middle - half, middle + half
    return (float(left), float(right)), (float(bottom), float(top))


def _magnify(axes: Axes, near: Box, lines: Sequence[Moving]) -> list[Moving]:
    """Draw paths again, magnified, in the corner of the panel farthest from them."""
    place = [
        0.0 if sum(ends) > sum(limits) else 1 - INSET
        for ends, limits in zip(near, (axes.get_xlim(), axes.get_ylim()), strict=True)
    ]
    inset = axes.inset_axes((place[0], place[1], INSET, INSET))
    found = []
    for each in lines:
        style: dict[str, Any] = {
            "color": each.line.get_color(),
            "lw": 1.4,
            "marker": ".",
            "ms": 4,
        }
        (line,) = inset.plot(each.x, each.y, **style)
        found.append(Moving(line, each.x, each.y))
    inset.set(xlim=near[0], ylim=near[1], xticks=[], yticks=[])
    (left, right), (low, high) = axes.get_xlim(), near[0]
    factor = INSET * (right - left) / (high - low)
    inset.text(
        0.04, 0.04, rf"$\times${factor:.0f}", transform=inset.transAxes, fontsize=11
    )
    axes.indicate_inset_zoom(inset, edgecolor=INK)
    return found


def _contours(axes: Axes, surface: Surface) -> None:
    heights = np.ma.masked_invalid(surface.heights)
    if not heights.count():
        return
    floor = heights.min() if surface.floor is None else surface.floor
    above = heights - floor
    high = float(above.max())
    low = max(float(np.quantile(above.compressed(), 0.01)), 1e-5 * high)
    if not low > 0:
        return
    shown = floor + np.geomspace(low, high, LEVELS)
    levels = [floor - 1.0, *shown]
    if not bool((np.diff(levels) > 0).all()):
        return  # a surface that is flat, or is so after rounding, has no contours
    grid = surface.x, surface.y
    greys = [str(shade) for shade in np.linspace(1.0, 0.86, LEVELS + 1)]
    axes.contourf(*grid, heights, levels, colors=greys, zorder=0)
    lines = axes.contour(*grid, heights, shown, colors=SILVER, linewidths=0.8, zorder=1)
    if surface.labelled:
        _label(axes, lines, shown[3::2], surface.box)


def _label(axes: Axes, lines: ContourSet, heights: Array, box: Box) -> None:
    """Write heights on contours, above the paths, and not across the picture's edge."""
    texts = axes.clabel(lines, heights, fmt="%.2g", fontsize=9, colors=INK, zorder=4)
    low, high = np.array(box).T
    for text in texts:
        text.set_bbox({"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.6})
        place = (np.array(text.get_position()) - low) / (high - low)
        if not bool(((place > 0.06) & (place < 0.94)).all()):
            text.remove()


def _marks(axes: Axes, surface: Surface, paths: Sequence[Trajectory]) -> list[Line2D]:
    """The starts and the optima, and their entries of the legend."""
    starts = np.unique([path.points[0] for path in paths], axis=0)
    plain: dict[str, Any] = {"ls": "none", "color": INK, "zorder": 5}
    found = axes.plot(
        *starts.T, **plain, marker="o", ms=8, mfc="white", mew=1.6, label="start"
    )
    if surface.optima:
        found += axes.plot(
            *np.array(surface.optima).T,
            **plain,
            marker="*",
            ms=14,
            mec="white",
            label="minimum",
        )
    return found


def _losses_axis(axes: Axes, surface: Surface, losses: Sequence[Array]) -> None:
    """A logarithmic axis from the best loss to the worst start or a little above."""
    name_axes(axes, "step", surface.loss)
    axes.set_yscale("log")
    axes.grid(color=SILVER, lw=0.5, alpha=0.6)
    first = max(each[0] for each in losses)
    positive = np.concatenate([each[each > ROUNDING * first] for each in losses])
    if len(positive) and first > 0:
        top = min(max(each.max() for each in losses), 30 * first)
        axes.set_ylim(max(positive.min(), ROUNDING * first) / 2, 2 * top)
