"""What became of the proposals of a search: funnel, reasons, scores over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from neuralopt.palette import BLUE, GREEN, STATUS_COLOURS
from neuralopt.report.html.charts.best import CHARGED
from neuralopt.report.html.charts.chart import SCALE, Chart, figure, plain
from neuralopt.views.columns import Floats, Integers
from neuralopt.views.run_view import RunView
from neuralopt.views.stages import STEPS, stages

TIMES, LEVELS = 80, 50
"""Cells of the picture of scores, along the search and along the quality."""

TOGETHER = 50
"""Rules that a quantile is of, at least."""

REASONS = 12
"""Reasons that are drawn; the most frequent ones."""

LOST = tuple(status for _, statuses in STEPS for status in statuses)
"""Statuses of proposals without a full score."""


def funnel_chart(view: RunView) -> Chart:
    """Return how many proposals passed each stage.

    Args:
        view: of the search.

    Returns:
        The chart.
    """
    passed = [(each.name, each.left) for each in stages(view)]
    if view.measured:
        passed.append(("measured on fresh replicates", len(view.measured)))
        members = sum(each.member for each in view.measured)
        passed.append(("on the shortlist", members))
    names, counts = zip(*passed, strict=True)
    trace = go.Funnel(
        y=names,
        x=counts,
        texttemplate="%{value:,}",
        marker={"color": BLUE},
        connector={"visible": False},
        hovertemplate="%{y}: %{x:,}, %{percentInitial:.1%} of the proposals"
        "<extra></extra>",
    )
    made = figure([trace], "", "", showlegend=False)
    made.update_xaxes(visible=False)
    pending = view.counts["pending"]
    waiting = f" {pending:,} without a result yet are in none." if pending else ""
    return Chart(
        "funnel",
        "From proposals to the best rules",
        made,
        f"How many proposals passed each stage.{waiting}",
        "; ".join(f"{name} {count:,}" for name, count in passed) + ".",
    )


def reasons_chart(view: RunView) -> Chart:
    """Return why proposals got no full score.

    Args:
        view: of the search.

    Returns:
        The chart.
    """
    rows: list[tuple[str, int, str]] = []
    for status in LOST:
        reasons = view.reasons.get(status, {})
        left = view.counts[status] - sum(reasons.values())
        rows += [(f"{status}: {why}", n, status) for why, n in reasons.items()]
        rows += [(status, left, status)] if left > 0 else []
    rows = sorted(rows, key=lambda row: -row[1])[:REASONS][::-1]
    trace = go.Bar(
        y=[plain(name) for name, _, _ in rows],
        x=[count for _, count, _ in rows],
        orientation="h",
        marker={"color": [STATUS_COLOURS[status] for _, _, status in rows]},
        texttemplate="%{x:,}",
        textposition="auto",
        textangle=0,
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    return Chart(
        "reasons",
        "Why the others went",
        figure([trace], "proposals", "", showlegend=False),
        f"The {REASONS} most frequent reasons for which a proposal has no full score.",
        "; ".join(f"{name} {count:,}" for name, count, _ in reversed(rows)) + ".",
    )


def scores_chart(view: RunView) -> Chart:
    """Return the distribution of scores as the search goes on.

    Args:
        view: of a search with a scored rule. Others are left out: qualities of rejected
            and diverged ones are 0, those of stopped ones are of a part.

    Returns:
        The chart.
    """
    scored = view.proposals.take(view.proposals.where("scored"))
    end = max(view.charged, 1)
    edges = np.linspace(0, end, min(TIMES, max(end // 5, 1)) + 1)
    highest = max(float(scored.quality.max(initial=0.01)), 0.01)
    lowest = min(float(scored.quality.min(initial=highest)), highest - 0.01)
    levels = np.linspace(lowest, highest, LEVELS + 1)
    counts, _, _ = np.histogram2d(scored.charged, scored.quality, [edges, levels])
    shown = np.where(counts.T > 0, np.log10(np.maximum(counts.T, 1)), np.nan)
    cells = go.Heatmap(
        x=_middles(edges),
        y=np.round(_middles(levels), 4),
        z=np.round(shown, 2),
        customdata=counts.T.astype(np.int32),
        colorscale=SCALE,
        zmin=0,
        colorbar={
            "title": {"text": "rules"}, "tickvals": [0, 1, 2, 3, 4, 5],
            "ticktext": ["1", "10", "100", "1,000", "10,000", "100,000"],
            "thickness": 12,
        },
        hovertemplate="%{customdata:,} rules of quality near %{y:.3f}, around "
        "%{x:,.0f} rules trained<extra></extra>",
    )  # fmt: skip
    parts = min(TIMES // 2, max(len(scored) // TOGETHER, 1))
    lines = _quantiles(np.linspace(0, end, parts + 1), scored.charged, scored.quality)
    return Chart(
        "scores",
        "Scores as the search went on",
        figure([cells, *lines], CHARGED, "quality told to the searcher"),
        "Each cell counts the rules scored in full with that quality at that time "
        "(colour by logarithm); lines are the median and the highest tenth.",
        "Median quality of scored rules: "
        f"{lines[0].y[0]:.3f} at first, {lines[0].y[-1]:.3f} at the end.",
    )


def _middles(edges: Floats) -> Floats:
    return np.add(edges[1:], edges[:-1]) / 2


def _quantiles(
    edges: Floats, charged: Integers, quality: Floats
) -> Sequence[go.Scatter]:
    bins = np.clip(np.searchsorted(edges, charged, side="left") - 1, 0, len(edges) - 2)
    filled = np.unique(bins)
    x = _middles(edges)[filled]
    traces = []
    for share, name, colour in ((0.5, "median", GREEN), (0.9, "highest tenth", BLUE)):
        y = [float(np.quantile(quality[bins == each], share)) for each in filled]
        traces.append(
            go.Scatter(
                x=x,
                y=tuple(y),
                name=name,
                mode="lines" if len(filled) > 1 else "markers",
                line={"color": colour, "width": 2.5},
                hovertemplate=f"{name} %{{y:.4f}}<extra></extra>",
            )
        )
    return traces
