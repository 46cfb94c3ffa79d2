"""How far Hall's and Student's t stray by chance if n differences have mean 0.

Student's t alone takes the differences for normal. Where they have a long tail on one
side, a sample without the tail has a mean on the other side and a small spread, and t
is large too often. The probabilities here hold for exponential tails as well.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not stats, which takes a second to import

DRAWS = 4096
"""Samples that a table of probabilities is the mean of."""

MOST = 100
"""Differences from which on the table of so many is used, which is wider."""

_GRID = np.geomspace(0.25, 300.0, 96)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class NullTable:
    """Probabilities of the test statistic M if the mean difference is 0.

    M has the sign of Student's t and the size of the smaller of t and Hall's t; it is 0
    where their signs disagree. The probability is the larger of Student's and that of
    exponential differences less their mean, whichever side their tail is on. Between
    the points of the table its logarithm is linear in log M, and so beyond its ends.

    Attributes:
        sizes: log of |M|, rising.
        chances: log of P(|M| >= size), falling.
    """

    sizes: NDArray[np.float64]
    chances: NDArray[np.float64]

    def p_value(self, size: float) -> float:
        """Return the two-sided probability of an |M| this large or larger.

        Args:
            size: |M|.

        Returns:
            In [0, 1]; 1 where size is 0.
        """
        if size == 0:
            return 1.0
        return min(1.0, float(np.exp(_line(np.log(size), self.sizes, self.chances))))

    def critical(self, level: float) -> float:
        """Return the |M| from which on p is at most a level: the inverse of `p_value`.

        Args:
            level: inside (0, 1).

        Returns:
            The smallest such size.
        """
        there = _line(np.log(level), self.chances[::-1], self.sizes[::-1])
        return float(np.exp(there))


def hall_inverse(
    hall: float, skewness: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return Student's t at which Hall's t has a value.

    With w = t / sqrt(n) and the sample's skewness g, Hall's t is
    sqrt(n) (w + g w^2 / 3 + g^2 w^3 / 27 + g / (6 n)), which rises with t.

    Args:
        hall: value of Hall's t.
        skewness: g of samples, shape (samples,).
        count: n.

    Returns:
        Shape (samples,).

    Source:
        Hall 1992, On the removal of skewness by transformation.
    """
    y = hall / np.sqrt(count)
    straight = np.abs(skewness) < 1e-9
    g = np.where(straight, 1.0, skewness)
    bent = 3 / g * (np.cbrt(1 + g * (y - g / (6 * count))) - 1)
    return np.asarray(np.where(straight, y, bent) * np.sqrt(count), dtype=np.float64)


@lru_cache
def null_table(count: int) -> NullTable:
    """Return the probabilities of M for n differences.

    Args:
        count: n, at least 3.

    Returns:
        The table, the same in every process.
    """
    held = np.log([chance(count, float(size)) for size in _GRID])
    return NullTable(np.log(_GRID), held)


def chance(count: int, size: float) -> float:
    """Return P(|M| >= size) for n differences, which `null_table` tabulates.

    For exponential differences x - 1 the shares u = x / sum(x) are independent of the
    sum, which has a gamma distribution. Given u, M passes a bound where the sum does;
    so each of DRAWS samples of u contributes an exact probability.

    Args:
        count: n, at least 3.
        size: above 0.

    Returns:
        The larger of Student's probability and that of exponential differences.
    """
    used = min(count, MOST)
    spread, skewness = _shares(used)
    root = np.sqrt(used)
    below = np.minimum(-size, hall_inverse(-size, skewness, used))
    above = np.maximum(size, hall_inverse(size, skewness, used))
    low = special.gammainc(used, 1 / (1 / used - below * spread / root))
    room = 1 / used - above * spread / root
    high = special.gammaincc(used, 1 / room[room > 0])
    exponential = (np.sum(low) + np.sum(high)) / DRAWS
    return float(max(exponential, 2 * special.stdtr(used - 1, -size)))


@lru_cache(maxsize=8)
def _shares(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard deviations and skewnesses of n shares of exponential samples."""
    generator = np.random.Generator(np.random.PCG64(0))
    found = []
    rows = max(1, _CHUNK // count)
    for begin in range(0, DRAWS, rows):
        uniform = generator.random((min(rows, DRAWS - begin), count))
        x = -np.log1p(-uniform)
        x /= x.sum(axis=1, keepdims=True)
        away = x - 1 / count
        spread = np.sqrt((away**2).sum(axis=1) / (count - 1))
        found.append((spread, (away**3).mean(axis=1) / spread**3))
    spreads, skewnesses = zip(*found, strict=True)
    return np.concatenate(spreads), np.concatenate(skewnesses)


def _line(at: float, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> float:
    """Interpolate linearly between points, and extend the first and last piece."""
    place = int(np.clip(np.searchsorted(xs, at), 1, len(xs) - 1))
    share = (at - xs[place - 1]) / (xs[place] - xs[place - 1])
    return float(ys[place - 1] + share * (ys[place] - ys[place - 1]))
