"""Compute Student's t for a mean and for a paired difference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not stats, which takes a second to import

# Qualities lie in [0, 1]; values that agree to this are one value, rounded differently.
_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean of n values with its standard error, and what Student's t says of it.

    Attributes:
        mean: exactly rounded, so that the order of the values doesn't matter.
        error: standard error of the mean; 0 where all values agree; NaN if n is 1.
        count: n, at least 1.
    """

    mean: float
    error: float
    count: int

    @staticmethod
    def of(values: Sequence[float] | NDArray[np.float64]) -> "MeanEstimate":
        """Estimate a mean and its standard error.

        Args:
            values: shape (n,), n >= 1, finite.

        Returns:
            The estimate; its error is NaN if n is 1.
        """
        numbers = [float(value) for value in values]
        count = len(numbers)
        if max(numbers) - min(numbers) <= _ROUNDING:
            middle = sorted(numbers)[count // 2]
            mean = 0.0 if abs(middle) <= _ROUNDING else middle
            return MeanEstimate(mean, math.nan if count == 1 else 0.0, count)
        mean = math.fsum(numbers) / count
        squares = math.fsum((number - mean) ** 2 for number in numbers)
        return MeanEstimate(mean, math.sqrt(squares / (count - 1) / count), count)

    def tail(self) -> float:
        """Return the one-sided probability of a mean this far from 0 if the truth is 0.

        Where all values agree, t has no estimate of the noise and would be certain,
        even of two qualities that are coarse counts. The exact sign test is used
        instead: n equal signs have probability 2**-n.
        """
        if self.mean == 0 or self.count == 1:
            return 0.5
        if self.error == 0:
            return 0.5**self.count
        return float(special.stdtr(self.count - 1, -abs(self.mean) / self.error))

    def margin(self, tail: float) -> float:
        """Return the distance from the mean to the bound that the truth passes.

        Args:
            tail: probability that the truth passes the bound, on one side.

        Returns:
            The distance. Infinite where the values can't say: one value; or equal
            values, other than 0, that are too few for the sign test at this level.
        """
        if self.count == 1:
            return math.inf
        if self.error == 0:
            return 0.0 if self.mean == 0 or self.tail() <= tail else math.inf
        return -self.error * float(special.stdtrit(self.count - 1, tail))


def mean_interval(
    values: Sequence[float] | NDArray[np.float64], confidence: float = 0.95
) -> tuple[float, float]:
    """Return Student's t interval of the mean of n qualities, cut to [0, 1].

    A single value gives [0, 1]. Values that all agree give a point, which says that
    these seeds agree and not that every seed would.

    Args:
        values: shape (n,), each in [0, 1].
        confidence: inside (0, 1), such as 0.95.

    Returns:
        (low, high).

    Raises:
        ValueError: no values.

    Example:
        >>> low, high = mean_interval([0.90, 0.92, 0.94])
        >>> round(low, 4), round(high, 4)
        (0.8703, 0.9697)
    """
    if len(values) == 0:
        raise ValueError("no values to take a mean of: at least one seed is needed")
    estimate = MeanEstimate.of(values)
    if estimate.error == 0:
        return estimate.mean, estimate.mean
    margin = estimate.margin((1 - confidence) / 2)
    return max(0.0, estimate.mean - margin), min(1.0, estimate.mean + margin)
