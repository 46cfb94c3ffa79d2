"""The rule card as a picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralopt.views.card.card import Card
from neuralopt.views.card.formula import draw_formula, fit_formula
from neuralopt.views.card.measurements import Measurements
from neuralopt.views.card.panels import (
    RULE,
    SIZE,
    colour_of,
    draw_curves,
    draw_fan,
    draw_ravine,
    draw_tasks,
    marker_of,
)
from neuralopt.views.card.tree import tree_of
from neuralopt.views.card.tree_layout import draw_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.0
"""Inches. TensorBoard shows pictures at a third of this: type is large."""

DPI = 100
HEADING_SIZE = 24
HEADING, FORMULA, PANEL, LEGEND = 1.1, 2.4, 3.7, 0.4
TASK, TASKS_FRAME = 0.33, 1.2
MARGIN = 0.3


def card_figure(card: Card, task: str = "") -> "Figure":
    """Draw a rule card.

    Args:
        card: with or without measurements; without them it has a formula and a tree.
        task: the one whose curves and learning rates are drawn; the last one by
            default.

    Returns:
        The figure, 9 inches wide.

    Raises:
        ValueError: nothing was measured on a task of this name.
    """
    from matplotlib.figure import Figure

    measured = _drawn(card)
    place = _place(card.measurements, task)
    count = 0 if card.measurements is None else len(card.measurements.tasks)
    tasks = TASK * count + TASKS_FRAME if count > 1 else 0.0
    formula = fit_formula(card.rule, 72 * (WIDTH - 2 * MARGIN), 72 * FORMULA)
    shown = formula.height / 72 + 0.3
    rows = [HEADING, shown, PANEL]
    if measured:
        rows += [PANEL, LEGEND] + ([tasks] if tasks else [])
    tall = sum(rows)
    figure = Figure(figsize=(WIDTH, tall), dpi=DPI)
    page = _Page(figure, tall)
    _draw_heading(page, card)
    axes = page.axes(HEADING, shown, MARGIN, WIDTH - MARGIN, 0.1)
    draw_formula(axes, formula)
    top = HEADING + shown
    right = WIDTH / 2 if measured else WIDTH - MARGIN
    tree = page.axes(top, PANEL, MARGIN, right - MARGIN / 2, 0.2)
    draw_tree(tree, tree_of(card.rule))
    if not measured:
        return figure
    half = WIDTH / 2
    draw_curves(page.plot(top, PANEL, half + 0.85, WIDTH - MARGIN), measured, place)
    top += PANEL
    draw_fan(page.plot(top, PANEL, 0.95, half - 0.1), measured, place)
    draw_ravine(page.plot(top, PANEL, half + 0.5, WIDTH - MARGIN), measured)
    top += PANEL
    _draw_legend(page, top, list(measured))
    if tasks:
        axes = page.plot(top + LEGEND, tasks, 2.6, WIDTH - MARGIN)
        draw_tasks(axes, measured)
    return figure


@dataclass(frozen=True, slots=True)
class _Page:
    """Places axes and text on a figure, in inches from its upper left corner."""

    figure: "Figure"
    tall: float

    def axes(
        self, top: float, tall: float, left: float, right: float, foot: float = 0.0
    ) -> "Axes":
        """Axes that end ``foot`` above the end of their row."""
        bottom = (self.tall - top - tall + foot) / self.tall
        size = (right - left) / WIDTH, (tall - foot) / self.tall
        return self.figure.add_axes((left / WIDTH, bottom, *size))

    def plot(self, top: float, tall: float, left: float, right: float) -> "Axes":
        """Axes with room for their title above, and for labels below."""
        return self.axes(top + 0.45, tall - 0.45, left, right, 0.75)

    def text(self, down: float, text: str, size: float, bold: bool = False) -> None:
        at = MARGIN / WIDTH, 1 - down / self.tall
        weight = "bold" if bold else "normal"
        self.figure.text(*at, text, size=size, va="center", weight=weight)


def _drawn(card: Card) -> dict[str, Measurements]:
    """What is drawn by name, the rule last: it is drawn over the others."""
    if card.measurements is None:
        return {}
    return {**card.baselines, RULE: card.measurements}


def _place(measured: Measurements | None, task: str) -> int:
    names = [] if measured is None else [each.task for each in measured.tasks]
    if not task:
        return len(names) - 1
    if task not in names:
        known = ", ".join(names) or "none"
        raise ValueError(f"the card has no task {task!r}: measured are {known}")
    return names.index(task)


def _draw_heading(page: _Page, card: Card) -> None:
    page.text(0.4, card.title, HEADING_SIZE, bold=True)
    page.text(0.85, "   ".join(_facts(card)), SIZE)
    if card.likeness != f"= {card.title}":
        at = 1 - MARGIN / WIDTH, 1 - 0.4 / page.tall
        page.figure.text(*at, card.likeness, size=SIZE + 3, va="center", ha="right")


def _facts(card: Card) -> list[str]:
    facts = []
    if card.place is not None:
        place = card.place
        facts.append(f"quality {place.mean:.3f} ({place.low:.3f} to {place.high:.3f})")
    elif card.quality is not None:
        facts.append(f"quality {card.quality:.3f} (one score)")
    facts += [f"size {card.size}", f"memory {card.memory}"]
    if card.rates:
        low, high = card.rates[0], card.rates[-1]
        facts.append(f"rate {_short(low)}")
        facts[-1] += f" to {_short(high)}" if high > low else ""
    if card.note:
        facts.append(card.note[:60])
    return facts


def _short(rate: float) -> str:
    """A rate with two significant digits, as 0.032 or 320."""
    return f"{float(f'{rate:.2g}'):g}"


def _draw_legend(page: _Page, top: float, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], color=colour_of(name), marker=marker_of(name), lw=3, markersize=8
        )
        for name in reversed(names)
    ]
    page.figure.legend(
        handles,
        list(reversed(names)),
        ncols=len(names),
        loc="center",
        bbox_to_anchor=(0.5, 1 - (top + LEGEND / 2) / page.tall),
        frameon=False,
        fontsize=SIZE + 1,
    )
