"""The panels of a rule card that show measurements."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from neuralopt.palette import FOUND, PALE, baseline_colour
from neuralopt.views.card.measurements import Measurements
from neuralopt.views.card.ravine import CONDITION_NUMBER, STEPS, height

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE, TITLE_SIZE = 15, 16
RULE = "this rule"
_MARKERS = {"adam": "s", "momentum": "^"}


def colour_of(name: str) -> str:
    """Return the colour of a rule on a card: `RULE` or a baseline."""
    return FOUND if name == RULE else baseline_colour(name)


def marker_of(name: str) -> str:
    """Return the marker of a rule on a card."""
    return "o" if name == RULE else _MARKERS.get(name, "D")


def _label(axes: "Axes", title: str, below: str) -> None:
    axes.set_title(title, size=TITLE_SIZE)
    axes.set_xlabel(below, size=SIZE)
    axes.tick_params(labelsize=SIZE)


def draw_curves(axes: "Axes", measured: Mapping[str, Measurements], task: int) -> None:
    """Draw training loss against epochs: each seed thin, the mean of all thick.

    Args:
        axes: to draw into.
        measured: by name, those that are drawn over others last.
        task: position of the task.
    """
    for name, each in measured.items():
        found = each.tasks[task]
        finished = []
        for curve, end, diverged in zip(
            found.curves, found.ends, found.diverged, strict=True
        ):
            axes.plot(*_along(curve, end), color=colour_of(name), lw=1, alpha=0.5)
            if not diverged:
                finished.append(curve)
        if finished:
            mean = [fmean(losses) for losses in zip(*finished, strict=True)]
            along = _along(mean, found.long_epochs)
            axes.plot(*along, color=colour_of(name), lw=3)
    axes.set_yscale("log")
    shown = next(iter(measured.values())).tasks[task]
    axes.set_xlim(0, shown.long_epochs)
    _label(axes, "Training loss", f"epochs of {shown.task}")
    axes.grid(color=PALE, lw=0.6)


def _along(curve: Sequence[float], epochs: float) -> tuple[list[float], list[float]]:
    """Epochs at the middle of each stretch of a curve of so many, and its losses."""
    step = epochs / max(len(curve), 1)
    shown = [max(loss, 1e-12) for loss in curve]
    return [(place + 0.5) * step for place in range(len(curve))], shown


def draw_fan(axes: "Axes", measured: Mapping[str, Measurements], task: int) -> None:
    """Draw quality against learning rate, the good region of the rule shaded.

    Args:
        axes: to draw into.
        measured: as for `draw_curves`; `RULE` is one of them.
        task: position of the task.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    for name, each in measured.items():
        found = each.tasks[task]
        axes.plot(
            found.rates,
            found.means,
            color=colour_of(name),
            marker=marker_of(name),
            markersize=6 if name == RULE else 4,
            lw=3 if name == RULE else 2,
        )
    own = measured[RULE].tasks[task]
    title = "Quality: no learning rate works"
    if own.good_rates is not None:
        axes.axvspan(*own.good_rates, color=FOUND, alpha=0.15, lw=0)
        title = f"Quality: good over {own.good_decades:.1f} decades"
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(LogLocator(numticks=5))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(5))
    _label(axes, title, f"learning rate, {own.task}")
    axes.grid(color=PALE, lw=0.6)


def draw_ravine(axes: "Axes", measured: Mapping[str, Measurements]) -> None:
    """Draw the paths of rules down a ravine, each at its best learning rate.

    Args:
        axes: to draw into.
        measured: as for `draw_curves`.
    """
    points = [each.path.points for each in measured.values() if each.path is not None]
    farthest = max((x for some in points for x, _ in some), default=0.0)
    right = min(4.6, max(1.8, farthest + 0.3))
    x, y = np.meshgrid(np.linspace(-4.6, right, 161), np.linspace(-1.7, 1.7, 121))
    levels = np.geomspace(height(0.25, 0.0), height(-4.6, 1.7), 9)
    heights = (x * x + CONDITION_NUMBER * y * y) / 2
    axes.contour(x, y, heights, levels, colors=PALE, linewidths=1)
    for name, each in measured.items():
        if each.path is None:
            continue
        across, down = zip(*each.path.points, strict=True)
        axes.plot(
            across,
            down,
            color=colour_of(name),
            marker=marker_of(name),
            markersize=4,
            lw=2.5 if name == RULE else 1.5,
        )
    axes.plot(0, 0, marker="*", color="black", markersize=14, zorder=5)
    axes.set_xlim(-4.6, right)
    axes.set_ylim(-1.7, 1.7)
    axes.set_xticks([])
    axes.set_yticks([])
    left = measured[RULE].path is None
    title = "It leaves the ravine" if left else f"{STEPS} steps in a ravine"
    _label(axes, title, f"condition number {CONDITION_NUMBER:g}")


def draw_tasks(axes: "Axes", measured: Mapping[str, Measurements]) -> None:
    """Draw the quality on each task after the longest training: mean and range.

    Args:
        axes: to draw into.
        measured: as for `draw_curves`.
    """
    tasks = next(iter(measured.values())).tasks
    places = np.arange(len(tasks))[::-1]
    for number, (name, each) in enumerate(measured.items()):
        at = places + 0.22 * (number - (len(measured) - 1) / 2)
        low = [min(task.qualities) for task in each.tasks]
        high = [max(task.qualities) for task in each.tasks]
        axes.hlines(at, low, high, color=colour_of(name), lw=2)
        axes.plot(
            [task.quality for task in each.tasks],
            at,
            linestyle="none",
            color=colour_of(name),
            marker=marker_of(name),
            markersize=9 if name == RULE else 7,
        )
    axes.set_yticks(places, [task.task for task in tasks])
    axes.set_ylim(-0.6, len(tasks) - 0.4)
    axes.set_xlim(0, 1)
    epochs = tasks[0].long_epochs
    _label(axes, f"Quality on each task after {epochs} epochs", "quality")
    axes.grid(axis="x", color=PALE, lw=0.6)
