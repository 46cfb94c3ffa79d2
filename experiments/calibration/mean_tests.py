"""Tests of a mean against 0: two-sided p of each row of samples of shape (rows, n)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import special

from neuralopt.verdict.paired import PairedDifference

Samples = NDArray[np.float64]
Test = Callable[[Samples], Samples]

FLIPS = 999
"""Random sign flips where 2**n are too many."""

RESAMPLES = 399
"""Of the bootstrap."""

ROUNDING = 1e-9


def _moments(samples: Samples) -> tuple[int, Samples, Samples, NDArray[np.bool_]]:
    """n, w = mean / deviation, skewness, and which rows have no spread."""
    mean = samples.mean(axis=1)
    deviation = samples.std(axis=1, ddof=1)
    flat = deviation < ROUNDING
    scale = np.where(flat, 1.0, deviation)
    skewness = ((samples - mean[:, None]) ** 3).mean(axis=1) / scale**3
    return samples.shape[1], mean / scale, np.where(flat, 0.0, skewness), flat


def _of_t(samples: Samples, t: Samples, flat: NDArray[np.bool_]) -> Samples:
    """p of values of t; of rows without spread that of the sign test."""
    n = samples.shape[1]
    p = 2 * special.stdtr(n - 1, -np.abs(t))
    signs = np.where(np.abs(samples[:, 0]) < ROUNDING, 1.0, 2.0 * 0.5**n)
    return np.where(flat, signs, p)


def student(samples: Samples) -> Samples:
    """Student's t."""
    n, w, _, flat = _moments(samples)
    return _of_t(samples, np.sqrt(n) * w, flat)


def johnson(samples: Samples) -> Samples:
    """Johnson 1978: t, moved by the skewness of the sample."""
    n, w, g, flat = _moments(samples)
    return _of_t(samples, np.sqrt(n) * (w + g / (6 * n) + g / 3 * w**2), flat)


def hall(samples: Samples) -> Samples:
    """Hall 1992: a cubic of t that rises everywhere."""
    n, w, g, flat = _moments(samples)
    bent = w + g * w**2 / 3 + g**2 * w**3 / 27 + g / (6 * n)
    return _of_t(samples, np.sqrt(n) * bent, flat)


def sign_flip(samples: Samples) -> Samples:
    """Permutation of signs: exact if differences are symmetric about 0."""
    n = samples.shape[1]
    if n <= 10:
        flips = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) * 2 - 1
    else:
        drawn = np.random.default_rng(0).integers(0, 2, (FLIPS, n)) * 2 - 1
        flips = np.vstack([drawn, np.ones((1, n), np.int64)])
    seen = np.abs(samples.sum(axis=1))[:, None] - ROUNDING
    return np.asarray((np.abs(samples @ flips.T) >= seen).mean(axis=1))


def bootstrap_t(samples: Samples) -> Samples:
    """Bootstrap of Student's t, with equal tails."""
    n = samples.shape[1]
    rng = np.random.default_rng(0)
    _, w, _, _ = _moments(samples)
    found = np.empty(len(samples))
    for place, row in enumerate(samples):
        drawn = row[rng.integers(0, n, (RESAMPLES, n))]
        away, deviation = drawn.mean(axis=1) - row.mean(), drawn.std(axis=1, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.nan_to_num(away / deviation, nan=0.0, posinf=np.inf, neginf=-np.inf)
        below, above = (t <= w[place]).sum() + 1, (t >= w[place]).sum() + 1
        found[place] = min(1.0, 2 * min(below, above) / (RESAMPLES + 1))
    return found


def neuralopt_test(samples: Samples) -> Samples:
    """The test of verdicts."""
    return np.array([PairedDifference.of(row).p_value() for row in samples])


TESTS: Mapping[str, Test] = MappingProxyType(
    {
        "neuralopt": neuralopt_test,
        "Student": student,
        "sign flips": sign_flip,
        "Johnson": johnson,
        "Hall": hall,
        "bootstrap-t": bootstrap_t,
    }
)
SLOW = frozenset({"bootstrap-t"})
"""Tests that are measured on fewer rows."""
