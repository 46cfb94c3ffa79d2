"""What all charts share: their frame, colours and texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from neuralopt.report.rule_text import folded

HEIGHT = 440
LONGEST = 110
"""Characters of a rule that a label shows; a longer one is cut there."""

SCALE = ((0.0, "#8f2ab0"), (0.5, "#e0567a"), (1.0, "#fbb55a"))
"""Colours of quantities: lighter is more, and all can be seen on white and on black."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif'


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with the words that go with it.

    Attributes:
        name: distinct among the charts of a run.
        title: what is to be seen, as a heading.
        figure: of plotly.
        caption: how to read it.
        alternative: what it shows, for those who can't see it.
        height: in pixels.
    """

    name: str
    title: str
    figure: go.Figure
    caption: str
    alternative: str
    height: int = HEIGHT


def figure(
    traces: Sequence[Any], x: str, y: str, height: int = HEIGHT, **layout: Any
) -> go.Figure:
    """Return a figure in the style of the page, whose script adds the colours.

    Args:
        traces: of plotly.
        x: title of the horizontal axis.
        y: title of the vertical axis.
        height: in pixels.
        layout: of plotly, over what is set here.

    Returns:
        The figure.
    """
    axis = {"automargin": True, "showline": True, "ticks": ""}

    def titled(text: str) -> dict[str, Any]:
        return {**axis, "title": {"text": text, "font": {"size": 13}, "standoff": 12}}

    made = go.Figure(
        list(traces),
        {
            "template": go.layout.Template(),
            "height": height,
            "margin": {"l": 60, "r": 20, "t": 30, "b": 60},
            "font": {"family": FONT, "size": 13},
            "hovermode": "closest",
            "hoverlabel": {"align": "left", "namelength": -1},
            "legend": {
                "orientation": "h",
                "y": -0.2,
                "yanchor": "top",
                "x": 0,
                "traceorder": "normal",
            },
            "xaxis": titled(x),
            "yaxis": titled(y),
            "dragmode": False,
        },
    )
    made.update_layout(**layout)
    return made


def plain(text: str) -> str:
    """Return text for plotly, which takes some HTML in labels for markup.

    Args:
        text: of any source.

    Returns:
        The text on one line, escaped.
    """
    return escape(" ".join(text.split()), quote=False)


def rule_label(text: str, longest: int = LONGEST) -> str:
    """Return a rule as a label shows it: folded, and cut if it is long.

    Args:
        text: of the rule.
        longest: characters of it that are shown.

    Returns:
        Text for plotly.
    """
    short = folded(text)
    return plain(short if len(short) <= longest else f"{short[: longest - 1]}…")


def with_alpha(colour: str, alpha: float) -> str:
    """Return a colour that lets what is below it through.

    Args:
        colour: as ``#RRGGBB``.
        alpha: 0 for none of the colour, 1 for nothing else.

    Returns:
        The colour as plotly wants it.
    """
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
