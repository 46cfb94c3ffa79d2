"""Medians with 95% intervals over seeds, where some runs did not reach what is timed.

The interval of a median is that of order statistics (the sign test's): it assumes no
distribution, and holds with values that are infinite because they are censored.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

LEVEL = 0.95


def median_ranks(count: int) -> tuple[int, int]:
    """Return the places of the interval's ends among so many sorted values.

    Args:
        count: of values, 1 or more.

    Returns:
        Places from 0, as far apart as the level needs; of fewer than six values the
        first and the last, whose level is less.
    """
    low = int(binom.ppf((1 - LEVEL) / 2, count, 0.5)) - 1
    low = max(low, 0)
    return low, count - 1 - low


def interval(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return median and ends of its interval, over the first axis.

    Args:
        values: (seeds, ...), infinite where they are censored.

    Returns:
        (3, ...): median (infinite where one of two middle values is), low and high end.
    """
    sorted_ = np.sort(values, axis=0)
    low, high = median_ranks(len(values))
    middle = len(values) // 2
    upper, lower = sorted_[middle], sorted_[middle if len(values) % 2 else middle - 1]
    with np.errstate(invalid="ignore"):
        median = np.where(np.isinf(upper), upper, (upper + lower) / 2)
    found: NDArray[np.float64] = np.stack([median, sorted_[low], sorted_[high]])
    return found


def reached_text(times: Sequence[int | None], limit: int) -> str:
    """Return ``median [low, high] (share that reached it)``.

    Args:
        times: of each seed; None where it was not reached.
        limit: evaluations of a run, for what is beyond it.
    """
    values = np.array([math.inf if t is None else float(t) for t in times])
    shown = [
        f"{value:,.0f}" if math.isfinite(value) else f"> {limit:,}"
        for value in interval(values).tolist()
    ]
    share = float(np.isfinite(values).mean())
    return f"{shown[0]} [{shown[1]}, {shown[2]}] ({share:.0%})"
