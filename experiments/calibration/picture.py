"""Draw the calibration: false calls by test, and planted gains that are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.calibration.differences import FAMILIES
from neuralopt.palette import BLUE, CYCLE, GREY, ORANGE, VERMILION
from neuralopt.views.figures.canvas import LABEL, SMALL, canvas, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[dict[str, object]]


def calibration_figure(calls: Rows, found: Rows) -> Figure:
    """Return the figure of the results page.

    Args:
        calls: rows of false calls on synthetic differences.
        found: rows of planted gains.

    Returns:
        False calls of Student's t and of the verdicts' test by family and seeds; and
        the share of planted gains of 5% and 2% found by seeds.
    """
    figure = canvas(
        "False calls stay near 5% where tails are skewed; small gains need many seeds",
        width=15.0,
        height=6.5,
    )
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    _draw_calls(left, [row for row in calls if row["differences"] in FAMILIES])
    for axes, gain in ((middle, "2%"), (right, "5%")):
        _draw_power(axes, [row for row in found if row["gain"] == gain], gain)
    lines, labels = right.get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower right", ncols=4, fontsize=SMALL - 2)
    return figure


def _draw_calls(axes: Axes, rows: Rows) -> None:
    style(axes, "false calls, %")
    families = list(FAMILIES)
    for test, colour, shift in (("Student", ORANGE, 0.18), ("neuralopt", BLUE, -0.18)):
        drawn = [(families.index(str(r["differences"])), r) for r in rows]
        axes.scatter(
            [_rate(row[test]) for _, row in drawn],
            [place + shift for place, _ in drawn],
            s=[14 + 4 * float(str(row["seeds"])) for _, row in drawn],
            color=colour,
            alpha=0.75,
            label=test if test == "Student" else "verdicts' test",
        )
    axes.axvline(5, color=VERMILION, linestyle="--", linewidth=1.5)
    axes.set_yticks(range(len(families)), families, fontsize=SMALL)
    axes.set_ylim(len(families) - 0.5, -0.5)
    axes.set_xlim(left=-0.3)
    axes.legend(fontsize=SMALL, title="larger: more seeds", title_fontsize=SMALL, loc=4)


def _draw_power(axes: Axes, rows: Rows, gain: str) -> None:
    style(axes, "seeds", "found, %")
    kinds = list(dict.fromkeys((row["task"], row["adam against"]) for row in rows))
    for place, kind in enumerate(kinds):
        points = [row for row in rows if (row["task"], row["adam against"]) == kind]
        axes.plot(
            [float(str(row["seeds"])) for row in points],
            [_rate(row["alone"]) for row in points],
            marker="o",
            linewidth=2,
            color=CYCLE[place % len(CYCLE)],
            label=f"{kind[0]}, {kind[1]}",
        )
    axes.axhline(80, color=GREY, linestyle="--", linewidth=1.2)
    axes.set_ylim(-2, 102)
    axes.set_title(f"a gain of {gain}", fontsize=LABEL)


def _rate(cell: object) -> float:
    assert isinstance(cell, list)
    return float(cell[0])
