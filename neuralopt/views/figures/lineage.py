"""Draw the ancestry of a rule, from its roots at the left to the rule at the right."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralopt.palette import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    VERMILION,
)
from neuralopt.views.figures.canvas import SMALL, canvas
from neuralopt.views.labels import folded
from neuralopt.views.lineage import Lineage, Relative, earlier_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENERATIONS = 4
"""Generations that are drawn other than the rule's own."""

ABREAST = 4
"""Rules of one generation that are drawn, the best ones."""

LETTERS = 16
"""Characters in a line of a box."""

RULE_LINES = 5

KIND_COLOURS: Mapping[str, str] = {
    "mutation": BLUE,
    "rearrangement": GREEN,
    "crossover": VERMILION,
    "kick": PURPLE,
}
"""By kind of an origin; those without parents are grey."""

LINE = 0.245
"""Inches of a line of text; the other lengths are inches too."""

BOX, GAP, ROOM, MARGIN, TITLE_ROOM = 1.95, 0.55, 0.25, 0.15, 0.55


@dataclass(frozen=True, slots=True)
class _Box:
    """A rule as it is written, and where.

    Attributes:
        relative: the rule.
        head: its quality and number.
        text: the rule in lines.
        how: lines that say how it was made.
        x: of the left side.
        y: of the middle.
    """

    relative: Relative
    head: str
    text: tuple[str, ...]
    how: tuple[str, ...]
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        return LINE * (1 + len(self.text) + len(self.how)) + 0.16

    @property
    def top(self) -> float:
        return self.y + self.height / 2


