"""Curves of searchers as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Figures = Mapping[str, Any]
SIZE = (7.5, 4.2)
COLOURS = ("#888888", *plt.get_cmap("tab10").colors)  # type: ignore[attr-defined]
"""The first, grey, is uniform's."""


def quality_picture(figures: Figures, path: Path, by: str) -> None:
    """Draw medians of the best rule's true mean quality, with their intervals.

    Args:
        figures: of a table or a space, as curves.py and real.py write them.
        path: of the SVG.
        by: ``evaluations`` or ``seconds``.
    """
    _, axes = plt.subplots(figsize=SIZE)
    places = figures["places" if by == "evaluations" else "seconds"]
    ends = []
    for colour, (name, entry) in _coloured(figures):
        median, low, high = (np.array(line) for line in entry[f"by_{by}"])
        axes.plot(places, median, color=colour, label=name, linewidth=1.5)
        axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
        ends.append(median[-1])
    axes.set_xscale("log")
    axes.set_ylim(min(0.4, *ends), None)
    axes.set_xlabel("evaluations" if by == "evaluations" else "seconds")
    axes.set_ylabel("true mean quality of the best so far")
    axes.axhline(0.5, color="black", linewidth=0.6, linestyle=":")
    _save(axes, path)


def success_picture(figures: Figures, path: Path, targets: Sequence[str]) -> None:
    """Draw the share of seeds that reached targets, by evaluations; a panel for each.

    Args:
        figures: as for `quality_picture`.
        path: of the SVG.
        targets: names, two or so.
    """
    _, panels = plt.subplots(1, len(targets), figsize=SIZE, sharey=True, squeeze=False)
    for axes, target in zip(panels[0], targets, strict=True):
        for colour, (name, entry) in _coloured(figures):
            times = entry["reached"][target]
            found = sorted(time for time in times if time is not None)
            shares = [n / len(times) for n in range(len(found) + 1)]
            end = figures["evaluations"]
            axes.step(
                [1, *found, end],
                [*shares, shares[-1]],
                where="post",
                color=colour,
                label=name,
            )
        axes.set_xscale("log")
        axes.set_xlim(10, figures["evaluations"])
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("evaluations")
        axes.set_title(target, fontsize=10)
    panels[0][0].set_ylabel("share of seeds")
    _save(panels[0][-1], path)


def _coloured(figures: Figures) -> list[tuple[Any, tuple[str, Any]]]:
    entries = figures["searchers"].items()
    ordered = sorted(entries, key=lambda item: item[0] != "uniform")
    colours = COLOURS if ordered[0][0] == "uniform" else COLOURS[1:]
    return list(zip(colours, ordered, strict=False))


def _save(axes: Axes, path: Path) -> None:
    axes.legend(
        fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5)
    )
    figure = axes.get_figure(root=True)
    assert figure is not None
    mpl.rcParams["svg.hashsalt"] = path.stem  # equal figures make equal files
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
