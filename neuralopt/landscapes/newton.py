"""Newton's method with the exact Hessian, as a reference, with its cost counted."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from neuralopt.landscapes.landscape import Landscape, Point
from neuralopt.landscapes.paths import Trajectory

STATIONARY = 1e-10
"""The method ends where the Euclidean norm of the gradient is smaller."""

DECREASE = 1e-4
"""Share of the decrease predicted by the slope that a step must achieve (Armijo)."""

HALVINGS = 40

SHIFTS = 60
"""Shifts tried at most: the tenth is larger than the norm of a Hessian already."""


@dataclass(slots=True)
class Cost:
    """What a run of Newton's method computed.

    Attributes:
        dimensions: variables of the function.
        values: evaluations of the function.
        gradients: evaluations of the gradient.
        hessians: evaluations of the Hessian, each as costly as `dimensions` gradients.
        factorizations: Cholesky factorizations, failed ones too.
        solves: systems solved with a factor.
    """

    dimensions: int
    values: int = 0
    gradients: int = 0
    hessians: int = 0
    factorizations: int = 0
    solves: int = 0

    @property
    def in_gradients(self) -> int:
        """Gradients that cost as much as all gradients and Hessians together."""
        return self.gradients + self.dimensions * self.hessians

    @property
    def solve_flops(self) -> int:
        """Floating-point operations of the linear algebra.

        n**3 / 3 a factorization and 2 n**2 a solve, to leading order.
        """
        n = self.dimensions
        return round(self.factorizations * n**3 / 3 + self.solves * 2 * n**2)


def newton_path(
    landscape: Landscape, steps: int, start: Point = ()
) -> tuple[Trajectory, Cost]:
    """Run Newton's method on a landscape, in float64.

    A multiple of the identity is added to a Hessian that is not positive definite, the
    least of a doubling sequence that makes it so (Nocedal and Wright 2006, algorithm
    3.3); the step is halved until the loss falls enough.

    Args:
        landscape: where to go downhill.
        steps: steps at most; fewer are taken where the gradient becomes 0.
        start: where to begin; the landscape's start if empty.

    Returns:
        The path, and what it cost. It ends where no step lowers the loss enough, and
        has diverged where the loss or a derivative is not finite.
    """
    point = torch.tensor(start or landscape.start, dtype=torch.float64)
    cost = Cost(landscape.dimensions, values=1)
    loss = float(landscape.loss(point))
    points, losses = [point.tolist()], [loss]
    diverged = not math.isfinite(loss)
    for _ in range(0 if diverged else steps):
        gradient = landscape.gradient(point)
        cost.gradients += 1
        if float(gradient.norm()) < STATIONARY:
            break
        hessian = landscape.hessian(point)
        cost.hessians += 1
        factor = _factor(hessian, cost) if _finite(gradient, hessian) else None
        if factor is None:
            diverged = True
            break
        direction = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        cost.solves += 1
        found = _step(landscape, point, loss, direction, float(gradient @ direction))
        cost.values += found.tried
        if found.point is None:
            break
        point, loss = found.point, found.loss
        points.append(point.tolist())
        losses.append(loss)
    path = Trajectory("newton", np.array(points), np.array(losses), diverged=diverged)
    return path, cost


def _finite(*tensors: torch.Tensor) -> bool:
    return all(bool(each.isfinite().all()) for each in tensors)


class _Step(NamedTuple):
    """Where a step leads, None if nowhere, and how many points were tried."""

    point: torch.Tensor | None
    loss: float
    tried: int


def _step(
    landscape: Landscape,
    point: torch.Tensor,
    loss: float,
    direction: torch.Tensor,
    slope: float,
) -> _Step:
    """The longest of halved steps that lowers the loss enough."""
    for halvings in range(HALVINGS):
        share = 0.5**halvings
        tried = point + share * direction
        found = float(landscape.loss(tried))
        if found <= loss + DECREASE * share * slope:
            return _Step(tried, found, halvings + 1)
    return _Step(None, loss, HALVINGS)


def _factor(hessian: torch.Tensor, cost: Cost) -> torch.Tensor | None:
    """The Cholesky factor of the Hessian plus the shift it needs; None if it fails."""
    identity = torch.eye(len(hessian), dtype=hessian.dtype)
    least = 1e-3 * max(float(torch.linalg.matrix_norm(hessian)), 1e-12)
    lowest = float(hessian.diagonal().min())
    shift = 0.0 if lowest > 0 else least - lowest
    for _ in range(SHIFTS):
        found = torch.linalg.cholesky_ex(hessian + shift * identity)
        cost.factorizations += 1
        if not found.info:
            factor: torch.Tensor = found.L
            return factor
        shift = max(2 * shift, least)
    return None
