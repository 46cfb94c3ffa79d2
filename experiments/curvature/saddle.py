"""Which rules leave a saddle point, and that Newton's plain step goes there.

    python experiments/curvature/saddle.py                      # docs/images/saddle.svg

All start a thousandth away from the line on which gradient descent ends in the saddle.
"""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.curvature.rules import CLASSICS
from experiments.page_pictures import finish_panels, read_options, write
from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.newton import newton_path
from neuralopt.landscapes.paths import Array, follow
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.landscapes.registry import LANDSCAPES
from neuralopt.language import Expression
from neuralopt.one_thread import one_thread
from neuralopt.palette import BLUE, INK, SILVER, baseline_colour

RATE, STEPS = 0.1, 150
OFFSETS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8)
LEFT = 0.5
"""A path has left the saddle at this distance from the line y = 0."""


def plain_newton(landscape: Landscape, steps: int) -> Array:
    """Return the path of w - H**-1 g, with no regard to the signs of curvatures."""
    point = torch.tensor(landscape.start, dtype=torch.float64)
    points = [point.tolist()]
    for _ in range(steps):
        step = torch.linalg.solve(landscape.hessian(point), landscape.gradient(point))
        point = point - step
        points.append(point.tolist())
    return np.array(points)


def leaving(landscape: Landscape, rule: Expression, offset: float) -> int:
    """Return the steps of a rule until it has left the saddle; 1000 if it has not."""
    points = follow(landscape, rule, RATE, 1000, (1.0, offset)).points
    away = np.flatnonzero(np.abs(points[:, 1]) >= LEFT)
    return int(away[0]) if len(away) else 1000


@one_thread()
def main() -> None:
    options = read_options(__doc__)
    landscape = LANDSCAPES["saddle"]
    figure, left, right = two_panels(f"A saddle point: {landscape.formula}", share=1.1)
    grid = torch.stack(
        torch.meshgrid(
            torch.linspace(-0.7, 1.9, 120, dtype=torch.float64),
            torch.linspace(-0.3, 1.5, 120, dtype=torch.float64),
            indexing="xy",
        ),
        -1,
    )
    heights = landscape.heights(grid).numpy()
    levels = np.linspace(-0.25, 1.0, 22)
    x, y = grid.unbind(-1)
    left.contour(x, y, heights, levels, colors=SILVER, linewidths=0.8)
    told: dict[str, object] = {}
    counts = {}
    for name, rule in CLASSICS.items():
        path = follow(landscape, rule, RATE, STEPS, name=name)
        colour = baseline_colour(name)
        left.plot(*path.points.T, ".-", color=colour, ms=4, lw=1, label=name)
        counts[name] = [leaving(landscape, rule, each) for each in OFFSETS]
        right.plot(OFFSETS, counts[name], "o-", color=colour, lw=1.6, ms=5, label=name)
    plain, (damped, _) = plain_newton(landscape, 6), newton_path(landscape, 20)
    left.plot(*plain.T, "s--", color=INK, ms=5, lw=1, label="newton, plain")
    left.plot(*damped.points.T, "^--", color=BLUE, ms=5, lw=1, label="newton, shifted")
    left.plot([0], [0], "x", color=INK, ms=10)
    left.plot([0], [1], "*", color=INK, ms=12)
    left.set(xlim=(-0.7, 1.9), ylim=(-0.3, 1.5))
    name_axes(left, "x", "y")
    right.set(xscale="log")
    right.invert_xaxis()
    name_axes(
        right, "first distance from y = 0", f"steps to |y| = {LEFT:g}, lr {RATE:g}"
    )
    told["steps until a rule leaves, by first distance"] = {
        name: dict(zip(OFFSETS, found, strict=True)) for name, found in counts.items()
    }
    told["plain newton ends at"] = [float(f"{each:.2g}") for each in plain[-1]]
    told["shifted newton ends at"] = [
        float(f"{each:.4g}") for each in damped.points[-1]
    ]
    told["its steps"] = damped.steps
    finish_panels(left, right, legends=("upper right", "upper left"))
    write(options, "saddle.svg", figure, told)


if __name__ == "__main__":
    main()
