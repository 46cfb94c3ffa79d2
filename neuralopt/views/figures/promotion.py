"""Draw the funnel of a promotion: rules and baselines through the stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuralopt.palette import CYCLE, FOUND, GREY, SILVER, rule_colours
from neuralopt.promotion.funnel import StageResult
from neuralopt.views.figures.canvas import SMALL, apart, axes_of, canvas
from neuralopt.views.labels import counted, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABEL_ROOM = 0.042
"""Least distance of two labels, as a share of the axis."""


def promotion_figure(results: Sequence[StageResult], stages: int) -> Figure:
    """Return lines of the mean share on the validation split, stage by stage.

    Rules that go to the end are blue with their 95% intervals; those that were stopped
    are grey, and a cross is where. Baselines are dashed.

    Args:
        results: of the stages that were run.
        stages: of the plan.

    Returns:
        The figure.
    """
    first, last = results[0].rules, results[-1].rules
    left = sum(each.goes_on for each in last)
    figure = canvas(
        f"{left} of {counted(len(first), 'rule')} left after stage {len(results)} of "
        f"{stages}",
        width=10.0,
        height=6.5,
    )
    axes = axes_of(figure, "", "mean share of the reference, validation split")
    lines = _lines(results)
    ends = []
    baselines = [name for name, points in lines.items() if points[0][4]]
    colours = dict(zip(baselines, rule_colours(baselines[: len(CYCLE)]), strict=False))
    for name, points in lines.items():
        x, y, low, high, baseline, goes_on = zip(*points, strict=True)
        remains = goes_on[-1] and len(points) == len(results)
        if baseline[0]:
            colour = colours.get(name, GREY)
            axes.plot(x, y, "--o", color=colour, linewidth=2, markersize=4)
        elif remains:
            colour = FOUND
            errors = [
                [b - a for a, b in zip(low, y, strict=True)],
                [b - a for a, b in zip(y, high, strict=True)],
            ]
            axes.errorbar(
                x, y, errors, fmt="-o", color=FOUND, linewidth=2.2, capsize=3, zorder=3
            )
        else:
            colour = SILVER
            axes.plot(x, y, "-", color=SILVER, linewidth=1.2, zorder=1)
            axes.plot(x[-1], y[-1], "x", color="#777777", markersize=8, zorder=2)
        if x[-1] == len(results):
            ends.append(
                (shortened(name, 24), y[-1], GREY if colour == SILVER else colour)
            )
    _limit(axes, lines)
    _label(axes, ends, len(results))
    titles = [
        f"stage {number}\n{counted(len(result.rules), 'rule')}\n"
        f"{counted(len(result.parts), 'part')}\n{result.seeds} seeds"
        for number, result in enumerate(results, 1)
    ]
    axes.set_xticks(range(1, len(results) + 1), titles)
    axes.grid(axis="x", visible=False)
    axes.axhline(0.5, color="#BBBBBB", linewidth=1, zorder=0)
    return figure


Point = tuple[int, float, float, float, bool, bool]
"""Stage from 1, mean, low, high, whether a baseline, whether it goes on."""


def _lines(results: Sequence[StageResult]) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = {}
    for number, result in enumerate(results, 1):
        for each in result.standings:
            if each.shares:
                lines.setdefault(each.contender.name, []).append(
                    (
                        number,
                        each.mean,
                        each.low,
                        each.high,
                        each.contender.baseline,
                        each.goes_on,
                    )
                )
    return lines


def _limit(axes: Axes, lines: dict[str, list[Point]]) -> None:
    """Show everything near the baselines; far worse rules are cut off below."""
    values = sorted(point[1] for points in lines.values() for point in points)
    highest = max(
        point[3] if point[5] and not point[4] else point[1]
        for points in lines.values()
        for point in points
    )
    lowest = max(values[0], 2 * values[len(values) // 2] - values[-1] - 0.1, 0.0)
    room = max(0.06 * (highest - lowest), 0.003)
    axes.set_ylim(lowest - room, highest + room)


def _label(axes: Axes, ends: list[tuple[str, float, str]], stages: int) -> None:
    low, high = axes.get_ylim()
    places = apart([y for _, y, _ in ends], LABEL_ROOM * (high - low))
    for (name, y, colour), place in zip(ends, places, strict=True):
        axes.annotate(
            name,
            (stages, y),
            (stages + 0.06 * max(1, stages - 1), place),
            va="center",
            fontsize=SMALL,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": "#CCCCCC", "linewidth": 0.7},
            annotation_clip=False,
        )
    axes.set_xlim(0.8, stages + 0.35 * max(1, stages - 1))
