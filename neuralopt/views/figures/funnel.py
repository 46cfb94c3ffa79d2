"""Draw what became of all proposals: how many are left after each step, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuralopt.palette import FOUND, STATUS_COLOURS
from neuralopt.views.figures.canvas import SMALL, canvas, empty, style, thousands
from neuralopt.views.labels import shortened
from neuralopt.views.run_view import RunView
from neuralopt.views.stages import Stage, stages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REASONS = 8
"""Reasons that are shown, the most frequent ones."""


def funnel_figure(view: RunView) -> Figure:
    """Return how many proposals are left after each step, and the reasons.

    Args:
        view: of a search.

    Returns:
        The figure.
    """
    steps = stages(view)
    reasons = _reasons(view)
    height = 2.1 + 0.42 * (len(steps) + len(reasons)) + (0.6 if reasons else 0)
    share = steps[-1][1] / max(steps[0][1], 1)
    figure = canvas(
        f"{steps[-1][1]:,} of {steps[0][1]:,} proposals were scored ({share:.0%})",
        width=10.0,
        height=height,
    )
    if not steps[0][1]:
        return empty(figure, "nothing was decided so far")
    if not reasons:
        _draw_steps(figure.add_subplot(), steps)
        return figure
    upper, lower = figure.subplots(
        2, 1, height_ratios=(len(steps) + 0.7, len(reasons) + 0.7)
    )
    _draw_steps(upper, steps)
    names = [shortened(f"{status}: {reason}", 44) for status, reason, _ in reasons]
    counts = [count for _, _, count in reasons]
    colours = [STATUS_COLOURS[status] for status, _, _ in reasons]
    lower.barh(names, counts, color=colours)
    for place, count in enumerate(counts):
        lower.annotate(
            f"{count:,}", (count, place), (4, 0), textcoords="offset points",
            va="center", fontsize=SMALL,
        )  # fmt: skip
    style(lower, "proposals")
    lower.set_xlim(right=max(counts) * 1.15)
    lower.invert_yaxis()
    lower.grid(axis="y", visible=False)
    thousands(lower)
    lower.set_title("The most frequent reasons", fontsize=SMALL + 2, loc="left")
    return figure


def _draw_steps(axes: Axes, steps: list[Stage]) -> None:
    for place, (_, left, status, lost) in enumerate(steps):
        axes.barh(place, left, color=FOUND)
        text = f"{left:,}"
        if lost:
            axes.barh(place, lost, left=left, color=STATUS_COLOURS[status])
            text = f"{left:,}   ({lost:,} {_WORDS.get(status, status)})"
        axes.annotate(
            text, (left + lost, place), (5, 0), textcoords="offset points",
            va="center", fontsize=SMALL,
        )  # fmt: skip
    style(axes)
    axes.set_yticks(range(len(steps)), [name for name, *_ in steps])
    axes.set_xlim(0, steps[0][1] * 1.9)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines[["bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False, left=False)


_WORDS = {"duplicate": "duplicates", "stopped": "stopped early"}


def _reasons(view: RunView) -> list[tuple[str, str, int]]:
    found = [
        (status, reason, count)
        for status, reasons in view.reasons.items()
        if status != "scored"
        for reason, count in reasons.items()
    ]
    return sorted(found, key=lambda each: -each[2])[:REASONS]
