"""The spectrum of a child's Hessian along its training, and the largest stable rate.

    python experiments/curvature/network.py   # docs/images/spectrum.svg, sharpness.svg

On `digits`. Left of the first picture: all 2,410 eigenvalues before and after training,
and the estimate of their density by 120 Hessian-vector products. Right: largest and
smallest eigenvalue along trainings by several rules. The second picture: gradient
descent with all images in a batch, whose sharpness does not stay above 2 / rate.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.page_pictures import finish_panels, read_options, write
from neuralopt.curvature import (
    ChildLoss,
    Spectrum,
    curvature_along,
    estimated_spectrum,
    exact_spectrum,
)
from neuralopt.landscapes.paths import Array
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.landscapes.training import train
from neuralopt.language import RULES
from neuralopt.one_thread import one_thread
from neuralopt.palette import BLUE, CYCLE, GREY, VERMILION, baseline_colour
from neuralopt.report.counting import counting
from neuralopt.tasks import Task, load_task

RULES_HERE = {"sgd": 0.3, "momentum": 0.1, "rmsprop": 0.003, "adam": 0.01}
"""Learning rates by rule."""

STEPS, POINTS = 320, 16
FULL_RATES = (0.25, 0.5, 1.0)
FULL_STEPS = 300

Told = dict[str, object]


def reached(spectrum: Spectrum, levels: Array) -> Array:
    """Return the share of directions whose curvature has at least each size."""
    sizes = np.abs(spectrum.values)
    return np.array([float(spectrum.shares[sizes >= each].sum()) for each in levels])


def summary(spectrum: Spectrum) -> dict[str, float]:
    """Return what the page says of a spectrum."""
    return {
        "largest": round(spectrum.largest, 4),
        "smallest": round(spectrum.smallest, 4),
        "flat": round(spectrum.flat, 3),
        "negative": round(spectrum.negative, 4),
        "largest over the median size": round(
            spectrum.largest / max(spectrum.quantile(0.5), 1e-12)
        ),
        "largest over that of the steepest tenth": round(
            spectrum.largest / spectrum.quantile(0.9), 1
        ),
    }


def spectra(task: Task) -> dict[str, tuple[Spectrum, Spectrum]]:
    """All eigenvalues of a child before and after training, and their estimates."""
    training = train(task, RULES["adam"].expression, RULES_HERE["adam"], STEPS, 0)
    surface = ChildLoss(task, training.network)
    told: dict[str, tuple[Spectrum, Spectrum]] = {}
    for name, weights in (
        ("at first", training.weights[0]),
        ("at last", training.weights[-1]),
    ):
        exact = exact_spectrum(surface.hessian(weights))
        near = estimated_spectrum(surface.product(weights), surface.dimensions)
        told[name] = (exact, near)
    return told


@one_thread()
def main() -> None:
    options = read_options(__doc__)
    task, told = load_task("digits"), Told()
    levels = np.logspace(-6, 1, 200)
    figure, left, right = two_panels("Curvature of the loss of digits", share=1.0)
    with counting("trainings") as count:
        total = 1 + len(RULES_HERE) + len(FULL_RATES)
        for (name, pair), colour in zip(
            spectra(task).items(), (BLUE, VERMILION), strict=True
        ):
            exact, near = pair
            left.plot(
                levels,
                reached(exact, levels),
                color=colour,
                lw=1.8,
                label=f"{name}, all eigenvalues",
            )
            left.plot(
                levels,
                reached(near, levels),
                ":",
                color=colour,
                lw=1.8,
                label=f"{name}, estimated",
            )
            told[f"Adam, {name}"] = {
                "exact": summary(exact),
                "estimated": summary(near),
            }
        count(1, total)
        for number, (name, rate) in enumerate(RULES_HERE.items(), 2):
            points = curvature_along(
                task, RULES[name].expression, rate, steps=STEPS, points=POINTS, probes=1
            )
            steps = [each.step for each in points]
            label, colour = f"{name}, lr {rate:g}", baseline_colour(name)
            right.plot(
                steps,
                [each.spectrum.largest for each in points],
                color=colour,
                lw=1.8,
                label=label,
            )
            right.plot(
                steps,
                [each.spectrum.smallest for each in points],
                "--",
                color=colour,
                lw=1.4,
            )
            told[label] = {
                "loss": round(points[-1].loss, 4),
                "largest": round(points[-1].spectrum.largest, 3),
                "smallest": round(points[-1].spectrum.smallest, 3),
            }
            count(number, total)
        left.set(xscale="log", yscale="log", ylim=(2e-4, 1.5))
        name_axes(left, "size of curvature", "share of directions that have as much")
        right.axhline(0, color=GREY, lw=0.8)
        name_axes(right, "step", "largest and (dashed) smallest eigenvalue")
        finish_panels(left, right, legends=("lower left", "upper right"))
        write(options, "spectrum.svg", figure, told)
        figure, left, right = two_panels(
            "Gradient descent with all images in a batch", share=1.0
        )
        edge = Told()
        whole: Task = replace(task, batch_size=len(task.examples("training")))  # type: ignore[type-var]  # dataclass
        for number, (rate, colour) in enumerate(zip(FULL_RATES, CYCLE, strict=False)):
            points = curvature_along(
                whole,
                RULES["sgd"].expression,
                rate,
                steps=FULL_STEPS,
                points=31,
                probes=1,
                lanczos_steps=20,
            )
            steps = [each.step for each in points]
            left.plot(
                steps,
                [each.loss for each in points],
                color=colour,
                lw=1.8,
                label=f"lr {rate:g}",
            )
            sharpness = [each.spectrum.largest for each in points]
            right.plot(steps, sharpness, color=colour, lw=1.8, label=f"lr {rate:g}")
            right.axhline(2 / rate, color=colour, ls=":", lw=1.2)
            edge[f"lr {rate:g}, 2 / lr {2 / rate:g}"] = {
                "loss": round(points[-1].loss, 4),
                "sharpness, first, most, last": [
                    round(each, 2)
                    for each in (sharpness[0], max(sharpness), sharpness[-1])
                ],
            }
            count(total - len(FULL_RATES) + number + 1, total)
    left.set(yscale="log")
    right.set(ylim=(0, 10))
    name_axes(left, "step", "training loss")
    name_axes(right, "step", "largest eigenvalue; dotted: 2 / lr")
    finish_panels(left, right)
    write(options, "sharpness.svg", figure, {**told, **edge})


if __name__ == "__main__":
    main()
