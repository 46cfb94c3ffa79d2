"""The best rule so far against the rules that were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from neuralopt.palette import CYCLE, FOUND, GREY, baseline_colour
from neuralopt.report.html.charts.chart import (
    Chart,
    figure,
    plain,
    rule_label,
    with_alpha,
)
from neuralopt.views.run_view import RunView

CHARGED = "rules trained"
GRID = 200
"""Places at which curves of several runs are put together."""


def best_chart(view: RunView, texts: Mapping[int, str]) -> Chart:
    """Return the best mean so far with its interval, the highest score, and baselines.

    Args:
        view: of the search.
        texts: of rules by number of the proposal.

    Returns:
        The chart.
    """
    end = max(view.charged, 1)
    scores, means = view.best_scores, view.best_means
    traces = []
    if len(means.mean):
        traces += _interval(means.charged, means.low, means.high, end)
        traces.append(
            _steps(
                "best mean on fresh replicates", FOUND, 3, means.charged, means.mean,
                means.number, end, texts,
            )
        )  # fmt: skip
    if len(scores.quality):
        traces.append(
            _steps(
                "highest score told to the searcher", GREY, 1.5, scores.charged,
                scores.quality, scores.number, end, texts,
            )
        )  # fmt: skip
    traces += baseline_lines(view, end)
    reached = float(means.mean[-1]) if len(means.mean) else None
    if reached is None and len(scores.quality):
        reached = float(scores.quality[-1])
    return Chart(
        "best",
        "Best rule so far",
        figure(traces, CHARGED, "quality", xaxis_range=[0, 1.02 * end]),
        "Thick: the best rule so far by its mean on fresh replicates, which did not "
        "select it; the band is the mean's 95% interval. Thin: the highest score so "
        "far, which of thousands is high by luck too. Level lines: known optimizers.",
        f"The best quality reaches {reached:.4f} after {view.charged:,} rules trained."
        if reached is not None
        else "No rule has a score yet.",
    )


def _interval(
    charged: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    end: int,
) -> list[go.Scatter]:
    x = np.append(charged, end)
    common = {
        "x": x, "mode": "lines", "hoverinfo": "skip", "showlegend": False,
        "line": {"width": 0, "shape": "hv"},
    }  # fmt: skip
    return [
        go.Scatter(y=np.append(low, low[-1]), **common),
        go.Scatter(
            y=np.append(high, high[-1]), fill="tonexty",
            fillcolor=with_alpha(FOUND, 0.2), **common,
        ),
    ]  # fmt: skip


def _steps(
    name: str,
    colour: str,
    width: float,
    charged: NDArray[np.int64],
    values: NDArray[np.float64],
    numbers: NDArray[np.int64],
    end: int,
    texts: Mapping[int, str],
) -> go.Scatter:
    labels = [f"#{n} {rule_label(texts.get(int(n), ''))}" for n in numbers]
    return go.Scatter(
        x=np.append(charged, end),
        y=np.append(values, values[-1]),
        text=[*labels, labels[-1]],
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": width, "shape": "hv"},
        marker={"size": 2 * width + 2, "color": colour},
        hovertemplate="%{text}<br>%{y:.4f} after %{x:,}<extra></extra>",
    )


def baseline_lines(view: RunView, end: int) -> list[go.Scatter]:
    """Return a level line for each known optimizer whose quality is known.

    Args:
        view: of the search.
        end: of the lines.

    Returns:
        The lines, of as many points that each can be hovered anywhere.
    """
    sources = {
        "verdict": "mean in the verdict",
        "definition": "by definition of the quality",
        "found": "as found by this search",
    }
    x = np.linspace(0, end, 60)
    return [
        go.Scatter(
            x=x,
            y=np.full(len(x), each.quality),
            name=plain(each.name),
            mode="lines",
            line={"color": baseline_colour(each.name, k), "width": 1.5, "dash": "dash"},
            hovertemplate=f"{plain(each.name)} %{{y:.4f}}, {sources[each.source]}"
            "<extra></extra>",
        )
        for k, each in enumerate(view.baselines)
    ]


def several_chart(groups: Mapping[str, Sequence[RunView]]) -> Chart:
    """Return the curves of several runs: of runs that differ in seeds their median.

    Args:
        groups: runs that differ in their seeds only, by what they have in common.

    Returns:
        The chart. Its curves are of means on fresh replicates if all runs have some,
        else of the highest scores.
    """
    views = [view for some in groups.values() for view in some]
    measured = all(len(view.best_means.mean) for view in views)
    end = max(max(view.charged for view in views), 1)
    x = np.linspace(0, end, GRID)
    traces = []
    for place, (label, some) in enumerate(groups.items()):
        colour = CYCLE[place % len(CYCLE)]
        rows = np.array([_curve(view, x, measured) for view in some])
        traces += _band(label, colour, x, rows)
    ranges = (
        "Line: median of the runs that differ in their seeds only; band: their "
        "quartiles; thin: each run. A curve ends where its run does."
    )
    what = "best mean on fresh replicates" if measured else "highest score so far"
    finals = ", ".join(
        f"{label} {np.nanmedian([_last(view, measured) for view in some]):.4f}"
        for label, some in groups.items()
    )
    return Chart(
        "several",
        "Best rule so far, run by run",
        figure(traces, CHARGED, what),
        ranges,
        f"Median of the final {what}: {finals}.",
    )


def _curve(
    view: RunView, x: NDArray[np.float64], measured: bool
) -> NDArray[np.float64]:
    charged = view.best_means.charged if measured else view.best_scores.charged
    values = view.best_means.mean if measured else view.best_scores.quality
    at = np.searchsorted(charged, x, side="right") - 1
    known = (at >= 0) & (x <= max(view.charged, 1))
    found = np.full(len(x), np.nan)
    found[known] = values[at[known]]
    return found


def _last(view: RunView, measured: bool) -> float:
    values = view.best_means.mean if measured else view.best_scores.quality
    return float(values[-1]) if len(values) else float("nan")


def _band(
    label: str, colour: str, x: NDArray[np.float64], rows: NDArray[np.float64]
) -> list[go.Scatter]:
    known = np.isfinite(rows).all(axis=0) if len(rows) > 1 else np.isfinite(rows[0])
    common: dict[str, object] = {"mode": "lines", "legendgroup": label}
    name = plain(label) + (f" (median of {len(rows)})" if len(rows) > 1 else "")
    traces = []
    if len(rows) > 1 and known.any():
        low, high = np.quantile(rows[:, known], [0.25, 0.75], axis=0)
        edge = {
            "hoverinfo": "skip",
            "showlegend": False,
            "line": {"width": 0, "shape": "hv"},
        }
        traces += [
            go.Scatter(x=x[known], y=low, **common, **edge),
            go.Scatter(
                x=x[known], y=high, fill="tonexty", fillcolor=with_alpha(colour, 0.2),
                **common, **edge,
            ),
        ]  # fmt: skip
        thin = {"width": 0.75, "shape": "hv", "color": with_alpha(colour, 0.6)}
        traces += [
            go.Scatter(
                x=x, y=row, line=thin, showlegend=False, hoverinfo="skip", **common
            )
            for row in rows
        ]
    traces.append(
        go.Scatter(
            x=x[known],
            y=np.median(rows[:, known], axis=0),
            name=name,
            line={"color": colour, "width": 3, "shape": "hv"},
            hovertemplate=f"{name} %{{y:.4f}} after %{{x:,.0f}}<extra></extra>",
            **common,
        )
    )
    return traces
