"""Draw how busy the workers were, and how many rules they trained a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuralopt.palette import FOUND, SEQUENTIAL, VERMILION
from neuralopt.views.columns import Attempts, Floats
from neuralopt.views.figures.canvas import SMALL, canvas, empty, style
from neuralopt.views.labels import shortened
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INTERVALS = 60
ROWS = 24
"""Workers with a row of their own, the first by name."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What workers did in intervals of the search's time.

    Attributes:
        edges: of the intervals, in seconds of the search.
        rate: attempts that ended in each interval, a second.
        lost: how many of these a second brought no score.
        training: (workers, intervals): seconds of training that each worker's attempts
            took, a second. Attempts of a batch, and of threads of one process, are
            counted as they were reported.
    """

    edges: Floats
    rate: Floats
    lost: Floats
    training: Floats


def worker_rates(attempts: Attempts, scale: float = 1.0) -> Rates:
    """Return what workers did in intervals of the search's time.

    Args:
        attempts: one or more.
        scale: attempts for each of these, more than 1 if they are a sample.

    Returns:
        As many intervals as there are attempts for, 60 at most.
    """
    count = int(np.clip(len(attempts) // 10, 1, INTERVALS))
    edges = np.linspace(0, max(float(attempts.elapsed.max()), 1e-3), count + 1)
    width = edges[1]
    rate, _ = np.histogram(attempts.elapsed, edges)
    lost, _ = np.histogram(attempts.elapsed[attempts.lost], edges)
    workers = np.arange(len(attempts.workers) + 1)
    training, _, _ = np.histogram2d(
        attempts.worker, attempts.elapsed, (workers, edges), weights=attempts.seconds
    )
    return Rates(
        edges, scale * rate / width, scale * lost / width, scale * training / width
    )


def worker_figure(view: RunView) -> Figure:
    """Return the rate of trained rules, and the load of each worker, over time.

    Args:
        view: of a search.

    Returns:
        The figure.
    """
    attempts = view.attempts
    several = len(attempts.workers) > 1
    if not len(attempts):
        return empty(canvas("Rules trained a second"), "nothing was trained so far")
    total = view.charged + view.counts.get("failed", 0)
    rates = worker_rates(attempts, max(total / len(attempts), 1.0))
    pauses = "\n(none while the shortlist is measured)" if view.measured else ""
    hours, unit = _unit(float(rates.edges[-1]))
    rows = min(len(attempts.workers), ROWS)
    mean = total / max(float(rates.edges[-1]), 1e-3)
    figure = canvas(
        f"Rules trained a second: {mean:.3g} on average, by "
        f"{len(attempts.workers)} worker{'s' * several}{pauses}",
        height=4.5 + (1.5 + 0.22 * rows if several else 0),
    )
    if not several:
        axes = figure.add_subplot()
        _draw_rate(axes, rates, hours)
        axes.set_xlabel(f"time of the search, {unit}")
        return figure
    upper, lower = figure.subplots(
        2, 1, sharex=True, height_ratios=(3, 1.2 + 0.18 * rows)
    )
    _draw_rate(upper, rates, hours)
    drawn = lower.pcolormesh(
        rates.edges / hours, np.arange(rows + 1), rates.training[:rows], vmin=0,
        cmap=SEQUENTIAL, rasterized=True,
    )  # fmt: skip
    style(lower, f"time of the search, {unit}")
    step = -(-rows // 8)
    lower.set_yticks(
        np.arange(0, rows, step) + 0.5,
        [shortened(name, 18) for name in attempts.workers[:rows:step]],
    )
    lower.invert_yaxis()
    lower.grid(visible=False)
    bar = figure.colorbar(drawn, ax=lower, pad=0.02)
    bar.set_label("load", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def _draw_rate(axes: Axes, rates: Rates, hours: float) -> None:
    edges = rates.edges / hours
    axes.stairs(rates.rate, edges, fill=True, color=FOUND, alpha=0.85)
    if rates.lost.any():
        axes.stairs(
            rates.lost, edges, fill=True, color=VERMILION, label="without a score"
        )
        axes.legend(fontsize=SMALL)
    style(axes, ylabel="rules a second")
    axes.set_ylim(bottom=0)
    axes.set_xlim(edges[0], edges[-1])


def _unit(seconds: float) -> tuple[float, str]:
    for size, name in ((3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 3 * size:
            return size, name
    return 1.0, "seconds"
