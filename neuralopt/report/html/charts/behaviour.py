"""What the rules of a search do: known rules found again, families and sizes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from neuralopt.palette import ORANGE
from neuralopt.report.html.charts.best import CHARGED
from neuralopt.report.html.charts.chart import SCALE, Chart, figure, plain, rule_label
from neuralopt.views.run_view import RunView

WIDEST = 30
"""Sizes from here on share a column."""


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
    known = (view.proposals.families >= 0) & (view.proposals.size > 0)
    some = view.proposals.take(known & np.isfinite(view.proposals.quality))
    highest = {
        bits: float(some.quality[some.families == bits].max())
        for bits in set(some.families.tolist())
    }
    kinds = sorted(highest, key=lambda bits: (highest[bits], bits))  # upwards
    widths = np.minimum(some.size, WIDEST)
    sizes = list(range(int(widths.min()), int(widths.max()) + 1))
    quality = np.full((len(kinds), len(sizes)), np.nan)
    hover = np.full((len(kinds), len(sizes)), "", dtype=object)
    counts = np.zeros((len(kinds), len(sizes)), np.int64)
    order = np.argsort(some.quality, kind="stable")  # the best of a cell comes last
    for place in order.tolist():
        row = kinds.index(int(some.families[place]))
        column = sizes.index(min(int(some.size[place]), WIDEST))
        counts[row, column] += 1
        number = int(some.number[place])
        quality[row, column] = some.quality[place]
        hover[row, column] = f"#{number} {rule_label(texts.get(number, ''))}"
    for cell in np.ndindex(*counts.shape):
        hover[cell] = f"{counts[cell]:,} rules, the best<br>{hover[cell]}"
    names = [_families(view, bits) for bits in kinds]
    trace = go.Heatmap(
        x=[f"{size}+" if size == WIDEST else str(size) for size in sizes],
        y=names,
        z=np.round(quality, 4),
        customdata=hover.tolist(),
        colorscale=SCALE,
        colorbar={"title": {"text": "best"}, "thickness": 12},
        hoverongaps=False,
        xgap=1,
        ygap=1,
        hovertemplate="%{y}, size %{x}: %{customdata}<br>score %{z:.4f}<extra></extra>",
    )
    height = 180 + 26 * len(kinds)
    made = figure([trace], "size (nodes of the rule)", "", height, showlegend=False)
    made.update_xaxes(type="category")
    return Chart(
        "behaviour",
        "Map of behaviours",
        made,
        "The best score of each combination of families (what the rule does, from "
        "probes) and size, of useful rules whose size was read. The row with the "
        "highest score is on top.",
        f"{len(kinds)} combinations of families; the highest scores: "
        + _highest(names, quality),
        height,
    )


def _families(view: RunView, bits: int) -> str:
    names = [name for place, name in enumerate(view.families) if bits >> place & 1]
    return plain(", ".join(names) or "no family")


def _highest(names: list[str], quality: np.ndarray) -> str:
    best = {
        name: float(np.nanmax(row)) for name, row in zip(names, quality, strict=True)
    }
    some = sorted(best.items(), key=lambda each: -each[1])[:3]
    return "; ".join(f"{name} {value:.4f}" for name, value in some) + "."
