"""An explanation as a picture of one page."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralopt.anatomy.ablation import Ablation, PartRow
from neuralopt.anatomy.explanation import Explanation
from neuralopt.anatomy.quadratics import CURVATURES, FATES, RATES, Stability
from neuralopt.anatomy.rates import WITHIN, RateCurve
from neuralopt.anatomy.sentences import (
    advice_facts,
    cost_of,
    input_facts,
    stability_facts,
)
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
    from matplotlib.figure import Figure, SubFigure

ROWS = 18
"""Variants that are drawn: those that differ most from the rule."""

TASKS = 4
"""Whose curves are drawn, the first ones."""

_FATES = (BLUE, SKY, YELLOW, VERMILION)
_WORDS = {
    "worse": VERMILION,
    "no difference shown": GREY,
    "not decidable at this n": SKY,
    "better": GREEN,
}
_PANEL, _TEXT = 13, 10


def explanation_figure(explanation: Explanation) -> Figure:
    """Return the picture of an explanation.

    Args:
        explanation: of a rule. Without trainings two panels are left out.

    Returns:
        A Figure of matplotlib.
    """
    from matplotlib.figure import Figure

    ablation = explanation.ablation
    size = (15.0, 11.0) if ablation is not None else (14.0, 5.4)
    figure = Figure(size, dpi=DOTS, layout="constrained", facecolor="white")
    figure.suptitle(_title(explanation), fontsize=15, x=0.01, ha="left")
    rows: Any = (figure,)
    if ablation is not None:
        rows = figure.subfigures(2, 1, height_ratios=(1.0, 0.95))
        left, right = rows[0].subplots(1, 2, width_ratios=(1.0, 1.15))
        draw_ablation(left, ablation)
        draw_rates(right, explanation)
    facts, stability = rows[-1].subfigures(1, 2, width_ratios=(1.25, 1.0))
    write_facts(facts, explanation)
    draw_stability(stability.subplots(), explanation.stability)
    return figure


def _title(explanation: Explanation) -> str:
    shown = render(explanation.rule)
    if explanation.name == shown:
        text = shown
        if shown.isidentifier():
            text = f"{shown}:  {explanation.rule}"
    else:
        text = f"{explanation.name}:  {shown}"
    return "\n".join(textwrap.wrap(text, 115))


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
    quality = "share of Adam's quality" if ablation.relative else "quality"
    style(axes, f"{quality} less the rule's, {ablation.seeds} paired seeds, 95%")
    axes.xaxis.label.set_fontsize(_TEXT)
    axes.set_yticks(
        range(len(rows)),
        _labels(rows),
        fontsize=8.0,
        family="monospace",
    )
    axes.tick_params(axis="x", labelsize=_TEXT)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    legend(
        axes,
        [
            (each, f"{word} without it" if word in ("worse", "better") else word)
            for word, each in _WORDS.items()
            if each != SKY or ablation.undecidable
        ],
    )
    more = len(ablation.rows) - len(rows)
    also = f", {more} smaller ones not shown" if more else ""
    axes.set_title(
        f"Parts changed, on {ablation.task}{also}", fontsize=_PANEL, loc="left"
    )


def _labels(rows: Sequence[PartRow]) -> list[str]:
    """What is changed in each row; the whole variant where two would be alike."""
    counts = Counter(str(row.variant) for row in rows)
    return [
        f"{shortened(row.variant.part, 26)} -> {shortened(row.variant.instead, 22)}"
        if counts[str(row.variant)] == 1
        else shortened(render(row.variant.rule), 50)
        for row in rows
    ]


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
    one = f"{1 - WITHIN:.0%} of the best over {first.decades:.1f} decades"
    what = (
        f"{first.task}, within {one}"
        if len(pairs) == 1
        else "the rule, and AdamW dashed"
    )
    axes.set_title(f"Rates: {what}", fontsize=_PANEL, loc="left")


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


def write_facts(figure: SubFigure, explanation: Explanation) -> None:
    """Write the facts that have no picture.

    Args:
        figure: to write into, from its upper left corner.
        explanation: of a rule.
    """
    known = explanation.invariances
    kept = [("keeps", known.memory_text)] if known.tensor_scope else []
    facts = [
        *kept,
        *input_facts(known),
        ("", ""),
        *stability_facts(explanation.stability, tensor_scope=known.tensor_scope)[1:],
        ("", ""),
        *advice_facts(explanation),
    ]
    lines = []
    for name, text in facts:
        first, *more = textwrap.wrap(text, 66) or [""]
        lines.append(f"{name:<20} {first}")
        lines += [f"{'':<20} {each}" for each in more]
    figure.text(
        0.01,
        0.97,
        known.cost if known.tensor_scope else cost_of(known),
        fontsize=_PANEL,
        va="top",
    )
    figure.text(
        0.01,
        0.90,
        "\n".join(lines),
        va="top",
        family="monospace",
        fontsize=min(9.2, 9.2 * 30 / len(lines)),
    )


def draw_stability(axes: Axes, stability: Stability) -> None:
    """Draw what happens on parabolas, as a map of rate and curvature.

    Args:
        axes: to draw into.
        stability: of a rule.
    """
    from matplotlib.colors import ListedColormap

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
    legend(axes, list(zip(_FATES, FATES, strict=True)))
    dotted = ", dotted: theory" if stability.theory is not None else ""
    axes.set_title(f"Stability on quadratics{dotted}", fontsize=_PANEL, loc="left")


def legend(axes: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """Write what colours mean, in one line below the axes.

    Args:
        axes: with a label of the x axis.
        entries: colour and meaning of each.
    """
    from matplotlib.patches import Patch

    axes.legend(
        handles=[Patch(color=colour, label=label) for colour, label in entries],
        fontsize=_TEXT,
        ncols=len(entries),
        loc="upper center",
        bbox_to_anchor=(0.5, -0.11),
        frameon=False,
        handlelength=1.0,
        columnspacing=1.2,
    )
