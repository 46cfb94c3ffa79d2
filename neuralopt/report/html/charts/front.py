"""Quality against size, with the rules than which none is better and as small."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from neuralopt.archive.ranking import RankedRule
from neuralopt.palette import BLUE, GREY, ORANGE
from neuralopt.report.html.charts.chart import Chart, figure, plain, rule_label
from neuralopt.views.run_view import RunView

LABEL = 30
"""Characters of a formula at its point."""

HEIGHT = 520


def shown_places(view: RunView) -> NDArray[np.int64]:
    """Return which proposals are drawn as points.

    Args:
        view: of the search.

    Returns:
        Places in `view.proposals` of the rules whose sizes were read.
    """
    return np.flatnonzero(view.proposals.size)


def front_chart(view: RunView, texts: Mapping[int, str]) -> Chart:
    """Return quality against size, with the Pareto front and its formulas.

    Args:
        view: of the search.
        texts: of the rules drawn, by number of the proposal.

    Returns:
        The chart.
    """
    places = shown_places(view)
    named = view.proposals.equal[places]
    traces = [
        _points(view, texts, places[~named], "rules", GREY, 5),
        _points(view, texts, places[named], "equal to a known rule", ORANGE, 7),
    ]
    traces.append(_front(view.front))
    read = view.sizes_read
    part = (
        f" Of {view.counts['scored']:,} scored rules the sizes of {read:,} were read: "
        "the best, the shortest for their quality, and others evenly spaced."
        if read < view.counts["scored"]
        else ""
    )
    ends = [f"{_merit(r):.4f} at size {r.size}" for r in view.front]
    return Chart(
        "front",
        "Quality against size",
        figure(traces, "size (nodes of the rule)", "quality", HEIGHT),
        "Blue: the front, of rules than which none is better and as small, by means on "
        "fresh replicates where they were measured. Others are at the score that the "
        f"searcher was told, which may be luck.{part}",
        f"The front goes from {ends[0]} to {ends[-1]}." if ends else "No front yet.",
        HEIGHT,
    )


def _points(
    view: RunView,
    texts: Mapping[int, str],
    places: NDArray[np.int64],
    name: str,
    colour: str,
    size: int,
) -> go.Scatter:
    some = view.proposals.take(places)
    # Sizes are whole numbers: spread a little, so that points don't hide each other.
    spread = ((some.number * 0.6180339887) % 1 - 0.5) * 0.6
    labels = []
    for number, nodes, near, equal in zip(
        some.number.tolist(), some.size.tolist(), some.nearest.tolist(),
        some.equal.tolist(), strict=True,
    ):  # fmt: skip
        known = f"<br>= {plain(view.names[near])}" if equal and near >= 0 else ""
        rule = rule_label(texts.get(number, ""))
        labels.append(f"#{number}, size {nodes}<br>{rule}{known}")
    return go.Scatter(
        x=np.round(some.size + spread, 2),
        y=np.round(some.quality, 5),
        text=labels,
        name=name,
        mode="markers",
        marker={"size": size, "color": colour, "opacity": 0.45},
        hovertemplate="%{text}<br>score %{y:.4f}<extra></extra>",
    )


def _merit(rule: RankedRule) -> float:
    return rule.worth[1]


def _front(rules: tuple[RankedRule, ...]) -> go.Scatter:
    hover = []
    for rule in rules:
        name = f"<br>{plain(rule.name)}" if rule.name else ""
        place = rule.place
        ends = f" [{place.low:.4f}, {place.high:.4f}]" if place else ""
        hover.append(
            f"#{rule.proposal.number}, size {rule.size}<br>{rule_label(rule.rule)}"
            f"{name}<br>quality {_merit(rule):.4f}{ends}"
        )
    return go.Scatter(
        x=[rule.size for rule in rules],
        y=[_merit(rule) for rule in rules],
        text=_labels(rules),
        customdata=hover,
        name="front",
        mode="lines+markers+text",
        line={"color": BLUE, "width": 3, "shape": "hv"},
        marker={"size": 10, "color": BLUE},
        textposition="bottom right",
        textfont={"size": 11},
        cliponaxis=False,
        hovertemplate="%{customdata}<extra></extra>",
    )


def _labels(rules: tuple[RankedRule, ...]) -> list[str]:
    """Formulas of the front, those left out that would lie over the one before."""
    found = [rule_label(rule.rule, LABEL) for rule in rules]
    if len(rules) < 2:
        return found
    merits = [_merit(rule) for rule in rules]
    apart = (max(merits) - min(merits)) / 14
    kept = [found[0]]
    last = merits[0]
    for (_, merit), text in zip(pairwise(merits), found[1:], strict=True):
        show = abs(merit - last) >= apart
        kept.append(text if show else "")
        last = merit if show else last
    if not kept[-1]:
        kept[-1] = found[-1]  # the best one is worth an overlap
    return kept
