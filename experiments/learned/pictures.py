"""Pictures of learned optimizers, from the results of learned.py."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from neuralopt.palette import (
    BASELINE_COLOURS,
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
)
from neuralopt.picture_files import save_figure
from neuralopt.views.figures.canvas import LABEL, SMALL, apart, canvas, style

Results = Mapping[str, Any]

SMOOTHED = 10
"""Children that the curve of a meta-training is averaged over."""

COLOURS = {
    **BASELINE_COLOURS,
    "learned on relu": BLUE,
    "learned on sigmoid": PURPLE,
    "distilled rule": ORANGE,
}


HOME = "relu", "sigmoid"
"""Activations that an optimizer was learned on."""


def along_of(results: Results) -> dict[str, Any]:
    """Return rates and losses beyond the trained steps, the distilled rule's too."""
    found = dict(results["beyond"])
    learned = found.pop("learned on relu")
    rule = {"distilled rule": results["rule"]["beyond"]} if "rule" in results else {}
    return {"learned on relu": learned, **rule, **found}


def ends_of(results: Results) -> dict[str, dict[str, Any]]:
    """Return losses at the end by activation, the distilled rule's too."""
    rule = results["rule"]["elsewhere"]
    return {
        activation: {**entries, "distilled rule": rule[activation]}
        for activation, entries in results["elsewhere"].items()
    }


def curves_picture(results: Results, path: Path) -> None:
    """Draw the loss of the children along both meta-trainings."""
    figure = canvas("Children of the meta-training, mean of ten")
    axes = figure.add_subplot()
    style(axes, "child", "mean loss of 96 steps / first loss")
    for name in HOME:
        curve = results[f"learned on {name}"]["curve"]
        values = np.array([np.nan if each is None else each for each in curve])
        smooth = np.convolve(values, np.ones(SMOOTHED) / SMOOTHED, "valid")
        colour = COLOURS[f"learned on {name}"]
        children = np.arange(1, len(values) + 1)
        axes.plot(children, values, ".", color=colour, alpha=0.3, markersize=5)
        axes.plot(children[SMOOTHED - 1 :], smooth, color=colour, linewidth=2.5)
        axes.annotate(
            name,
            (children[-1], smooth[-1]),
            (6, 0),
            color=colour,
            fontsize=LABEL,
            textcoords="offset points",
            va="center",
        )
    axes.set_ylim(0, 1.2)
    save_figure(figure, path)


