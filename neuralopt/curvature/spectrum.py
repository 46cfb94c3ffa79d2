"""The spectrum of a Hessian: all eigenvalues, or their density estimated."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from neuralopt.curvature.child_loss import Product
from neuralopt.curvature.lanczos import lanczos, random_start
from neuralopt.landscapes.paths import Array

STEPS, PROBES = 40, 3
"""Of an estimate, where none are given."""

FLAT = 1e-3
"""Curvatures smaller than this share of the largest size count as flat."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Eigenvalues, or points that stand for them, and the share of each.

    Attributes:
        values: rising.
        shares: of all directions that have each value; they sum to 1.
        error: of the smallest and the largest value, at most; 0 if they are exact.
    """

    values: Array
    shares: Array
    error: float = 0.0

    @property
    def largest(self) -> float:
        """The greatest curvature, also called sharpness."""
        return float(self.values[-1])

    @property
    def smallest(self) -> float:
        """The least curvature; negative where some direction bends downwards."""
        return float(self.values[0])

    @property
    def size(self) -> float:
        """The largest size of an eigenvalue: the norm of the matrix."""
        return max(abs(self.largest), abs(self.smallest))

    @property
    def condition(self) -> float:
        """The condition number, largest / smallest; infinite unless both are positive.

        A smallest value that rounding can't tell from 0 counts as 0.
        """
        rounding = len(self.values) * float(np.finfo(float).eps) * self.size
        if self.smallest <= max(rounding, self.error):
            return math.inf
        return self.largest / self.smallest

    def share(self, low: float, high: float) -> float:
        """Return the share of directions with low <= curvature < high."""
        inside = (self.values >= low) & (self.values < high)
        return float(self.shares[inside].sum())

    @property
    def flat(self) -> float:
        """Share of directions flatter than `FLAT` of the steepest one, up or down."""
        return self.share(-FLAT * self.size, FLAT * self.size)

    @property
    def negative(self) -> float:
        """Share of directions that bend downwards and are not flat."""
        return self.share(-math.inf, -FLAT * self.size)

    def quantile(self, share: float) -> float:
        """Return the size of curvature that this share of directions does not exceed.

        Args:
            share: from 0 to 1.
        """
        sizes = np.abs(self.values)
        order = np.argsort(sizes)
        reached = np.cumsum(self.shares[order])
        place = int(np.searchsorted(reached, share - 1e-12))
        return float(sizes[order][min(place, len(order) - 1)])


def exact_spectrum(hessian: torch.Tensor) -> Spectrum:
    """Return all eigenvalues of a symmetric matrix.

    Args:
        hessian: (n, n), float64.

    Example:
        >>> found = exact_spectrum(torch.diag(torch.tensor([1.0, 4.0, 100.0]).double()))
        >>> found.largest, found.smallest, found.condition
        (100.0, 1.0, 100.0)
    """
    values = np.linalg.eigvalsh(hessian.numpy())
    return Spectrum(values, np.full(len(values), 1 / len(values)))


def estimated_spectrum(
    product: Product,
    dimensions: int,
    *,
    steps: int = STEPS,
    probes: int = PROBES,
    seed: int = 0,
) -> Spectrum:
    """Estimate a spectrum by the Lanczos iteration from random vectors.

    Each probe gives points and shares that integrate polynomials of degree
    2 steps - 1 as the start's own spectral measure does, and the means over probes
    estimate the density (stochastic Lanczos quadrature; Ghorbani et al. 2019). The
    outermost values come close to the outermost eigenvalues first.

    Args:
        product: of a symmetric matrix (dimensions, dimensions).
        dimensions: of the matrix.
        steps: products of each probe.
        probes: random starts.
        seed: of the starts.

    Returns:
        The points of all probes.

    Raises:
        ValueError: a number is not positive, or a product is not finite.
    """
    if probes < 1:
        raise ValueError(f"a spectrum is to have {probes} probes: give 1 or more")
    found = [
        lanczos(product, random_start(dimensions, seed, number), steps)
        for number in range(probes)
    ]
    values = np.concatenate([each.values for each in found])
    shares = np.concatenate([each.shares for each in found]) / probes
    errors = np.concatenate([each.errors for each in found])
    order = np.argsort(values, kind="stable")
    error = max(float(errors[order[0]]), float(errors[order[-1]]))
    return Spectrum(values[order], shares[order], error)
