"""A ravine of two dimensions, and the way of a rule down to its lowest point."""

import math

from neuralopt.language import Expression
from neuralopt.views.card.measurements import Path

CONDITION_NUMBER = 20.0
"""Largest over smallest curvature of the ravine, f = (x**2 + 20 y**2) / 2."""

START = (-4.0, 1.2)
STEPS = 60
RATES = tuple(round(10 ** (exponent / 4), 6) for exponent in range(-16, 9))
"""Learning rates that are tried, four a decade."""

SETTLED = 10
"""The best rate has the lowest mean height of the last so many points."""


def height(x: float, y: float) -> float:
    """Return the height of the ravine at a point."""
    return (x * x + CONDITION_NUMBER * y * y) / 2


def best_path(rule: Expression) -> Path | None:
    """Return the path of a rule at its best learning rate of `RATES`.

    Args:
        rule: in any form. The gradient is exact; random numbers of the rule follow from
            a fixed seed.

    Returns:
        The path, or None if it left the ravine at every rate.
    """
    found: Path | None = None
    lowest = math.inf
    for rate in RATES:
        points = _points(rule, rate)
        last = [height(*point) for point in points[-SETTLED:]]
        mean = math.fsum(last) / len(last)
        if len(points) == STEPS + 1 and mean < lowest:
            found, lowest = Path(rate, tuple(points)), mean
    return found


def _points(rule: Expression, rate: float) -> list[tuple[float, float]]:
    """Points of a path, up to the first one that is far outside of the ravine."""
    import torch

    from neuralopt.optimizer import RuleOptimizer

    place = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    curvature = torch.tensor((1.0, CONDITION_NUMBER), dtype=torch.float64)
    optimizer = RuleOptimizer([place], rule, rate, total_steps=STEPS)
    points = [START]
    for _ in range(STEPS):
        place.grad = curvature * place.detach()
        optimizer.step(loss=height(*points[-1]))
        x, y = place.tolist()
        if not height(x, y) < 10 * height(*START):  # NaN too
            break
        points.append((x, y))
    return points
