"""The path of an optimizer on a landscape, and the learning rate that it takes."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.engines.engine import OptimizerSpec, TorchOptimizer
from neuralopt.landscapes.landscape import Landscape, Point
from neuralopt.optimizer import RuleOptimizer

Array = npt.NDArray[np.float64]

RATES = tuple(float(f"{10 ** (k / 2):.2g}") for k in range(-8, 3))
"""Learning rates that are tried where none is given: 0.0001 to 10, two in a decade."""

FAR = 1e6
"""A path has diverged once a coordinate is further from 0, or is not finite."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Where an optimizer went.

    Attributes:
        label: for legends, such as ``adam, lr 0.1``.
        points: (steps + 1, dimensions), the start first.
        losses: (steps + 1,), at the points.
        lr: the learning rate; None for a method without one.
        diverged: whether it ended early: its last point is far away, or the next would
            not have been finite.
        at: steps taken before each point, where not all points were kept.
    """

    label: str
    points: Array
    losses: Array
    lr: float | None = None
    diverged: bool = False
    at: tuple[int, ...] = ()

    @property
    def numbers(self) -> Array:
        """Steps taken before each point."""
        return np.array(self.at or range(len(self.points)), dtype=np.float64)

    @property
    def steps(self) -> int:
        """Steps taken."""
        return int(self.numbers[-1])

    @property
    def final(self) -> float:
        """Last loss; infinite if it diverged."""
        return math.inf if self.diverged else float(self.losses[-1])


def follow(
    landscape: Landscape,
    rule: OptimizerSpec,
    lr: float,
    steps: int,
    start: Point = (),
    name: str = "",
) -> Trajectory:
    """Run an optimizer on a landscape, in float64.

    Args:
        landscape: where to go downhill.
        rule: a rule, or an optimizer of torch.
        lr: learning rate.
        steps: steps to take.
        start: where to begin; the landscape's start if empty.
        name: of the rule, for the label.

    Returns:
        The path.
    """
    place = torch.tensor(start or landscape.start, dtype=torch.float64)
    point = torch.nn.Parameter(place)
    if isinstance(rule, TorchOptimizer):
        optimizer = rule.make([point], lr)
    else:
        optimizer = RuleOptimizer([point], rule, lr=lr, total_steps=steps)
    points, losses, diverged = [], [], False
    for step in range(steps + 1):
        optimizer.zero_grad()
        loss = landscape.loss(point)
        if not (math.isfinite(loss.item()) and bool(point.isfinite().all())):
            diverged = True
            break
        points.append(point.tolist())
        losses.append(loss.item())
        diverged = bool((point.abs() > FAR).any())
        if diverged:
            break
        if step < steps:
            loss.backward()
            if isinstance(optimizer, RuleOptimizer):
                optimizer.step(loss=loss)
            else:
                optimizer.step()
    label = f"{name or rule}, lr {lr:.3g}"
    return Trajectory(label, np.array(points), np.array(losses), lr, diverged)


def best_path(
    run: Callable[[float], Trajectory], rates: Iterable[float] = RATES
) -> Trajectory:
    """Return the path with the least final loss of several learning rates.

    Args:
        run: makes the path at a learning rate.
        rates: learning rates; of equal ones, the first wins.

    Returns:
        The path; if all diverge, that of the first rate.
    """
    return min((run(rate) for rate in rates), key=lambda path: path.final)
