"""Make the pictures of docs/explanation/optimizers-in-pictures.md, and its numbers.

    python experiments/pictures/pictures.py                    # into docs/images
    python experiments/pictures/pictures.py --folder elsewhere --json numbers.json

Everything is drawn by `neuralopt.landscapes`, what `neuralopt draw` uses, except the
picture of momentum, which shows what several paths have in common.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import ROOT, add_json_option, write_results
from neuralopt.landscapes.drawing import Picture, draw_landscape, draw_slice
from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.paths import follow
from neuralopt.landscapes.pictures.saving import save
from neuralopt.landscapes.pictures.style import (
    Drawing,
    name_axes,
    two_panels,
)
from neuralopt.landscapes.registry import CONDITIONS, LANDSCAPES, ravine
from neuralopt.language import RULES, Expression, parse
from neuralopt.palette import CYCLE
from neuralopt.picture_files import DPI
from neuralopt.tasks import load_task

CLASSICS: Mapping[str, Expression] = {
    name: RULES[name].expression
    for name in ("sgd", "momentum", "nesterov", "rmsprop", "adam")
}

BETAS = (0.0, 0.5, 0.9, 0.99)

SHRUNK = 1e-3
"""Share of the first distance from the minimum at which steps are counted."""

MOST_STEPS = 5000

Figures = dict[str, object]


def classics(name: str) -> Picture:
    """The classics and Newton's method on a landscape, at their best rates."""
    return draw_landscape(LANDSCAPES[name], {**CLASSICS, "newton": None})


def effective_condition(landscape: Landscape) -> float:
    """Condition number that a step divided by |gradient| sees at the start.

    It is that of D**-1/2 H D**-1/2, where D holds the sizes of the gradient's
    coordinates: what RMSProp and Adam divide by in their first step.
    """
    start = torch.tensor(landscape.start, dtype=torch.float64)
    scale = landscape.gradient(start).abs().rsqrt()
    scaled = scale[:, None] * landscape.hessian(start) * scale
    return float(torch.linalg.cond(scaled))


def steps_until_shrunk(landscape: Landscape, rule: str, lr: float) -> int:
    """Steps until the distance from the minimum is SHRUNK of the first one for good."""
    points = follow(landscape, parse(rule), lr, MOST_STEPS).points
    distances = np.linalg.norm(points, axis=1)
    return int(np.flatnonzero(distances > SHRUNK * distances[0])[-1]) + 1


def by_condition() -> dict[str, list[float]]:
    """Steps of both methods, each with its best settings, by condition number."""
    found: dict[str, list[float]] = {"gradient descent": [], "heavy ball": []}
    for condition in CONDITIONS:
        plane, root = ravine(condition), math.sqrt(condition)
        beta = ((root - 1) / (root + 1)) ** 2
        lr = 4 / (1 + 1 / root) ** 2
        for name, rule, rate in (
            ("gradient descent", "g", 2 / (1 + 1 / condition)),
            ("heavy ball", f"trace(g, {beta!r})", lr),
        ):
            found[name].append(steps_until_shrunk(plane, rule, rate))
    return found


def theory(condition: float) -> float:
    """Steps of gradient descent to SHRUNK at the rate (k - 1) / (k + 1) a step."""
    return math.log(SHRUNK) / math.log((condition - 1) / (condition + 1))


def condition_of(steps: float) -> float:
    """Condition number at which gradient descent would take so many steps."""
    rate: float = SHRUNK ** (1 / steps)
    return (1 + rate) / (1 - rate)


def momentum() -> tuple[Drawing, Figures]:
    """What beta does on the ravine, and the steps by condition number."""
    figure, left, right = two_panels("Momentum in a ravine", share=1.0)
    plane, losses = LANDSCAPES["ravine"], {}
    for beta, colour in zip(BETAS, CYCLE, strict=False):
        path = follow(plane, parse(f"trace(g, {beta})"), 0.5, 200)
        left.plot(path.losses, color=colour, lw=1.8, label=rf"$\beta = {beta:g}$")
        losses[beta] = path.final
    left.set(yscale="log", ylim=(1e-10, 10))
    name_axes(left, "step, at lr 0.5 and condition number 100", "loss")
    counted, conditions = by_condition(), list(CONDITIONS)
    for (name, steps), colour in zip(counted.items(), CYCLE, strict=False):
        power = 1.0 if name == "gradient descent" else 0.5
        right.plot(conditions, steps, "o", ms=8, color=colour, label=name)
        grid = np.geomspace(8, 1300, 50)
        expected = [theory(each**power) for each in grid]
        of = "κ" if power == 1 else "√κ"
        right.plot(
            grid, expected, "--", color=colour, label=f"(k - 1) / (k + 1), k = {of}"
        )
    right.set(xscale="log", yscale="log")
    name_axes(right, "condition number κ", f"steps to {SHRUNK:g} of the distance")
    left.legend(loc="lower left", fontsize=11, frameon=False)
    right.legend(loc="upper left", fontsize=11, frameon=False)
    return Drawing(figure, (), 0, ()), {
        "loss after 200 steps, by beta": losses,
        "condition number that the heavy ball's steps are worth": {
            condition: condition_of(steps)
            for condition, steps in zip(conditions, counted["heavy ball"], strict=True)
        },
        "steps by condition number": dict(
            zip(conditions, zip(*counted.values(), strict=True), strict=True)
        ),
    }


def rates(name: str) -> Picture:
    """Gradient descent from 2.5 with three rates."""
    return draw_landscape(LANDSCAPES[name], {"sgd": CLASSICS["sgd"]}, (1, 0.1, 0.01))


def basins() -> Picture:
    """Where gradient ascent ends from whole numbers."""
    starts = [(float(x),) for x in range(-12, 13, 2)]
    return draw_landscape(
        LANDSCAPES["sines"], {"sgd": CLASSICS["sgd"]}, (0.01,), 50, starts
    )


def write(drawing: Drawing, file: Path) -> None:
    """Write a drawing; a PNG with 256 colours, which takes half the room."""
    save(drawing, file)
    if file.suffix == ".png":
        with Image.open(file) as image:
            small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(file, optimize=True, dpi=(DPI, DPI))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "docs" / "images", help="for the pictures"
    )
    add_json_option(parser)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    digits = load_task("digits")
    made: dict[str, Picture] = {
        "ravine.png": classics("ravine"),
        "tilted-ravine.png": classics("tilted_ravine"),
        "rates.png": rates("slope_x_plus_sin_x"),
        "local-maxima.png": basins(),
        "slice-random.png": draw_slice(digits, CLASSICS),
        "slice-paths.png": draw_slice(digits, CLASSICS, plane="paths"),
        "beale.gif": classics("beale"),
    }
    figures: Figures = {}
    for name, picture in made.items():
        write(picture.drawing, options.folder / name)
        figures[name] = picture.told
    drawing, figures["momentum.png"] = momentum()
    write(drawing, options.folder / "momentum.png")
    figures["rosenbrock, no picture"] = classics("rosenbrock").told
    figures["x_plus_sin_x, no picture"] = rates("x_plus_sin_x").told
    figures["effective condition numbers"] = {
        name: effective_condition(LANDSCAPES[name])
        for name in ("ravine", "tilted_ravine")
    }
    for name, found in figures.items():
        lines = found if isinstance(found, tuple) else [found]
        print(name, *(f"  {line}" for line in lines), sep="\n")
    write_results(options.json, figures)


if __name__ == "__main__":
    main()