def beyond_picture(results: Results, path: Path) -> None:
    """Draw losses inside and beyond the steps that the optimizer was trained for."""
    along, steps = results["along"], results["options"]["horizon"]
    figure = canvas("Loss on the training split, geometric mean over seeds", 9.5, 6.0)
    axes = figure.add_subplot()
    style(axes, "step", "loss")
    axes.axvspan(1, steps, color="#EEF3F8", zorder=0)
    axes.axvline(steps, color=GREY, linewidth=1)
    places, names = [], []
    for name, each in along_of(results).items():
        losses = np.array(
            each["losses"], float
        )  # null is NaN: a loss that is not finite
        middle = np.exp(np.log(losses).mean(axis=0))
        wide = 3.0 if "learned" in name or "rule" in name else 1.6
        axes.plot(along[1:], middle[1:], color=COLOURS[name], linewidth=wide)
        places.append(np.log10(middle[-1]))
        names.append(name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(4, along[-1])
    low, high = np.log10(axes.get_ylim())
    for name, place in zip(names, apart(places, 0.06 * (high - low)), strict=True):
        axes.annotate(
            name,
            (along[-1], 10**place),
            (8, 0),
            color=COLOURS[name],
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            annotation_clip=False,
        )
    axes.set_xticks([4, 16, steps, 384, 1600], ["4", "16", str(steps), "384", "1,600"])
    axes.set_xticks([], minor=True)
    axes.text(
        steps * 0.93,
        axes.get_ylim()[1] * 0.8,
        "trained for these steps",
        ha="right",
        va="top",
        fontsize=SMALL,
        color=GREY,
    )
    save_figure(figure, path)


MARKS = {
    "learned on relu": ("o", BLUE, True),
    "learned on relu, rate tuned here": ("o", BLUE, False),
    "learned on sigmoid": ("s", PURPLE, True),
    "learned on sigmoid, rate tuned here": ("s", PURPLE, False),
    "distilled rule": ("D", ORANGE, True),
    "adam, rate tuned on relu": ("^", VERMILION, True),
    "adam, rate tuned here": ("^", VERMILION, False),
}
"""Marker, colour and whether it is filled, by optimizer."""


def activations_picture(results: Results, path: Path) -> None:
    """Draw the loss after the trained steps, with several activations."""
    found = ends_of(results)
    figure = canvas(f"Loss after {results['options']['horizon']} steps", 9.5, 6.0)
    axes = figure.add_subplot()
    style(axes, "loss on the training split, mean over seeds")
    for place, entries in enumerate(found.values()):
        for shift, (name, (marker, colour, filled)) in enumerate(MARKS.items()):
            losses = [np.nan if x is None else x for x in entries[name]["losses"]]
            axes.plot(
                np.mean(losses),
                place + 0.11 * (shift - 3),
                marker,
                color=colour,
                markersize=9,
                markerfacecolor=colour if filled else "white",
                markeredgewidth=2,
                label=name if not place else None,
            )
        if place:
            axes.axhline(place - 0.5, color=GREY, linewidth=0.8)
    axes.axvline(np.log(10), color=BLACK, linewidth=1, linestyle=":")
    axes.text(np.log(10) * 0.97, -0.47, "chance", ha="right", va="top", fontsize=SMALL)
    axes.set_yticks(range(len(found)), list(found))
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xscale("log")
    ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)
    figure.legend(loc="outside lower center", ncols=2, fontsize=SMALL, frameon=False)
    save_figure(figure, path)


def fit_picture(results: Results, path: Path) -> None:
    """Draw how well rules say the updates of the learned optimizer."""
    found = results["distilled"]
    figure = canvas("A rule that imitates a learned optimizer", 14.0, 5.2)
    first, second, third = figure.subplots(1, 3, width_ratios=[1, 1, 1.2])
    style(first, "update of the rule, scaled", "update of the learned optimizer")
    pairs = np.array(found["pairs"])
    first.plot(pairs[:, 0], pairs[:, 1], ".", color=BLUE, alpha=0.15, markersize=4)
    most = np.abs(pairs).max()
    first.plot([-most, most], [-most, most], color=BLACK, linewidth=1)
    first.set_title(
        f"other trainings: $R^2$ = {found['best']['held_out']:.2f}", fontsize=LABEL
    )
    style(second, "step", "mean size of an update")
    for name, sizes in zip(
        ("distilled rule", "learned on relu"), found["sizes"], strict=True
    ):
        second.plot(sizes, color=COLOURS[name], linewidth=2.5, label=name)
    second.set_ylim(0)
    second.legend(fontsize=SMALL, frameon=False)
    _bars(third, found)
    save_figure(figure, path)


def _bars(axes: Axes, found: Results) -> None:
    """R^2 on other trainings, of the best rule of each space and of named rules."""
    style(axes, "$R^2$ on other trainings")
    named = sorted(found["named"].items(), key=lambda each: -each[1]["held_out"])
    chosen: Sequence[tuple[str, float, str]] = [
        *(
            (f"best of {name}", rules[0]["held_out"], ORANGE)
            for name, rules in found["spaces"].items()
        ),
        *(
            (name, each["held_out"], COLOURS.get(name, GREEN))
            for name, each in named
            if name in NAMED
        ),
    ]
    names = [name for name, _, _ in chosen]
    fits = [max(0.0, fit) for _, fit, _ in chosen]
    axes.barh(names, fits, color=[colour for _, _, colour in chosen])
    for place, fit in enumerate(fits):
        axes.text(fit + 0.01, place, f"{fit:.2f}", va="center", fontsize=SMALL)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()


NAMED = ("adam", "adam_uncorrected", "rmsprop", "momentum", "sgd", "signum", "lion")
