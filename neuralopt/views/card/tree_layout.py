"""Place the nodes of a tree, and draw it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neuralopt.palette import BLACK, BLUE, GREY, ORANGE
from neuralopt.views.card.extent import text_width
from neuralopt.views.card.tree import TreeNode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 17.0
LABELS = "dejavusans"
"""Fonts of formulas in labels: like those of words, to be read at a small size."""

GAP = 1.3
"""Between the boxes of two labels, in units of the type's size."""

PADDING = 0.25
LEVEL = 2.6
"""Between two levels, likewise."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A node with its place.

    Attributes:
        node: of the tree.
        x: of its middle, in units of the type's size.
        level: 0 for the root.
        parent: place of its parent in the list; None for the root.
    """

    node: TreeNode
    x: float
    level: int
    parent: int | None


def box_width(node: TreeNode) -> float:
    """Return the width of a node's box, in units of the type's size."""
    return text_width(node.label, LABELS) + 2 * PADDING


def layout(root: TreeNode) -> list[Placed]:
    """Place the nodes of a tree on layers, as Reingold and Tilford 1981 do.

    Parents are centred above their children, and subtrees are moved together until
    some level has no room left between them.

    Args:
        root: of the tree.

    Returns:
        All nodes, parents before children, from left to right. The left edge of the
        leftmost box is at 0.
    """
    placed, left, _ = _place(root, 0)
    least = min(left.values())
    return [replace(each, x=each.x - least) for each in placed]


def _place(
    node: TreeNode, level: int
) -> tuple[list[Placed], dict[int, float], dict[int, float]]:
    """Places with the node's own at 0, and the left and right edge of each level."""
    half = box_width(node) / 2
    left: dict[int, float] = {}
    right: dict[int, float] = {}
    parts: list[tuple[list[Placed], float]] = []
    for child in node.children:
        below, its_left, its_right = _place(child, level + 1)
        shared = its_left.keys() & right.keys()
        shift = max((right[at] + GAP - its_left[at] for at in shared), default=0.0)
        parts.append((below, shift))
        for at, edge in its_right.items():
            left.setdefault(at, its_left[at] + shift)
            right[at] = edge + shift
    middle = (parts[0][1] + parts[-1][1]) / 2 if parts else 0.0
    placed = [Placed(node, 0.0, level, None)]
    for below, shift in parts:
        start = len(placed)
        for each in below:
            parent = 0 if each.parent is None else each.parent + start
            placed.append(replace(each, x=each.x + shift - middle, parent=parent))
    return (
        placed,
        {level: -half} | {at: edge - middle for at, edge in left.items()},
        {level: half} | {at: edge - middle for at, edge in right.items()},
    )


def draw_tree(axes: "Axes", root: TreeNode, size: float = SIZE) -> None:
    """Draw a tree.

    Args:
        axes: their frame is hidden.
        root: of the tree.
        size: of the type, in points; it is less where the tree would not fit.
    """
    figure = axes.get_figure()
    assert figure is not None
    box = axes.get_window_extent()
    room_x, room_y = box.width * 72 / figure.dpi, box.height * 72 / figure.dpi
    places = layout(root)
    wide = max(each.x + box_width(each.node) / 2 for each in places) + 2 * PADDING
    tall = LEVEL * (root.levels - 1) + 2.0
    size = min(size, room_x / wide, room_y / (tall * 0.8))
    stretch = min(1.3, room_y / size / tall)  # of the distance between levels
    axes.set_axis_off()
    axes.set_xlim((wide - room_x / size) / 2, (wide + room_x / size) / 2)
    middle = -LEVEL * (root.levels - 1) / 2
    half = room_y / size / stretch / 2
    axes.set_ylim(middle - half, middle + half)
    x = [each.x + PADDING for each in places]
    y = [-LEVEL * each.level for each in places]
    for number, each in enumerate(places):
        if (above := each.parent) is not None:
            ends = [x[above], x[number]], [y[above], y[number]]
            axes.plot(*ends, color=GREY, linewidth=1.5, zorder=1)
        inner = BLUE if each.node.children else BLACK
        axes.text(
            x[number],
            y[number],
            each.node.label,
            size=size,
            math_fontfamily=LABELS,
            ha="center",
            va="center",
            zorder=2,
            bbox={
                "boxstyle": f"round,pad={PADDING}",
                "facecolor": "white",
                "edgecolor": ORANGE if each.node.folded else inner,
                "linewidth": 1.5,
            },
        )
