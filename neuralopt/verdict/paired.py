"""Test a mean paired difference against 0, and bound it, where tails may be skewed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralopt.verdict.intervals import MeanEstimate
from neuralopt.verdict.skewed_null import chance, hall_inverse, null_table

LEAST = 3
"""Differences below which nothing is called: of two, no shape can be seen."""

LARGE = 3.0
"""Mean in standard deviations of the differences that a sound design must not miss."""

ONE_SIDE = 1 - math.exp(-1)
"""Chance that an exponential difference lies below its mean."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean of n paired differences, and how far chance could have carried it.

    The statistic M is the smaller of Student's t and Hall's t, which removes the
    skewness of the sample; see `skewed_null`. Where all differences agree there is no
    estimate of the noise: p is then the chance that n exponential differences lie on
    one side of their mean.

    Attributes:
        estimate: mean and standard error.
        skewness: of the sample, with n in the third moment and n - 1 in the deviation;
            0 where all differences agree or n is below `LEAST`.
    """

    estimate: MeanEstimate
    skewness: float

    @staticmethod
    def of(differences: Sequence[float] | NDArray[np.float64]) -> "PairedDifference":
        """Estimate the mean and the skewness of differences.

        Args:
            differences: shape (n,), n >= 1, finite.

        Returns:
            The estimate, which does not depend on the order of the differences.
        """
        estimate = MeanEstimate.of(differences)
        count = estimate.count
        if count < LEAST or estimate.error == 0:
            return PairedDifference(estimate, 0.0)
        deviation = estimate.error * math.sqrt(count)
        cubes = ((float(each) - estimate.mean) / deviation for each in differences)
        return PairedDifference(estimate, math.fsum(c**3 for c in cubes) / count)

    @property
    def statistic(self) -> float:
        """M; infinite where all differences agree and are not 0."""
        mean, error, count = (
            self.estimate.mean,
            self.estimate.error,
            self.estimate.count,
        )
        if mean == 0 or count < LEAST:
            return 0.0
        if error == 0:
            return math.copysign(math.inf, mean)
        w, g = mean / error / math.sqrt(count), self.skewness
        bent = w + g * w**2 / 3 + g**2 * w**3 / 27 + g / (6 * count)
        if bent * w <= 0:
            return 0.0
        smaller = min(abs(w), abs(bent))
        return math.copysign(smaller * math.sqrt(count), mean)

    def p_value(self) -> float:
        """Return the two-sided probability of an M this far from 0 if the truth is 0.

        Returns:
            In (0, 1]; 1 where n is below `LEAST`.
        """
        size = abs(self.statistic)
        if math.isinf(size):
            return one_sided_chance(self.estimate.count)
        return 1.0 if size == 0 else null_table(self.estimate.count).p_value(size)

    def bounds(self, low_level: float, high_level: float) -> tuple[float, float]:
        """Return the least and largest means that the test does not reject.

        Args:
            low_level: p at or below which a mean is rejected as too small.
            high_level: p at or below which a mean is rejected as too large.

        Returns:
            (low, high). low > 0 exactly where the mean is positive and p at most
            `low_level`, high < 0 where it is negative and p at most `high_level`. An
            end is infinite where the differences cannot say.
        """
        mean, error, count = (
            self.estimate.mean,
            self.estimate.error,
            self.estimate.count,
        )
        if count < LEAST:
            return -math.inf, math.inf
        if error == 0:
            p = self.p_value()
            lost = mean != 0
            return (
                -math.inf if lost and p > low_level else mean,
                math.inf if lost and p > high_level else mean,
            )
        table, g = null_table(count), np.array([self.skewness])
        down, up = table.critical(low_level), table.critical(high_level)
        low = mean - error * max(down, float(hall_inverse(down, g, count)[0]))
        high = mean - error * min(-up, float(hall_inverse(-up, g, count)[0]))
        return low, high

    def decidable(self, level: float) -> bool:
        """Return whether so many differences, of such values, can decide at a level.

        Args:
            level: p at or below which the difference is called.

        Returns:
            False where n is too small, and where all differences agree on a value other
            than 0 and are too few to be called.
        """
        if self.estimate.error == 0 and self.estimate.mean != 0:
            return self.p_value() <= level
        return decides(self.estimate.count, level)


def one_sided_chance(count: int) -> float:
    """Return the chance that n exponential differences lie on one side of their mean.

    Args:
        count: n.

    Returns:
        The probability, for both sides together.
    """
    return float(ONE_SIDE**count + (1 - ONE_SIDE) ** count)


def decides(count: int, level: float) -> bool:
    """Return whether n differences can decide at a level.

    They can if M reaches the level where the mean is `LARGE` standard deviations: two
    rules that far apart hardly share a quality.

    Args:
        count: n, at least 1.
        level: p at or below which a difference is called.

    Returns:
        False for fewer than `LEAST`.
    """
    if count < LEAST:
        return False
    return chance(count, LARGE * math.sqrt(count)) <= level


def least_seeds(level: float) -> int:
    """Return the smallest number of differences that can decide at a level.

    Args:
        level: p at or below which a difference is called.

    Returns:
        At least `LEAST`.
    """
    count = LEAST
    while not decides(count, level):
        count += 1
    return count
