"""Tasks without data: a point goes downhill on a formula.

There is nothing to generalise to: all four splits are the same, and so are all batches.
"""

import math
from functools import partial

import torch
from torch import nn

from neuralopt.tasks.custom import CustomTask, make_task
from neuralopt.tasks.custom_checks import Measure
from neuralopt.tasks.task import SPLITS

STEPS, BATCH = 64, 16
"""An epoch's steps; copies of the point at each, all alike: one would do, but whole
vector registers let engines train many points at once."""


class Point(nn.Module):
    """Coordinates as parameters, whatever the inputs are. Outputs: (batch, n)."""

    def __init__(self, start: tuple[float, ...]) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.tensor(start) + 0.1 * torch.randn(len(start)))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.place.expand(len(inputs), -1)


def rosenbrock_value(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean of (1 - x)**2 + 100 (y - x**2)**2, 0 at (1, 1) (Rosenbrock 1960)."""
    x, y = outputs.unbind(-1)
    return ((1 - x) ** 2 + 100 * (y - x**2) ** 2).mean()


def ravine_value(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean of the sum of c x**2 / 2, c from 1e-3 to 1 in powers of ten, 0 at 0."""
    curvature = torch.logspace(-3, 0, 4, dtype=outputs.dtype)
    return (0.5 * curvature * outputs**2).sum(-1).mean()


def distance(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean Euclidean length of the outputs: for the ravine, how far there is to go."""
    lengths: torch.Tensor = torch.linalg.vector_norm(outputs, dim=-1)
    return lengths.mean()


def quality_of_height(loss: float) -> float:
    """1 / (1 + sqrt(loss)): 1 at the bottom, 0.5 at a height of 1."""
    return 1.0 / (1.0 + math.sqrt(max(loss, 0.0)))


def rosenbrock() -> CustomTask:
    """Rosenbrock's valley from near (-1.5, 2)."""
    return _task("rosenbrock", (-1.5, 2.0), rosenbrock_value)


def ravine() -> CustomTask:
    """A quadratic of condition number 1,000 in four dimensions, from near (1, ...)."""
    return _task("ravine", (1.0, 1.0, 1.0, 1.0), ravine_value)


def _task(name: str, start: tuple[float, ...], value: Measure) -> CustomTask:
    nothing = torch.zeros(STEPS * BATCH, 1), torch.zeros(STEPS * BATCH)
    return make_task(
        name,
        partial(Point, start),
        dict.fromkeys(SPLITS, nothing),
        batch_size=BATCH,
        loss=value,
        metric=distance,
        quality=quality_of_height,
    )
