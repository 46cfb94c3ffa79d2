"""Figures of one look, in large type: TensorBoard shows pictures small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralopt.palette import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 8.0, 5.5
"""Inches of a figure, of which most pictures are one."""

DOTS = 120
"""Pixels an inch."""

TITLE, LABEL, SMALL = 17, 15, 13
"""Sizes of type in points."""


def canvas(title: str, width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Return an empty figure with a title.

    Args:
        title: says what is seen; several lines are possible.
        width: in inches.
        height: in inches.

    Returns:
        A figure that belongs to no window and that nobody has to close.
    """
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=DOTS, layout="constrained", facecolor="white")
    figure.suptitle(title, fontsize=TITLE, x=0.01, ha="left")
    return figure


def axes_of(figure: Figure, xlabel: str = "", ylabel: str = "") -> Axes:
    """Return the axes of a figure of one picture.

    Args:
        figure: without axes.
        xlabel: with the unit.
        ylabel: with the unit.

    Returns:
        The axes, in the common look.
    """
    axes = figure.add_subplot()
    style(axes, xlabel, ylabel)
    return axes


def style(axes: Axes, xlabel: str = "", ylabel: str = "") -> None:
    """Give axes the common look.

    Args:
        axes: of any figure.
        xlabel: with the unit.
        ylabel: with the unit.
    """
    axes.set_xlabel(xlabel, fontsize=LABEL)
    axes.set_ylabel(ylabel, fontsize=LABEL)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)


def thousands(axes: Axes) -> None:
    """Write counts on the x axis with commas, and not too many of them.

    Args:
        axes: whose x axis is of counts.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def quality_limits(quality: NDArray[np.float64]) -> tuple[float, float]:
    """Return the limits of an axis of quality.

    Args:
        quality: of the rules, one or more.

    Returns:
        From 0, unless all rules are in the upper half (as with gates, which stop the
        others), to a little more than the highest.
    """
    low, high = float(quality.min()), max(float(quality.max()), 0.01)
    room = 0.08 * (high - low)
    return (low - room if low > high / 2 else 0.0), high + max(room, 0.001)


def empty(figure: Figure, message: str) -> Figure:
    """Return a figure that says why there is nothing to see.

    Args:
        figure: without axes.
        message: a sentence.

    Returns:
        The same figure.
    """
    figure.text(0.5, 0.5, message, ha="center", va="center", fontsize=LABEL, color=GREY)
    return figure


def png_of(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file, the same ones each time.

    Args:
        figure: complete.

    Returns:
        The file's content, without a date or the name of a program.
    """
    from io import BytesIO

    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def apart(places: Sequence[float], least: float) -> list[float]:
    """Return places for labels near the given ones that don't overlap.

    Args:
        places: where the labels belong, in any order.
        least: distance between two of them.

    Returns:
        A place for each label, in the given order.
    """
    order = np.argsort(places, kind="stable")
    wanted = np.array(places, np.float64)[order] - least * np.arange(len(places))
    # The nearest rising places: pools of labels that collide share their mean.
    pools: list[list[float]] = []
    for place in wanted.tolist():
        pools.append([place])
        while len(pools) > 1 and np.mean(pools[-2]) >= np.mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    moved = [float(np.mean(pool)) for pool in pools for _ in pool]
    found = np.empty(len(places))
    found[order] = np.array(moved) + least * np.arange(len(places))
    return [float(place) for place in found]
