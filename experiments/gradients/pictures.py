"""Gradients by depth, layer, step and place, as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from experiments.gradients.gradients import (
    ACTIVATIONS,
    CELLS,
    DEPTHS,
    INITS,
    RECIPES,
)
from neuralopt.palette import BLUE, CYCLE, INK, VERMILION
from neuralopt.picture_files import save_figure
from neuralopt.views.figures.canvas import style

KINDS = ("plain", "batch norm")
FADED, CROWDED = -12.0, 3.0
"""Powers of ten at the ends of the colours."""

Figures = Mapping[str, Any]


def heat_maps(figures: Figures, path: Path) -> None:
    """Draw the first layer's gradient in those of the last, a map for each activation.

    Args:
        figures: of the study ``initial``.
        path: of the SVG.
    """
    figure = Figure((14.0, 7.2), layout="constrained", facecolor="white")
    panels = figure.subplots(2, len(ACTIVATIONS), sharex=True, sharey=True)
    norm = TwoSlopeNorm(0.0, FADED, CROWDED)
    for row, kind in zip(panels, KINDS, strict=True):
        for axes, activation in zip(row, ACTIVATIONS, strict=True):
            values = np.array(
                [log_means(figures[f"{kind}/{activation}/{init}"]) for init in INITS]
            )
            drawn = axes.imshow(values, cmap="RdBu_r", norm=norm, aspect="auto")
            write_values(axes, values)
            axes.set_title(f"{activation}, {kind}", fontsize=12)
            axes.set_xticks(range(len(DEPTHS)), DEPTHS, fontsize=11)
            axes.set_yticks(range(len(INITS)), INITS, fontsize=11)
    for axes in panels[-1]:
        axes.set_xlabel("hidden layers", fontsize=12)
    bar = figure.colorbar(drawn, ax=panels, shrink=0.8, ticks=[-12, -9, -6, -3, 0, 3])
    bar.set_label("power of ten: first layer / last layer", fontsize=12)
    figure.suptitle(
        "Gradient norm of the first layer in those of the last", fontsize=15
    )
    save_figure(figure, path)


def log_means(values: Sequence[Sequence[float]]) -> list[float]:
    """Return log10 of the geometric mean over seeds at each depth."""
    return [float(np.log10(each).mean()) for each in values]


def write_values(axes: Axes, values: Any) -> None:
    """Write each power of ten into its cell."""
    for (y, x), value in np.ndenumerate(values):
        colour = "white" if value < 0.6 * FADED or value > 0.6 * CROWDED else INK
        axes.text(
            x, y, f"{value:z.1f}", ha="center", va="center", color=colour, fontsize=10
        )


def layer_profiles(figures: Figures, path: Path) -> None:
    """Draw gradients by layer before and after a training, with and without norm.

    Args:
        figures: of the study ``profiles``.
        path: of the SVG.
    """
    figure = Figure((14.0, 4.2), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(ACTIVATIONS), sharey=True)
    for axes, activation in zip(panels, ACTIVATIONS, strict=True):
        for kind, colour in zip(KINDS, (VERMILION, BLUE), strict=True):
            pairs = figures[f"{kind}/{activation}"]["gradients"]
            for values, dashes, when in zip(
                pairs, ("-", "--"), ("at the start", "after 5 epochs"), strict=True
            ):
                means = np.exp(np.log(np.maximum(values, 1e-300)).mean(0))
                layers = range(1, len(means) + 1)
                label = f"{kind}, {when}"
                axes.plot(layers, means, dashes, color=colour, lw=2, label=label)
        style(axes, "layer", "norm of the gradient" if axes is panels[0] else "")
        axes.set(yscale="log", title=activation)
        axes.title.set_fontsize(13)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=12
    )
    save_figure(figure, path)


def clipping_curves(figures: Figures, path: Path) -> None:
    """Draw gradient norms and losses of an exploding RNN, a line for each recipe.

    Args:
        figures: of the study ``clipping``.
        path: of the SVG.
    """
    figure = Figure((11.0, 4.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    for name, colour in zip(RECIPES, (VERMILION, BLUE, CYCLE[1]), strict=True):
        for number, run in enumerate(figures[name]):
            label = name if number == 0 else None
            finite = [value is not None for value in run["norms"]]
            steps = np.array(run["steps"])[finite]
            for axes, key in ((left, "norms"), (right, "losses")):
                values = np.array(run[key], float)[finite]
                axes.plot(steps, values, color=colour, lw=1.6, label=label)
    style(left, "step", "norm of the whole gradient")
    style(right, "step", "training loss")
    left.set(yscale="log", ylim=(0.05, 1e6))
    right.set(yscale="log", ylim=(2.5, 300))
    handles, labels = left.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=12
    )
    save_figure(figure, path)


def time_curves(figures: Figures, path: Path) -> None:
    """Draw how far back the last place's gradient reaches, before and after training.

    Args:
        figures: of the study ``through_time``.
        path: of the SVG.
    """
    figure = Figure((12.0, 4.8), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 2, sharey=True)
    titles = ("new networks", "after 100 steps of Adam")
    for row, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        for name, colour in zip(CELLS, CYCLE, strict=False):
            values = np.maximum(np.array(figures[name]["places"][row]), 1e-300)
            means = np.exp(np.log(values).mean(0))[::-1]
            axes.plot(range(len(means)), means, color=colour, lw=2, label=name)
        style(axes, "characters before the last one", "")
        axes.set(yscale="log", ylim=(1e-16, 30), title=title)
        axes.title.set_fontsize(13)
    panels[0].set_ylabel("gradient of the state", fontsize=14)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=12
    )
    save_figure(figure, path)
