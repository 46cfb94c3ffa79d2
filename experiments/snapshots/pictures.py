"""Differences between methods, and losses along trainings, as pictures."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.snapshots.summary import Compared, Results
from neuralopt.palette import BASELINE_COLOURS, BLACK, CYCLE
from neuralopt.views.figures.canvas import LABEL, SMALL, canvas, style

RULE_COLOURS = {"momentum": BASELINE_COLOURS["momentum"], "adamw": CYCLE[0]}
MARKERS = {"momentum": "o", "adamw": "s"}


def differences_picture(found: Sequence[Compared], title: str, path: Path) -> None:
    """Draw differences from the reference with their intervals, a panel for each task.

    Args:
        found: comparisons of one kind.
        title: of the picture.
        path: of the SVG.
    """
    tasks = list(dict.fromkeys(each.task for each in found))
    methods = [name for name in found[0].methods if name != _reference(found)]
    figure = canvas(title, width=13.0, height=1.8 + 0.55 * len(methods))
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for axes, task in zip(panels, tasks, strict=True):
        style(axes, "difference of quality")
        axes.set_title(task, fontsize=LABEL)
        axes.axvline(0, color=BLACK, linewidth=1)
        axes.locator_params(axis="x", nbins=4)
        here = [each for each in found if each.task == task]
        for number, each in enumerate(here):
            _draw_differences(axes, each, methods, 0.3 * number - 0.15)
        axes.set_yticks(range(len(methods)), methods)
    panels[0].set_ylim(len(methods) - 0.5, -0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=len(labels),
        fontsize=SMALL,
        frameon=False,
    )
    _save(figure, path)


def _reference(found: Sequence[Compared]) -> str:
    return found[0].comparison.reference


def _draw_differences(
    axes: Axes, each: Compared, methods: Sequence[str], shift: float
) -> None:
    places = [place for place, name in enumerate(methods) if name in each.losses]
    rows = [each.comparison[methods[place]] for place in places]
    middle = [row.difference for row in rows]
    axes.errorbar(
        middle,
        [place + shift for place in places],
        xerr=[
            [row.difference - row.difference_low for row in rows],
            [row.difference_high - row.difference for row in rows],
        ],
        fmt=MARKERS[each.rule],
        color=RULE_COLOURS[each.rule],
        label=each.rule,
        markersize=7,
        linewidth=2,
        capsize=3,
    )


def along_picture(results: Results, path: Path) -> None:
    """Draw the mean test loss after each epoch, by rule (rows) and task (columns).

    Args:
        results: as snapshots.py writes them.
        path: of the SVG.
    """
    tasks = list(results["tasks"])
    rules = list(results["tasks"][tasks[0]])
    title = "Loss on the test split along the trainings, mean over seeds"
    figure = canvas(title, width=13.0, height=8.5)
    panels = figure.subplots(len(rules), len(tasks), squeeze=False)
    for line, rule in zip(panels, rules, strict=True):
        for axes, task in zip(line, tasks, strict=True):
            style(axes, "epoch", "test loss" if task == tasks[0] else "")
            axes.set_title(f"{task}, {rule}", fontsize=LABEL)
            entries = results["tasks"][task][rule].get("schedules", {})
            for colour, (name, entry) in zip(CYCLE, entries.items(), strict=False):
                epochs = range(1, len(entry["along"]) + 1)
                axes.plot(epochs, entry["along"], color=colour, label=name, linewidth=2)
            ends = [entry["along"][-1] for entry in entries.values()]
            finite = [end for end in ends if end is not None]  # one may have diverged
            if finite:
                axes.set_ylim(0.9 * min(finite), 4 * max(finite))
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:.2g}")
            axes.yaxis.set_minor_formatter("{x:.1g}")
            axes.tick_params(which="minor", labelsize=SMALL - 2)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4,
        fontsize=SMALL,
        frameon=False,
    )
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    mpl.rcParams["svg.hashsalt"] = path.stem  # equal figures make equal files
    figure.savefig(path, metadata={"Date": None})
