"""Paths on a function of one variable: on its graph, and the variable by step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.paths import Array, Trajectory
from neuralopt.landscapes.pictures.style import (
    Drawing,
    Moving,
    colours_of,
    entries,
    name_axes,
    put_legend,
    two_panels,
)
from neuralopt.landscapes.pictures.visible import Box, including, visible
from neuralopt.palette import INK, SILVER

RESOLUTION = 601


def draw_on_line(landscape: Landscape, paths: Sequence[Trajectory]) -> Drawing:
    """Draw paths on the graph of a function, and where they are at each step.

    Args:
        landscape: of one variable.
        paths: on it.

    Returns:
        The drawing. The first lines of each panel are the paths, in their order.
    """
    verb = "climbing" if landscape.uphill else "on"
    figure, left, right = two_panels(
        f"Paths of optimizers {verb} {landscape.formula}", share=1.1
    )
    starts = np.array([path.points[0] for path in paths])
    box = including(landscape.box, starts)
    parts = [visible(path, box) for path in paths]
    texts = entries(paths, [note for _, note in parts])
    colour_of = colours_of(texts)
    moving: list[Moving] = []
    handles: dict[str, Line2D] = {}
    for path, (points, _) in zip(paths, parts, strict=True):
        colour, text = colour_of[path.label], texts[path.label]
        x = points[:, 0]
        heights = landscape.heights(torch.from_numpy(points)).numpy()
        style: dict[str, Any] = {"color": colour, "marker": ".", "ms": 7, "lw": 0.9}
        (line,) = left.plot(x, heights, **style, label=text)
        numbers, places = path.numbers, path.points[:, 0]
        (curve,) = right.plot(numbers, places, color=colour, lw=1.8)
        moving += [Moving(line, x, heights), Moving(curve, numbers, places)]
        handles.setdefault(text, line)
    _graph(left, landscape, box)
    marks = _marks(left, landscape, starts)
    name_axes(left, "x", "value")
    name_axes(right, "step", "x")
    if any(note for _, note in parts):
        right.set_ylim(*box[0])
    right.grid(color=SILVER, lw=0.5, alpha=0.6)
    for (place,) in landscape.optima:
        right.axhline(place, color=INK, lw=0.8, ls=":")
    put_legend(figure, [*handles.values(), *marks])
    steps = max(len(path.points) for path in paths) - 1
    return Drawing(figure, tuple(moving), steps, tuple(paths))


def _graph(axes: Axes, landscape: Landscape, box: Box) -> None:
    x = torch.linspace(*box[0], RESOLUTION, dtype=torch.float64)
    heights = landscape.heights(x[:, None])
    axes.plot(x.numpy(), heights.numpy(), color=SILVER, lw=2.2, zorder=0)
    axes.set_xlim(*box[0])


def _marks(axes: Axes, landscape: Landscape, starts: Array) -> list[Line2D]:
    """The starts and the optima, and their entries of the legend."""
    plain: dict[str, Any] = {"ls": "none", "color": INK, "zorder": 5}
    heights = landscape.heights(torch.from_numpy(starts)).numpy()
    found = axes.plot(
        starts[:, 0], heights, **plain, marker="o", ms=8, mfc="white", label="start"
    )
    if landscape.optima:
        optima = torch.tensor(landscape.optima, dtype=torch.float64)
        name = "maximum" if landscape.uphill else "minimum"
        name = f"local {name}" if len(optima) > 1 else name
        x, y = optima[:, 0].numpy(), landscape.heights(optima).numpy()
        found += axes.plot(x, y, **plain, marker="*", ms=14, mec="white", label=name)
    return found
