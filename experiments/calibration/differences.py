"""Families of paired differences whose mean is 0, to count false calls on."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Family = Callable[[np.random.Generator, tuple[int, int]], Samples]


def _rare(chance: float, both: bool = False) -> Family:
    """Normal differences with a loss of 20 deviations now and then, mean 0."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Samples:
        lost = 1.0 * (rng.random(shape) < chance)
        other = 1.0 * (rng.random(shape) < chance) if both else chance
        return np.asarray(0.05 * rng.normal(size=shape) - lost + other)

    return draw


def _counts(share: float) -> Family:
    """Differences of two counts of right answers among 100."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Samples:
        one, other = (rng.binomial(100, share, shape) for _ in range(2))
        return np.asarray(one - other, np.float64)

    return draw


def _lognormal(sigma: float) -> Family:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Samples:
        values = np.exp(sigma * rng.normal(size=shape))
        return np.asarray(values - np.exp(sigma**2 / 2))

    return draw


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "normal": lambda rng, shape: np.asarray(rng.normal(size=shape)),
        "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
        "Student, 3 degrees": lambda rng, shape: rng.standard_t(3, shape),
        "exponential": lambda rng, shape: rng.exponential(1, shape) - 1,
        "exponential, reversed": lambda rng, shape: 1 - rng.exponential(1, shape),
        "lognormal, sigma 0.5": _lognormal(0.5),
        "counts of 100, 97% right": _counts(0.97),
        "counts of 100, 99.7% right": _counts(0.997),
        "Poisson": lambda rng, shape: np.asarray(
            rng.poisson(1, shape) - 1.0, np.float64
        ),
        "both diverge 1 in 10": _rare(0.1, both=True),
    }
)
"""Those on which at most one call in twenty may be false."""

BEYOND: Mapping[str, Family] = MappingProxyType(
    {
        "lognormal, sigma 1": _lognormal(1.0),
        "one diverges 1 in 10": _rare(0.1),
        "one diverges 1 in 20": _rare(0.05),
    }
)
"""Those that hide more than n differences can tell."""
