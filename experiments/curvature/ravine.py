"""What momentum, RMSProp and Adam make of an ill-conditioned ravine.

    python experiments/curvature/ravine.py       # docs/images/effective-condition.svg

Left: the condition number that is left after division by a rule's own scales, along
its path. Right: steps until the distance from the minimum is a thousandth of the first,
at the best of some rates, in a ravine along the axes and in one turned by 30 degrees.
"""

import math
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.curvature.rules import CLASSICS, DENOMINATOR
from experiments.page_pictures import finish_panels, read_options, write
from experiments.pictures.pictures import SHRUNK, condition_of
from neuralopt.curvature import effective_conditions
from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.newton import newton_path
from neuralopt.landscapes.paths import Array, follow
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.landscapes.registry import LANDSCAPES
from neuralopt.language import parse
from neuralopt.one_thread import one_thread
from neuralopt.palette import BLUE, GREY, ORANGE, baseline_colour
from neuralopt.report.counting import counting

RAVINES = {"straight": LANDSCAPES["ravine"], "tilted": LANDSCAPES["tilted_ravine"]}

RATES: Mapping[str, tuple[float, ...]] = {
    "sgd": (1.4, 1.7, 1.9, 1.98),
    "momentum": (0.3, 0.4, 0.5, 0.6),
    "nesterov": (0.3, 0.4, 0.5, 0.6),
    "rmsprop": (0.1, 0.2, 0.3, 0.5),
    "adam": (0.1, 0.3, 1.0, 3.0),
}
"""Rates that are tried, around the best ones of wider grids."""

MOST = 500
SHOWN = 200
RATE = 0.05
"""Of the paths along which condition numbers are shown."""


def arrival(points: Array) -> float:
    """Return the steps after which a path stays within SHRUNK of its first distance."""
    distances = np.linalg.norm(points, axis=1)
    outside = np.flatnonzero(distances > SHRUNK * distances[0])
    last = int(outside[-1]) + 1
    return last if last < len(points) else math.inf


def fastest(landscape: Landscape, name: str) -> tuple[float, float]:
    """Return the least steps of a rule over its RATES, and the rate of that."""
    found = [
        (arrival(follow(landscape, CLASSICS[name], rate, MOST).points), rate)
        for rate in RATES[name]
    ]
    return min(found)


@one_thread()
def main() -> None:
    options = read_options(__doc__)
    figure, left, right = two_panels("Ravines of condition number 100", share=1.2)
    told: dict[str, object] = {}
    for name in ("rmsprop", "adam"):
        for (kind, landscape), style in zip(RAVINES.items(), ("-", "--"), strict=True):
            path = follow(landscape, CLASSICS[name], RATE, SHOWN)
            found = effective_conditions(landscape, path.points, parse(DENOMINATOR))
            colour, label = baseline_colour(name), f"{name}, {kind}"
            left.plot(found, style, color=colour, lw=1.8, label=label)
            told[f"effective condition number, {label}, after 0, 100, 200 steps"] = [
                round(float(found[step]), 1) for step in (0, 100, SHOWN)
            ]
    left.axhline(100, color=GREY, ls=":", label="without division")
    left.set(yscale="log")
    name_axes(left, f"step at lr {RATE:g}", "condition number")
    with counting("rules") as count:
        steps: dict[str, dict[str, tuple[float, float]]] = {}
        for number, name in enumerate(CLASSICS, 1):
            steps[name] = {
                kind: fastest(landscape, name) for kind, landscape in RAVINES.items()
            }
            count(number, len(CLASSICS))
    places = np.arange(len(steps))
    for shift, kind, colour in ((-0.2, "straight", BLUE), (0.2, "tilted", ORANGE)):
        heights = [min(each[kind][0], MOST) for each in steps.values()]
        right.bar(places + shift, heights, 0.38, color=colour, label=kind)
    right.set_xticks(places, list(steps), fontsize=9)
    right.set(yscale="log", ylim=(10, 3000))
    name_axes(right, "rule, at its best rate", f"steps to {SHRUNK:g} of the distance")
    for name, each in steps.items():
        told[name] = {
            kind: {
                "steps": arrived,
                "rate": round(rate, 3),
                "as gradient descent at condition number": round(
                    condition_of(arrived), 1
                )
                if math.isfinite(arrived)
                else None,
            }
            for kind, (arrived, rate) in each.items()
        }
    told["newton"] = {
        kind: newton_path(landscape, 10)[0].steps for kind, landscape in RAVINES.items()
    }
    finish_panels(left, right, legends=("lower right", "upper right"))
    write(options, "effective-condition.svg", figure, told)


if __name__ == "__main__":
    main()
