"""The rule card as a picture."""

from typing import TYPE_CHECKING

from neuralopt.views.card.card import Card
from neuralopt.views.card.formula import draw_formula, fit_formula
from neuralopt.views.card.measurements import Measurements
from neuralopt.views.card.panels import (
    RULE,
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
    from matplotlib.figure import Figure

WIDTH = 9.0
"""Inches. TensorBoard shows pictures at a third of this: type is large."""

DPI = 100
SIZE, TITLE_SIZE, HEADING_SIZE = 15, 16, 24
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
    import matplotlib
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
    with matplotlib.rc_context({"font.size": SIZE, "axes.titlesize": TITLE_SIZE}):
        figure = Figure(figsize=(WIDTH, tall), dpi=DPI)
        page = _Page(figure, tall)
        _draw_heading(page, card)
        axes = page.axes(HEADING, shown, MARGIN, WIDTH - MARGIN, 0.05)
        draw_formula(axes, formula)
        top = HEADING + shown
        right = WIDTH / 2 if measured else WIDTH - MARGIN
        tree = page.axes(top, PANEL, MARGIN, right - MARGIN / 2, 0.1)
        draw_tree(tree, tree_of(card.rule))
        if not measured:
            return figure
        assert card.measurements is not None
        name = card.measurements.tasks[place].task
        half = WIDTH / 2
        axes = page.plot(top, PANEL, half + 0.85, WIDTH - MARGIN)
        draw_curves(axes, measured, place)
        axes.set_xlabel(f"epochs of {name}")
        top += PANEL
        axes = page.plot(top, PANEL, 0.95, half - 0.1)
        draw_fan(axes, measured, place)
        axes.set_xlabel(f"learning rate, {name}")
        draw_ravine(page.plot(top, PANEL, half + 0.5, WIDTH - MARGIN), measured)
        top += PANEL
        _draw_legend(page, top, list(measured))
        if tasks:
            axes = page.plot(top + LEGEND, tasks, 2.6, WIDTH - MARGIN)
            draw_tasks(axes, measured)
    return figure


class _Page:
    """Places axes on a figure, in inches from its upper left corner."""

    def __init__(self, figure: "Figure", tall: float) -> None:
        self.figure, self.tall = figure, tall

    def axes(self, top: float, tall: float, left: float, right: float, pad: float):  # type: ignore[no-untyped-def]
        bottom = (self.tall - top - tall + pad) / self.tall
        size = (right - left) / WIDTH, (tall - 2 * pad) / self.tall
        return self.figure.add_axes((left / WIDTH, bottom, *size))

    def plot(self, top: float, tall: float, left: float, right: float):  # type: ignore[no-untyped-def]
        """Axes with room for their title and for labels below."""
        bottom = (self.tall - top - tall + 0.75) / self.tall
        size = (right - left) / WIDTH, (tall - 1.2) / self.tall
        return self.figure.add_axes((left / WIDTH, bottom, *size))


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
    def line(down: float, text: str, size: float, **style: str) -> None:
        at = MARGIN / WIDTH, 1 - down / page.tall
        page.figure.text(*at, text, size=size, va="center", **style)

    likeness = f"   {card.likeness}" if card.likeness != f"= {card.title}" else ""
    line(0.4, card.title, HEADING_SIZE, weight="bold")
    at = 1 - MARGIN / WIDTH, 1 - 0.4 / page.tall
    page.figure.text(*at, likeness.strip(), size=SIZE + 3, va="center", ha="right")
    line(0.85, "   ".join(_facts(card)), SIZE)


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
        Line2D([], [], color=colour_of(name), marker=marker_of(name), lw=3, markersize=8)
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
