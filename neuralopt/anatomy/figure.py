"""An explanation as a picture of one page."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from neuralopt.anatomy.ablation import Ablation, PartRow
from neuralopt.anatomy.explanation import Explanation
from neuralopt.anatomy.quadratics import CURVATURES, FATES, RATES, Stability
from neuralopt.anatomy.rates import WITHIN, RateCurve
from neuralopt.anatomy.sentences import advice_facts, input_facts, stability_facts
from neuralopt.language import render
from neuralopt.palette import (
    BLUE,
    CYCLE,
    FOUND,
    GREEN,
    GREY,
    INK,
    SKY,
    VERMILION,
    YELLOW,
)
from neuralopt.shortening import shortened
from neuralopt.views.figures.canvas import DOTS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = 18
"""Variants that are drawn: those that differ most from the rule."""

TASKS = 4
"""Whose curves are drawn, the first ones."""

_FATES = (BLUE, SKY, YELLOW, VERMILION)
_WORDS = {"worse": VERMILION, "better": GREEN}
_PANEL, _TEXT = 13, 10


def explanation_figure(explanation: Explanation) -> Figure:
    """Return the picture of an explanation.

    Args:
        explanation: of a rule. Without trainings it has two panels instead of four.

    Returns:
        A Figure of matplotlib.
    """
    from matplotlib.figure import Figure

    trained = explanation.ablation is not None
    size = (15.0, 11.0) if trained else (14.0, 5.6)
    figure = Figure(size, dpi=DOTS, layout="constrained", facecolor="white")
    figure.suptitle(_title(explanation), fontsize=16, x=0.01, ha="left")
    panels = figure.subplots(
        2 if trained else 1, 2, squeeze=False, width_ratios=(1.15, 1.0)
    )
    if explanation.ablation is not None:
        draw_ablation(panels[0][0], explanation.ablation)
        draw_rates(panels[0][1], explanation)
    draw_facts(panels[-1][0], explanation)
    draw_stability(panels[-1][1], explanation.stability)
    return figure


def _title(explanation: Explanation) -> str:
    shown = render(explanation.rule)
    text = shown if explanation.name == shown else f"{explanation.name}:  {shown}"
    return "\n".join(textwrap.wrap(text, 110))


def draw_ablation(axes: Axes, ablation: Ablation) -> None:
    """Draw what each variant loses, with intervals, the largest loss first.

    Args:
        axes: to draw into.
        ablation: of a rule.
    """
    rows = _shown(ablation)
    for place, row in enumerate(rows):
        colour = _WORDS.get(row.verdict, GREY)
        axes.barh(place, row.difference, color=colour, alpha=0.55, height=0.7)
        ends = [[row.difference - row.low], [row.high - row.difference]]
        axes.errorbar(
            row.difference, place, xerr=ends, color=INK, capsize=2.5, linewidth=1.2
        )
    axes.axvline(0, color=INK, linewidth=1)
    lowest = min(0.0, *(row.difference for row in rows)) if rows else 0.0
    highest = max(0.0, *(row.difference for row in rows)) if rows else 0.0
    room = 0.25 * max(highest - lowest, 1e-3)
    axes.set_xlim(lowest - room, highest + room)  # intervals of few seeds are wide
    style(axes, f"quality less the rule's, {ablation.seeds} paired seeds, 95%")
    axes.xaxis.label.set_fontsize(_TEXT)
    axes.set_yticks(
        range(len(rows)),
        [shortened(str(row.variant), 46) for row in rows],
        fontsize=8.5,
        family="monospace",
    )
    axes.tick_params(axis="x", labelsize=_TEXT)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    more = len(ablation.rows) - len(rows)
    also = f", {more} smaller ones not shown" if more else ""
    axes.set_title(
        f"Parts changed, on {ablation.task}{also}", fontsize=_PANEL, loc="left"
    )


def _shown(ablation: Ablation) -> list[PartRow]:
    far = sorted(ablation.rows, key=lambda row: -abs(row.difference))[:ROWS]
    return [row for row in ablation.rows if row in far]


def draw_rates(axes: Axes, explanation: Explanation) -> None:
    """Draw quality against rate: the rule with its good region, and AdamW dashed.

    Args:
        axes: to draw into.
        explanation: with curves.
    """
    pairs = list(zip(explanation.curves, explanation.adamw, strict=True))[:TASKS]
    for place, (mine, its) in enumerate(pairs):
        colour = FOUND if len(pairs) == 1 else CYCLE[place]
        rule = "the rule" if len(pairs) == 1 else mine.task
        adamw = "AdamW" if place == len(pairs) - 1 else None
        _draw_curve(axes, mine, colour, rule)
        grey = GREY if len(pairs) == 1 else colour
        axes.plot(
            its.rates, its.means, color=grey, ls="--", marker="s", ms=4, label=adamw
        )
        if mine.good is not None and len(pairs) == 1:
            axes.axvspan(*mine.good, color=colour, alpha=0.12, lw=0)
    style(axes, "learning rate", "quality, validation split")
    axes.xaxis.label.set_fontsize(_TEXT)
    axes.yaxis.label.set_fontsize(_TEXT)
    axes.tick_params(labelsize=_TEXT)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=_TEXT, frameon=False, loc="best")
    first = explanation.curves[0]
    one = f"within {1 - WITHIN:.0%} of the best over {first.decades:.1f} decades"
    what = f"{first.task}, {one}" if len(pairs) == 1 else "each task"
    axes.set_title(f"Learning rates: {what}", fontsize=_PANEL, loc="left")


def _draw_curve(axes: Axes, curve: RateCurve, colour: str, label: str) -> None:
    values = np.array(curve.qualities)
    axes.fill_between(
        curve.rates,
        values.min(axis=1),
        values.max(axis=1),
        color=colour,
        alpha=0.2,
        lw=0,
    )
    axes.plot(curve.rates, curve.means, color=colour, marker="o", lw=2.5, label=label)


def draw_facts(axes: Axes, explanation: Explanation) -> None:
    """Write the facts that have no picture.

    Args:
        axes: to write into.
        explanation: of a rule.
    """
    axes.set_axis_off()
    facts = [
        *input_facts(explanation.invariances),
        ("", ""),
        *stability_facts(explanation.stability)[1:],
        ("", ""),
        *advice_facts(explanation),
    ]
    lines = []
    for name, text in facts:
        first, *more = textwrap.wrap(text, 62) or [""]
        lines.append(f"{name:<20} {first}")
        lines += [f"{'':<20} {each}" for each in more]
    known = explanation.invariances
    axes.set_title(
        f"{known.memory} value{'s' * (known.memory != 1)} of memory and "
        f"{known.operations} operations per parameter and step",
        fontsize=_PANEL,
        loc="left",
    )
    axes.text(
        0.0,
        1.0,
        "\n".join(lines),
        transform=axes.transAxes,
        va="top",
        family="monospace",
        fontsize=min(9.5, 9.5 * 30 / max(len(lines), 1)),
    )


def draw_stability(axes: Axes, stability: Stability) -> None:
    """Draw what happens on parabolas, as a map of rate and curvature.

    Args:
        axes: to draw into.
        stability: of a rule.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    axes.pcolormesh(
        CURVATURES,
        RATES,
        stability.fates,
        cmap=ListedColormap(_FATES),
        vmin=-0.5,
        vmax=3.5,
        shading="nearest",
        edgecolors="white",
        linewidth=0.3,
    )
    style(axes, "curvature", "learning rate")
    axes.grid(visible=False)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.label.set_fontsize(_TEXT)
    axes.yaxis.label.set_fontsize(_TEXT)
    axes.tick_params(labelsize=_TEXT)
    if stability.theory is not None:
        line = np.array(CURVATURES)
        axes.plot(line, stability.theory / line, color=INK, lw=1.5, ls=":")
        axes.set_ylim(RATES[0], RATES[-1])
    handles = [
        Patch(color=colour, label=fate)
        for colour, fate in zip(_FATES, FATES, strict=True)
    ]
    axes.legend(
        handles=handles,
        fontsize=_TEXT,
        ncols=4,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.1),
        frameon=False,
        handlelength=1.0,
        columnspacing=1.2,
    )
    dotted = ", dotted: theory" if stability.theory is not None else ""
    axes.set_title(f"Stability on quadratics{dotted}", fontsize=_PANEL, loc="left")
