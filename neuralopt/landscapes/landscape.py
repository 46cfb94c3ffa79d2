"""A landscape: a function of one or two variables on which optimizers are watched."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

Point = tuple[float, ...]
Heights = Callable[[torch.Tensor], torch.Tensor]
"""Points (..., dimensions) -> values (...)."""


@dataclass(frozen=True, slots=True)
class Landscape:
    """A function to minimise or to maximise.

    Attributes:
        name: as in LANDSCAPES.
        formula: for titles, in matplotlib's mathtext.
        heights: values of the function at points (..., dimensions).
        start: where optimizers usually begin.
        box: least and greatest value shown of each variable.
        optima: minima, or maxima where `uphill`; empty if there are none.
        uphill: whether the function is maximised.
        steps: that show what happens on it.
    """

    name: str
    formula: str
    heights: Heights
    start: Point
    box: tuple[tuple[float, float], ...]
    optima: tuple[Point, ...]
    uphill: bool = False
    steps: int = 100

    @property
    def dimensions(self) -> int:
        """Variables of the function."""
        return len(self.box)

    @property
    def best(self) -> float | None:
        """Least loss of the optima; None if there are none."""
        losses = [float(self.loss(_tensor(each))) for each in self.optima]
        return min(losses) if losses else None

    def loss(self, point: torch.Tensor) -> torch.Tensor:
        """Return what optimizers minimise: the function, or minus it where `uphill`.

        Args:
            point: (..., dimensions).
        """
        heights = self.heights(point)
        return -heights if self.uphill else heights

    def gradient(self, point: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the loss at one point, by automatic differentiation.

        Args:
            point: (dimensions,).
        """
        found: torch.Tensor = torch.func.grad(self.loss)(point)
        return found

    def hessian(self, point: torch.Tensor) -> torch.Tensor:
        """Return the Hessian of the loss at one point, by automatic differentiation.

        Args:
            point: (dimensions,).
        """
        found: torch.Tensor = torch.func.jacrev(torch.func.grad(self.loss))(point)
        return found


def _tensor(point: Point) -> torch.Tensor:
    return torch.tensor(point, dtype=torch.float64)