def lineage_figure(lineage: Lineage) -> Figure:
    """Return the ancestry of a rule as a graph in layers, one for each generation.

    Args:
        lineage: of a rule.

    Returns:
        The figure; what is left out is said in it.
    """
    layers = _layers(lineage)
    shown = {each.number for layer in layers for each in layer}
    earlier = lineage.earlier + len(lineage.relatives) - len(shown)
    columns = len(layers) + bool(earlier)
    boxes = [[_box(each) for each in layer] for layer in layers]
    tallest = max(_height(layer) for layer in boxes)
    title = f"Ancestry of rule #{lineage.rule.number}"
    if len(shown) == 1 and not earlier:
        title += ", which has no recorded parents"
    width = max(columns * BOX + (columns - 1) * GAP + 2 * MARGIN, 5.4)
    room = 2 * MARGIN + (2 * ROOM if _skips(layers) else 0.0)
    height = max(tallest, 1.2) + room + TITLE_ROOM
    figure: Figure = canvas(title, width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    placed = _placed(boxes, width, MARGIN + max(tallest, 1.2) / 2)
    for each in placed.values():
        _draw(axes, each, each.relative is lineage.rule)
        for step in each.relative.steps:
            if step.parent in placed:
                _join(axes, placed[step.parent], each, placed)
    if earlier:
        _draw_earlier(axes, placed, earlier_text(earlier, lineage.complete))
    return figure


def _layers(lineage: Lineage) -> list[list[Relative]]:
    """The rules that are drawn: those of each generation, the rule's own first."""
    layers: list[list[Relative]] = []
    for generation in range(GENERATIONS + 1):
        layer = [e for e in lineage.relatives if e.generation == generation]
        if not layer:
            break
        best_first = sorted(layer, key=lambda e: -(e.quality or 0.0))
        layers.append(best_first[:ABREAST])
    return layers


def _skips(layers: Sequence[Sequence[Relative]]) -> bool:
    """Whether a parent is drawn more than one layer before its child."""
    generations = {each.number: each.generation for layer in layers for each in layer}
    return any(
        generations.get(step.parent, 0) > each.generation + 1
        for layer in layers
        for each in layer
        for step in each.steps
    )


def _box(each: Relative) -> _Box:
    quality = "no quality" if each.quality is None else f"{each.quality:.4f}"
    lines = _wrapped(folded(each.rule) or "no rule", RULE_LINES)
    how = [each.kind]
    changes = [step.change for step in each.steps if step.change]
    for change in changes:
        how += _wrapped(change, 3)
    return _Box(each, f"{quality}  #{each.number}", tuple(lines), tuple(how))


def _wrapped(text: str, most: int) -> list[str]:
    tight = text.replace(" ** ", "**")
    return textwrap.wrap(
        tight, LETTERS, max_lines=most, placeholder=" …", break_on_hyphens=False
    )


def _height(layer: Sequence[_Box]) -> float:
    return sum(each.height for each in layer) + ROOM * (len(layer) - 1)


def _placed(
    boxes: Sequence[Sequence[_Box]], width: float, middle: float
) -> dict[int, _Box]:
    """The boxes at their places, each as near as may be to its children."""
    placed: dict[int, _Box] = {}
    for place, layer in enumerate(boxes):
        x = width - MARGIN - BOX - place * (BOX + GAP)
        ordered = sorted(layer, key=lambda box: -_height_of_children(box, placed))
        y = middle + _height(layer) / 2
        for box in ordered:
            y -= box.height / 2
            kept = box.relative, box.head, box.text, box.how
            placed[box.relative.number] = _Box(*kept, x, y)
            y -= box.height / 2 + ROOM
    return placed


def _height_of_children(box: _Box, placed: Mapping[int, _Box]) -> float:
    heights = [
        child.y
        for child in placed.values()
        if any(step.parent == box.relative.number for step in child.relative.steps)
    ]
    return sum(heights) / max(1, len(heights))


def _draw(axes: Axes, box: _Box, strong: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    colour = KIND_COLOURS.get(box.relative.kind, GREY)
    axes.add_patch(
        FancyBboxPatch(
            (box.x, box.y - box.height / 2),
            BOX,
            box.height,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor="white",
            edgecolor=colour,
            linewidth=3.5 if strong else 1.8,
            zorder=3,
        )
    )
    top = box.y + box.height / 2 - 0.08 - LINE / 2
    written = [(box.head, BLACK, "bold")]
    written += [(line, BLACK, "normal") for line in box.text]
    written += [(line, colour, "bold") for line in box.how]
    for place, (line, shade, weight) in enumerate(written):
        axes.text(
            box.x + 0.1,
            top - place * LINE,
            line,
            color=shade,
            fontweight=weight,
            fontsize=SMALL,
            family="monospace",
            va="center",
            zorder=4,
        )


def _join(axes: Axes, parent: _Box, child: _Box, placed: Mapping[int, _Box]) -> None:
    """An arrow to a child; over the boxes between them, if there are any."""
    colour = KIND_COLOURS.get(child.relative.kind, GREY)
    if parent.relative.generation == child.relative.generation + 1:
        _arrow(axes, (parent.x + BOX, parent.y), (child.x, child.y), colour)
        return
    start, end = (parent.x + 0.8 * BOX, parent.top), (child.x + 0.2 * BOX, child.top)
    between = [box.top for box in placed.values() if parent.x < box.x < child.x]
    peak = max(max(between) - min(start[1], end[1]), 0.0) + ROOM
    _arrow(axes, start, end, colour, bend=-2 * peak / math.dist(start, end))


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    bend: float = 0.0,
    dashes: str = "-",
) -> None:
    from matplotlib.patches import FancyArrowPatch

    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=16,
            linewidth=1.8,
            linestyle=dashes,
            color=colour,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )


def _draw_earlier(axes: Axes, placed: Mapping[int, _Box], text: str) -> None:
    """The ancestors that are left out, as one dashed box before the others.

    A dashed arrow leads to each of their children, of which those in later layers have
    only its end.
    """
    children = [
        box
        for box in placed.values()
        if any(step.parent not in placed for step in box.relative.steps)
    ]
    x = MARGIN
    next_column = x + BOX + GAP + 0.01
    first = [child.y for child in children if child.x <= next_column]
    y = sum(first) / len(first) if first else MARGIN + 0.4
    axes.text(
        x + BOX / 2,
        y,
        "\n".join(textwrap.wrap(text, LETTERS)),
        ha="center",
        va="center",
        fontsize=SMALL,
        color=GREY,
        bbox={
            "boxstyle": "round,pad=0.5",
            "facecolor": "white",
            "edgecolor": GREY,
            "linestyle": "--",
        },
        zorder=4,
    )
    for child in children:
        if child.x <= next_column:
            start, end = (x + BOX / 2, y), (child.x, child.y)
        else:
            low = child.y - child.height / 2 + LINE
            start, end = (child.x - 0.8 * GAP, low), (child.x, low)
        _arrow(axes, start, end, GREY, dashes="--")
