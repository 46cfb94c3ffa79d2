"""How fast the workers of a search trained rules."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from neuralopt.palette import BLUE, CYCLE
from neuralopt.report.html.charts.chart import Chart, figure, plain, with_alpha
from neuralopt.views.run_view import RunView

BINS = 40
SHOWN = 8
"""Workers with an area of their own; of more, their sum is drawn."""

UNITS = (
    (2 * 86400.0, 86400.0, "days"),
    (2 * 3600.0, 3600.0, "hours"),
    (120.0, 60.0, "minutes"),
)
"""From so many seconds on, in units of so many, and their name."""


def workers_chart(view: RunView) -> Chart:
    """Return the rules that were trained each second, by worker.

    Args:
        view: of the search.

    Returns:
        The chart.
    """
    attempts = view.attempts
    end = max(float(attempts.elapsed.max(initial=0.0)), 1e-9)
    edges = np.linspace(0, end, BINS + 1)
    unit, name = next(
        ((size, word) for least, size, word in UNITS if end >= least), (1.0, "seconds")
    )
    done = ~attempts.lost
    several = 1 < len(attempts.workers) <= SHOWN
    shown = list(enumerate(attempts.workers)) if several else [(-1, "all workers")]
    traces = []
    for place, worker in shown:
        mine = done if place < 0 else done & (attempts.worker == place)
        counts, _ = np.histogram(attempts.elapsed[mine], edges)
        colour = CYCLE[place % len(CYCLE)] if several else BLUE
        traces.append(
            go.Scatter(
                x=np.round((edges[1:] + edges[:-1]) / 2 / unit, 4),
                y=np.round(counts / (edges[1] - edges[0]), 3),
                name=plain(worker),
                mode="lines",
                stackgroup="workers",
                line={"color": colour, "width": 1, "shape": "hvh"},
                fillcolor=with_alpha(colour, 0.5),
                hovertemplate=f"{plain(worker)} %{{y:,.1f}} rules a second"
                "<extra></extra>",
            )
        )
    rate = view.charged / end
    return Chart(
        "workers",
        "Workers and rates",
        figure(
            traces, f"{name} of the search, pauses left out", "rules trained a second"
        ),
        f"Rules trained a second by {len(attempts.workers):,} "
        f"worker{'s' * (len(attempts.workers) != 1)}.",
        f"{rate:,.1f} rules a second on average.",
    )
