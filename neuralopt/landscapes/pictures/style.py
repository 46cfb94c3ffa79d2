"""What the pictures of paths share: colours, type, and drawings that can move."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from neuralopt.landscapes.paths import Array, Trajectory
from neuralopt.palette import CYCLE, INK, rule_colours
from neuralopt.shortening import shortened

ROWS = 3
"""Rows of a legend that a figure has room for; it grows for more."""

RATE = ", lr "
"""Between the name of a rule and its learning rate, in a label."""

LONGEST = 44
"""Characters of a rule in a legend; longer ones are cut."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A line that an animation draws step by step.

    Attributes:
        line: as it is at the end.
        x: of all its points.
        y: of all its points.
    """

    line: Line2D
    x: Array
    y: Array

    def show(self, steps: int) -> None:
        """Show the points of so many steps."""
        self.line.set_data(self.x[: steps + 1], self.y[: steps + 1])


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture, and what moves in its animation.

    Attributes:
        figure: the picture at the end.
        moving: its moving lines.
        steps: frames that show all, less one: kept steps of the longest path.
        paths: that are drawn.
    """

    figure: Figure
    moving: tuple[Moving, ...]
    steps: int
    paths: tuple[Trajectory, ...]


def colours_of(labels: Iterable[str]) -> dict[str, str]:
    """Return the colours of paths by label, or shades in order where there are many.

    Args:
        labels: of paths. A known optimizer has the colour that it has everywhere, if it
            is drawn at one learning rate.
    """
    labels = list(labels)
    if len(labels) > len(CYCLE):
        shades = mpl.colormaps["viridis"](np.linspace(0, 0.92, len(labels)))
        found = [mpl.colors.to_hex(shade) for shade in shades]
    else:
        found = rule_colours([label.rpartition(RATE)[0] or label for label in labels])
    return dict(zip(labels, found, strict=True))


def widths(count: int) -> list[float]:
    """Return widths of lines, so that earlier ones show where later ones cover them.

    Args:
        count: lines to draw.
    """
    return [float(each) for each in np.linspace(3.0 if count > 1 else 1.6, 1.4, count)]


def entries(paths: Sequence[Trajectory], notes: Sequence[str]) -> dict[str, str]:
    """Return the texts of a legend: one for all paths of a label, with a note.

    Args:
        paths: drawn in one colour where they have one label, and differ by their start.
        notes: on each path; may be empty.

    Returns:
        Label -> text, in the order of the paths.
    """
    texts = {}
    for label in dict.fromkeys(path.label for path in paths):
        its = [n for path, n in zip(paths, notes, strict=True) if path.label == label]
        told = [note for note in its if note]
        note = told[0] if told else ""
        if told and len(its) > 1:
            note = f"{len(told)} of {len(its)} leave the picture or diverge"
        texts[label] = _entry(label) + (f" ({note})" if note else "")
    return texts


def _entry(label: str) -> str:
    """A label whose rule is cut if it is long; the rate at its end is kept."""
    rule, comma, rate = label.rpartition(RATE)
    return shortened(rule, LONGEST) + comma + rate if comma else label


def two_panels(title: str, share: float = 1.35) -> tuple[Figure, Axes, Axes]:
    """Return a figure of two panels, the left one wider.

    Args:
        title: of the figure.
        share: width of the left panel, in widths of the right one.
    """
    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(share, 1))
    figure.suptitle(title, fontsize=14, color=INK)
    for axes in (left, right):
        axes.tick_params(labelsize=11, colors=INK)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, left, right


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Name both axes of a panel, in the type that all panels have."""
    axes.set_xlabel(x, fontsize=12, color=INK)
    axes.set_ylabel(y, fontsize=12, color=INK)


def put_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Put one legend below both panels.

    Args:
        figure: the figure.
        handles: what it explains; those that have labels.
    """
    longest = max((len(str(each.get_label())) for each in handles), default=0)
    columns = 1 if longest > 60 else 2 if longest > 34 or len(handles) < 5 else 3
    if longest <= 16:
        columns = 5
    extra = math.ceil(len(handles) / columns) - ROWS
    if extra > 0:
        figure.set_figheight(figure.get_figheight() + 0.24 * extra)
    figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=columns,
        fontsize=11,
        frameon=False,
        labelcolor=INK,
    )
