"""Summarise times to target over workloads: profiles, speed-ups, the worst workload.

A time is in any unit (steps, seconds), above 0; inf where the target was missed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralopt.verdict.paired import PairedDifference

WIDEST = 4.0
"""Largest factor tau that AlgoPerf's score counts."""


def time_ratios(times: ArrayLike) -> NDArray[np.float64]:
    """Return each time over the shortest of all contenders on the same workload.

    Args:
        times: shape (contenders, workloads).

    Returns:
        Shape as times, 1 or more; infinite where the target was missed.

    Raises:
        ValueError: the shape is another or empty, or a time is NaN or not above 0.
    """
    table = _checked(times, 2)
    best = table.min(axis=0)
    met = np.isfinite(table)
    return np.where(met, table / np.where(np.isfinite(best), best, 1.0), np.inf)


def performance_profile(times: ArrayLike, taus: ArrayLike) -> NDArray[np.float64]:
    """Return the share of workloads on which each contender is near the fastest.

    Args:
        times: shape (contenders, workloads).
        taus: factors, shape (taus,), each 1 or more.

    Returns:
        Shape (contenders, taus): the share of workloads on which the contender met the
        target in at most tau times the shortest time of all.

    Raises:
        ValueError: as `time_ratios`, or a factor is below 1.

    Source:
        Dolan and More 2002, Benchmarking optimization software with performance
        profiles.

    Example:
        >>> performance_profile([[1, 6], [2, 3]], [1, 2]).tolist()
        [[0.5, 1.0], [0.5, 1.0]]
    """
    factors = np.asarray(taus, dtype=np.float64)
    if factors.ndim != 1 or not np.all(factors >= 1):
        raise ValueError(f"taus are {factors.tolist()}; give factors of 1 or more")
    ratios = time_ratios(times)
    return np.asarray((ratios[:, :, None] <= factors).mean(axis=1), dtype=np.float64)


def profile_area(times: ArrayLike, widest: float = WIDEST) -> NDArray[np.float64]:
    """Return the mean height of each contender's profile for tau from 1 to `widest`.

    Args:
        times: shape (contenders, workloads).
        widest: largest factor, above 1.

    Returns:
        Shape (contenders,), in [0, 1]: 1 where it is the fastest everywhere. The
        integral is exact.

    Raises:
        ValueError: as `time_ratios`, or `widest` is not above 1.

    Source:
        Dahl et al. 2023, Benchmarking neural network training algorithms (AlgoPerf).
    """
    if not 1 < widest < np.inf:
        raise ValueError(f"widest is {widest}; give a finite factor above 1")
    left = np.clip(widest - time_ratios(times), 0.0, None)
    return np.asarray(left.mean(axis=1) / (widest - 1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """How many times faster than a reference, as a geometric mean over pairs.

    Attributes:
        ratio: reference's time over the contender's, of the pairs in which both met
            the target; NaN if there is none.
        low: lower end of the interval of the mean; 0 if the pairs cannot say.
        high: upper end; infinite if they cannot.
        pairs: number of pairs in which both met the target.
        missed: number in which only the contender missed it. The ratio leaves them out,
            so read it together with this number.
        missed_by_reference: number in which only the reference missed it.
    """

    ratio: float
    low: float
    high: float
    pairs: int
    missed: int
    missed_by_reference: int


def speed_up(
    times: ArrayLike, reference_times: ArrayLike, confidence: float = 0.95
) -> SpeedUp:
    """Return the geometric-mean speed-up of a contender over a reference.

    The interval is that of `PairedDifference` in logarithms, so it excludes 1 exactly
    where that test calls the mean log ratio different from 0.

    Args:
        times: of the contender, shape (pairs,): seeds or workloads.
        reference_times: of the reference on the same ones, shape (pairs,).
        confidence: of the interval, inside (0, 1).

    Returns:
        The speed-up; above 1 the contender is faster.

    Raises:
        ValueError: shapes differ or are empty, a time is NaN or not above 0, or
            confidence isn't inside (0, 1).
    """
    own, other = _checked_pair(times, reference_times)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it lies inside (0, 1), as 0.95")
    met, met_too = np.isfinite(own), np.isfinite(other)
    both = met & met_too
    missed, by_reference = int(np.sum(~met & met_too)), int(np.sum(met & ~met_too))
    if not both.any():
        return SpeedUp(np.nan, 0.0, np.inf, 0, missed, by_reference)
    found = PairedDifference.of(np.log(other[both]) - np.log(own[both]))
    low, high = found.bounds(1 - confidence, 1 - confidence)
    with np.errstate(over="ignore"):  # of a bound far from the data
        mean, low, high = np.exp([found.estimate.mean, low, high]).tolist()
    return SpeedUp(mean, low, high, int(both.sum()), missed, by_reference)


def worst_workload(times: ArrayLike, reference_times: ArrayLike) -> tuple[int, float]:
    """Return the workload on which a contender is slowest compared with a reference.

    Args:
        times: of the contender, shape (workloads,).
        reference_times: of the reference, shape (workloads,).

    Returns:
        (place, ratio): the first with the smallest speed-up, the reference's time over
        the contender's: 0 where only the contender missed the target, infinite where
        only the reference did, 1 where both did.

    Raises:
        ValueError: shapes differ or are empty, or a time is NaN or not above 0.
    """
    own, other = _checked_pair(times, reference_times)
    neither = np.isinf(own) & np.isinf(other)
    ratios = np.where(neither, 1.0, other) / np.where(neither, 1.0, own)
    place = int(np.argmin(ratios))
    return place, float(ratios[place])


def _checked_pair(
    times: ArrayLike, reference_times: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    own, other = _checked(times, 1), _checked(reference_times, 1)
    if own.shape != other.shape:
        raise ValueError(
            f"times have shape {own.shape}, those of the reference {other.shape}; they "
            "must agree"
        )
    return own, other


def _checked(times: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    table = np.asarray(times, dtype=np.float64)
    if table.ndim != dimensions or table.size == 0:
        shape = "(contenders, workloads)" if dimensions == 2 else "(pairs,)"
        raise ValueError(f"times have shape {table.shape}; they must be {shape}")
    if not np.all(table > 0):
        raise ValueError(
            "a time is NaN or not above 0; a target that was missed has time inf"
        )
    return table
