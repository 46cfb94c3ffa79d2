"""What the rules of a search do: known rules found again, families and sizes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from neuralopt.palette import ORANGE
from neuralopt.report.html.charts.best import CHARGED
from neuralopt.report.html.charts.chart import SCALE, Chart, figure, plain, rule_label
from neuralopt.views.figures.behaviour import BehaviourMap, behaviour_map
from neuralopt.views.run_view import RunView


def rediscoveries_chart(view: RunView, texts: Mapping[int, str]) -> Chart:
    """Return when each known rule was found.

    Args:
        view: of the search.
        texts: of the rules, by number of the proposal.

    Returns:
        The chart.
    """
    found = view.rediscoveries
    labels = [
        f"#{each.number} {rule_label(texts.get(each.number, ''))}" for each in found
    ]
    trace = go.Scatter(
        x=[max(each.charged, 1) for each in found],
        y=[plain(each.name) for each in found],
        text=labels,
        mode="markers",
        marker={"size": 13, "color": ORANGE, "symbol": "diamond"},
        hovertemplate="%{y} after %{x:,} rules trained<br>%{text}<extra></extra>",
    )
    height = 200 + 26 * len(found)
    made = figure([trace], f"{CHARGED} (logarithmic)", "", height, showlegend=False)
    made.update_xaxes(type="log", range=[-0.1, np.log10(max(view.charged, 2)) + 0.1])
    made.update_yaxes(autorange="reversed", type="category")
    if view.charged >= 100:
        made.update_xaxes(dtick=1)
    return Chart(
        "rediscoveries",
        "Known rules found again",
        made,
        "When the first useful rule was trained that updates as the known rule does, "
        "up to a factor.",
        "; ".join(f"{each.name} after {each.charged:,} rules" for each in found) + ".",
        height,
    )


def behaviour_chart(view: RunView, texts: Mapping[int, str]) -> Chart:
    """Return the best quality by families of behaviour and size.

    Args:
        view: of the search.
        texts: of the rules, by number of the proposal.

    Returns:
        The chart.
    """
    found = behaviour_map(view, most=None)
    hover = [
        [_hover(int(count), int(number), texts) for count, number in cells]
        for cells in map(zip, found.count, found.number)
    ]
    trace = go.Heatmap(
        x=found.sizes,
        y=[plain(name) for name in found.families],
        z=np.round(found.best, 4),
        customdata=hover,
        colorscale=SCALE,
        colorbar={"title": {"text": "best"}, "thickness": 12},
        hoverongaps=False,
        xgap=1,
        ygap=1,
        hovertemplate="%{y}, size %{x}: %{customdata}<br>score %{z:.4f}<extra></extra>",
    )
    height = 180 + 26 * len(found.families)
    made = figure([trace], "size (nodes of the rule)", "", height, showlegend=False)
    made.update_xaxes(type="category")
    made.update_yaxes(autorange="reversed", type="category")
    return Chart(
        "behaviour",
        "Map of behaviours",
        made,
        "The best score of each combination of families (what the rule does, from "
        "probes) and size, of useful rules whose size was read. The row with the "
        "highest score is on top.",
        f"{len(found.families)} combinations of families; the highest scores: "
        + _highest(found),
        height,
    )


def _hover(count: int, number: int, texts: Mapping[int, str]) -> str:
    """What is in a cell; "" for an empty one."""
    if not count:
        return ""
    return f"{count:,} rules, the best<br>#{number} {rule_label(texts.get(number, ''))}"


def _highest(found: BehaviourMap) -> str:
    best = np.nanmax(found.best, axis=1)[:3]
    told = zip(found.families, best, strict=False)
    return "; ".join(f"{name} {value:.4f}" for name, value in told) + "."
