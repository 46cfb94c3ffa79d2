"""Signals as a picture: a column for each rule, a row for each measurement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralopt.palette import INK, SEQUENTIAL
from neuralopt.shortening import shortened
from neuralopt.signals.measuring import Array, SignalHistory
from neuralopt.signals.report import SignalReport
from neuralopt.views.figures.canvas import DOTS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 7
"""Layers that a legend names at most, evenly chosen."""

LIGHTEST = 0.85
"""Part of the colour map that is used: its end is hard to see on white."""

_LABEL, _TICKS = 11, 10


def signals_figure(report: SignalReport) -> Figure:
    """Return the picture of a report.

    Args:
        report: of one or several rules.

    Returns:
        A Figure of matplotlib.
    """
    from matplotlib.figure import Figure

    rows = _rows(report.histories)
    count = len(report.histories)
    size = (2.4 + 3.5 * max(count, 2), 1.5 + 2.1 * len(rows))
    figure = Figure(size, dpi=DOTS, layout="constrained", facecolor="white")
    grid = figure.subplots(len(rows), count, sharey="row", squeeze=False)
    for column, history in enumerate(report.histories):
        for axes, row in zip(grid[:, column], rows, strict=True):
            row.draw(axes, history)
            style(axes, row.along, row.label if column == 0 else "")
            axes.xaxis.label.set_fontsize(_LABEL)
            axes.yaxis.label.set_fontsize(_LABEL)
            axes.tick_params(labelsize=_TICKS)
        name = shortened(history.name, 34)
        grid[0, column].set_title(f"{name}, lr {history.lr:.3g}", fontsize=12)
    for axes, row in zip(grid[:, 0], rows, strict=True):
        if row.limits:
            axes.set_ylim(*row.limits)
    names = shortened(report.task, 90)
    figure.suptitle(f"{names}: signals by layer", fontsize=13, x=0.01, ha="left")
    _name_layers(figure, grid[0, 0])
    return figure


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of panels: its label, what it draws, and its limits if they are fixed."""

    label: str
    draw: Callable[[Axes, SignalHistory], None]
    limits: tuple[float | None, float | None] | None = None
    along: str = "step"


def _name_layers(figure: Figure, axes: Axes) -> None:
    """Name some of the layers below the panels, in the colours of the first one."""
    lines = list(axes.get_lines())
    places = np.linspace(0, len(lines) - 1, min(len(lines), NAMED)).round()
    figure.legend(
        handles=[lines[int(place)] for place in places],
        loc="outside lower center",
        ncols=NAMED,
        fontsize=_TICKS,
        frameon=False,
        title="layers, from the first to the last",
        title_fontsize=_TICKS,
    )


def _rows(histories: Sequence[SignalHistory]) -> list[_Row]:
    """The rows of panels that a task's network has measurements for."""
    first = histories[0]
    rows = [
        _Row("norm of the gradient", _gradients),
        _Row("update / weights", _updates),
    ]
    if first.activations:
        rows.append(_Row("deviation of\nactivations", _deviations, (0, None)))
        if np.isfinite(first.saturated).any():
            rows.append(_Row("saturated outputs", _saturated, (-0.03, 1.03)))
    if first.times.size:
        label = "gradient by place,\nlast place = 1"
        rows.append(_Row(label, _times, along="places before the last one"))
    return [*rows, _Row("training loss", _losses)]


def _gradients(axes: Axes, history: SignalHistory) -> None:
    _lines(axes, history, history.gradients, history.layers, log=True)


def _updates(axes: Axes, history: SignalHistory) -> None:
    _lines(axes, history, history.updates, history.layers, log=True)


def _deviations(axes: Axes, history: SignalHistory) -> None:
    _lines(axes, history, history.deviations, history.activations)


def _saturated(axes: Axes, history: SignalHistory) -> None:
    _lines(axes, history, history.saturated, history.activations)


def _losses(axes: Axes, history: SignalHistory) -> None:
    axes.plot(history.steps, history.losses, color=INK, lw=1.6)


def _times(axes: Axes, history: SignalHistory) -> None:
    """Lines by place at the first, the middle and the last measured step."""
    count = len(history.steps)
    for row in sorted({0, count // 2, count - 1}):
        norms = history.times[row]
        colour = _shade(row / max(count - 1, 1))
        back = np.arange(len(norms))[::-1]
        label = f"step {history.steps[row]}"
        with np.errstate(divide="ignore", invalid="ignore"):
            axes.plot(back, _positive(norms / norms[-1]), color=colour, label=label)
    axes.set_yscale("log")
    axes.legend(fontsize=8, frameon=False)


def _lines(
    axes: Axes,
    history: SignalHistory,
    values: Array,
    names: Sequence[str],
    log: bool = False,
) -> None:
    """A line for each layer, dark for the first and light for the last one."""
    count = len(names)
    for k, name in enumerate(names):
        shown = _positive(values[:, k]) if log else values[:, k]
        colour = _shade(k / max(count - 1, 1))
        axes.plot(history.steps, shown, color=colour, lw=1.4, label=shortened(name, 18))
    if log:
        axes.set_yscale("log")


def _positive(values: Array) -> Array:
    """Values for a logarithmic axis: what is 0 is left out."""
    return np.where(values > 0, values, np.nan)


def _shade(share: float) -> Any:
    from matplotlib import colormaps

    return colormaps[SEQUENTIAL](LIGHTEST * share)
