"""The verdict as pictures: means with intervals, and scores by task."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from neuralopt.palette import BLUE, GREEN, GREY, SKY, VERMILION
from neuralopt.report.html.charts.chart import Chart, figure, plain, rule_label
from neuralopt.verdict.comparison import Comparison
from neuralopt.views.run_view import RunView

SHORT = 32
"""Characters of a rule at the axis."""

BEST = 15
"""Rules whose scores by task are drawn."""

COLOURS = {
    "better": GREEN,
    "no difference shown": BLUE,
    "not decidable at this n": SKY,
    "worse": VERMILION,
    "reference": GREY,
}
"""Of the words that have a mean to draw."""


def forest_chart(comparison: Comparison, rules: Mapping[str, str]) -> Chart:
    """Return the mean of each candidate with its interval, best first.

    Args:
        comparison: of candidates by name.
        rules: text of some or all candidates, by name.

    Returns:
        The chart.
    """
    traces = []
    drawn = [row for row in comparison.rows if row.verdict in COLOURS]
    order = [_name(row.name, rules) for row in drawn]
    for word, colour in COLOURS.items():
        rows = [row for row in drawn if row.verdict == word]
        if not rows:
            continue
        traces.append(
            go.Scatter(
                x=[row.mean for row in rows],
                y=[_name(row.name, rules) for row in rows],
                error_x={
                    "type": "data", "symmetric": False, "thickness": 2, "width": 5,
                    "array": [row.high - row.mean for row in rows],
                    "arrayminus": [row.mean - row.low for row in rows],
                },
                text=[rule_label(rules.get(row.name, "")) for row in rows],
                customdata=[[row.low, row.high] for row in rows],
                name=word,
                mode="markers",
                marker={
                    "size": 10, "color": colour,
                    "symbol": [
                        "circle" if row.name.startswith("#") else "diamond-open"
                        for row in rows
                    ],
                },
                hovertemplate="%{y}<br>%{text}<br>mean %{x:.4f} "
                "[%{customdata[0]:.4f}, %{customdata[1]:.4f}]<extra></extra>",
            )
        )  # fmt: skip
    height = 190 + 27 * len(order)
    made = figure(traces, "mean quality on fresh seeds", "", height)
    made.update_yaxes(categoryorder="array", categoryarray=order[::-1], type="category")
    made.update_layout(legend={"y": 1.0, "yanchor": "bottom"}, margin={"t": 60})
    best = comparison.rows[0]
    return Chart(
        "verdict",
        "Means on fresh seeds",
        made,
        f"Points: means of {comparison.seeds} fresh seeds; lines: their "
        f"{100 * comparison.confidence:g}% intervals, each on its own. Filled: found "
        f"rules; open: known ones. The colour is "
        f"the verdict of the paired comparison with {comparison.reference}.",
        f"{best.name} has the highest mean, {best.mean:.4f}; the reference is "
        f"{comparison.reference}.",
        height,
    )


def _name(name: str, rules: Mapping[str, str]) -> str:
    rule = rule_label(rules.get(name, ""), SHORT) if name.startswith("#") else ""
    return f"{plain(name)} {rule}".strip()


def parts_chart(view: RunView) -> Chart:
    """Return what the best rules scored on each part of the objective, and Adam.

    Args:
        view: of a search whose objective has several parts.

    Returns:
        The chart.
    """
    parts = view.parts
    rules = view.leaderboard[:BEST]
    quality = parts.quality[:BEST]
    gain = quality - parts.adam
    most = float(np.nanmax(np.abs(gain), initial=0.01))
    hover = [
        [
            f"#{rule.proposal.number} {rule_label(rule.rule)}<br>{plain(part)}: "
            f"{quality[row, column]:.4f}, Adam {parts.adam[column]:.4f}"
            for column, part in enumerate(parts.parts)
        ]
        for row, rule in enumerate(rules)
    ]
    trace = go.Heatmap(
        x=[plain(part) for part in parts.parts],
        y=[f"#{rule.proposal.number}" for rule in rules],
        z=np.round(gain, 4),
        text=hover,
        colorscale=[[0, VERMILION], [0.5, "#f2f2f2"], [1, BLUE]],
        zmin=-most,
        zmax=most,
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "less Adam's"}, "thickness": 12},
        hovertemplate="%{text}<extra></extra>",
    )
    height = 260 + 22 * len(rules)
    made = figure([trace], "", "", height, showlegend=False)
    made.update_yaxes(autorange="reversed", type="category")
    return Chart(
        "parts",
        "Scores by task",
        made,
        "Quality of the best rules on each task and horizon of the search, less Adam's "
        "there: blue is better than Adam, red is worse.",
        _sentence(view, gain),
        height,
    )


def _sentence(view: RunView, gain: np.ndarray) -> str:
    if not len(gain):
        return "No rule has a score yet."
    better = int((gain[0] > 0).sum())
    return f"The best rule is better than Adam on {better} of {len(view.parts.parts)}."
