"""The formula of a rule, typeset to fit a rectangle.

A formula that is too long for one line is divided: parts of it get a letter and a line
of their own. What does not fit even so is left out, and the picture says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING

from neuralopt.language import Expression, simplify
from neuralopt.views.card.extent import FAMILY, text_height, text_width
from neuralopt.views.card.mathtext import mathtext_of, with_symbols

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RULE = "u"
"""Letter of the update itself."""

LARGEST, COMFORTABLE, SMALLEST = 26.0, 17.0, 11.0
"""Sizes of type, in points."""

NOTE = 0.68
"""Size of the line of abbreviations, relative to the formula."""

SPACING = 1.25
MOST_LINES = 24


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was fitted to a rectangle.

    Attributes:
        lines: mathtext with its dollars, the rule first, then its parts.
        note: what the abbreviations in it mean; may be empty.
        size: of the type, in points.
        left_out: lines that there was no room for.
    """

    lines: tuple[str, ...]
    note: str
    size: float
    left_out: int = 0

    @property
    def sized_lines(self) -> list[tuple[str, float]]:
        """Everything that is drawn from the top down, with the size of its type."""
        lines = [(line, self.size) for line in self.lines]
        if self.left_out:
            lines.append((f"and {self.left_out} more lines", self.size * NOTE))
        if self.note:
            lines.append((self.note, self.size * NOTE))
        return lines

    @property
    def height(self) -> float:
        """Points from the top of the first line to the foot of the last one."""
        return sum(
            text_height(line) * size * SPACING for line, size in self.sized_lines
        )


def fit_formula(rule: Expression, width: float, height: float) -> Formula:
    """Typeset a rule so that it fits a rectangle.

    Args:
        rule: in any form; its canonical form is shown.
        width: of the rectangle, in points.
        height: as width.

    Returns:
        The lines, and the largest size at which they fit.
    """
    tree, meanings = with_symbols(simplify(rule))
    parts = {RULE: tree}
    best = _fitted(parts, meanings, width, height)
    while best.size < COMFORTABLE and len(parts) < MOST_LINES:
        if not _divide(parts, meanings):
            break
        divided = _fitted(parts, meanings, width, height)
        if (-divided.left_out, divided.size) > (-best.left_out, best.size):
            best = divided
    return best


def draw_formula(axes: "Axes", formula: Formula) -> None:
    """Draw a formula into the middle of axes.

    Args:
        axes: of the rectangle that the formula was fitted to; their frame is hidden.
        formula: made by `fit_formula`.
    """
    axes.set_axis_off()
    box = axes.get_window_extent()
    figure = axes.get_figure()
    assert figure is not None
    points = box.height * 72 / figure.dpi
    top = points - max(0.0, points - formula.height) / 2
    for line, size in formula.sized_lines:
        tall = text_height(line) * size * SPACING
        axes.text(
            0.5,
            (top - tall / 2) / points,
            line,
            size=size,
            math_fontfamily=FAMILY,
            ha="center",
            va="center",
            transform=axes.transAxes,
        )
        top -= tall


def _fitted(
    parts: dict[str, Expression],
    meanings: dict[str, Expression],
    width: float,
    height: float,
) -> Formula:
    lines = [_line(name, part) for name, part in parts.items()]
    shown = {name for part in parts.values() for name in part.variables} & set(meanings)
    note = _note({name: meanings[name] for name in meanings if name in shown})
    if note and text_width(note) * SMALLEST * NOTE > width:
        note = ""
    tall = [text_height(line) * SPACING for line in lines]
    below = text_height(note) * SPACING * NOTE if note else 0.0
    size = min(
        LARGEST,
        width / max(map(text_width, lines)),
        width / (text_width(note) * NOTE) if note else LARGEST,
        height / (sum(tall) + below),
    )
    if size >= SMALLEST:
        return Formula(tuple(lines), note, size)
    kept: list[str] = []
    room = height - SMALLEST * (below + SPACING * NOTE * 1.5)
    for line, each in zip(lines, tall, strict=True):
        room -= each * SMALLEST
        if room < 0 or text_width(line) * SMALLEST > width:
            break
        kept.append(line)
    return Formula(tuple(kept), note, SMALLEST, len(lines) - len(kept))


def _line(name: str, part: Expression) -> str:
    return f"${name} = {mathtext_of(part)}$"


def _note(meanings: dict[str, Expression]) -> str:
    """One line of what abbreviations mean."""
    if not meanings:
        return ""
    each = (f"${name} = {mathtext_of(part)}$" for name, part in meanings.items())
    return "where  " + ",   ".join(each)


def _divide(parts: dict[str, Expression], meanings: dict[str, Expression]) -> bool:
    """Give a letter to a part of the widest line; False if none can be divided."""
    widest = max(parts, key=lambda name: text_width(_line(name, parts[name])))
    whole = parts[widest]
    inner = [
        node
        for node in whole.walk()
        if node is not whole and node.size >= 3 and not node.is_closed_constant
    ]
    if not inner:
        return False
    part = min(inner, key=lambda node: abs(2 * node.size - whole.size))
    letter = next(each for each in _letters() if each not in parts)
    for name in parts:
        parts[name] = _replace(parts[name], part, Expression(letter))
    parts[letter] = part
    return True


def _replace(tree: Expression, part: Expression, by: Expression) -> Expression:
    if tree == part:
        return by
    if not tree.arguments:
        return tree
    inner = tuple(_replace(each, part, by) for each in tree.arguments)
    return Expression(tree.primitive, inner)


def _letters() -> Iterator[str]:
    """Letters that mean nothing in a rule."""
    free = [letter for letter in ascii_lowercase if letter not in "egilmostuvw"]
    yield from free
    number = 0
    while True:
        number += 1
        yield from (f"{letter}_{number}" for letter in free)
