"""When the updates of two rules are equal up to a positive factor, and how similar.

A run is one sequence of gradients at one size. With a and b the updates of two rules in
a run, and c one positive factor for all runs, the *difference* in that run is

    |a - c b| / sqrt(|a| |c b|)

with Euclidean norms: a root-mean-square error relative to the size of the updates. The
difference of two rules is the largest over all runs, for the c that makes |a| / |c b|
one in the geometric mean over runs. Two rules are *equal in behaviour* if it is at most
`TOLERANCE`. Their *similarity* is the mean over runs of the cosine of a and b.

Each run counts alike in both, so a rule with updates in proportion to the gradient is
compared at the small sizes too. A run in which a rule has only zeros, or anything that
is not finite, has no direction: equal rules must agree on which runs those are, and
their cosine is 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuralopt.behaviour.probes import COLUMNS, ELEMENTS, RUNS, STEPS, sums_of_squares
from neuralopt.machine.probe import Floats

TOLERANCE = 1e-2
"""Largest difference of equal rules. The named rules leave a gap here: pairs of
different intent and nearly the same effect differ by up to 0.008 (SGD and
g - clip(g**2, 1e-4); AddSign and PowerSign with base 10), all others by 0.024 (Adam and
AdamW) or more. A term of one per cent of the update, such as clip(g**3, 1e-5) in Signum
of size 0.001, is within it."""

REGULAR, ZERO, NOT_FINITE = range(3)
TINY, HUGE = 1e-200, 1e200
"""Sums of squares outside are computed again, of numbers scaled to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Updates split into directions and sizes.

    Attributes:
        units: float64 (rules, numbers): each run divided by its norm; zeros where it
            has no direction.
        sizes: float64 (rules, runs): logarithms of the norms; 0 where there is none.
        kinds: int8 (rules, runs): regular, zero or not finite.
    """

    units: Floats
    sizes: Floats
    kinds: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.units)

    def row(self, number: int) -> "Directions":
        """Return those of one rule, by its number in the batch; a view."""
        return self.rows(slice(number, number + 1))

    def rows(self, numbers: slice | npt.NDArray[np.intp]) -> "Directions":
        """Return those of some rules, by their numbers in the batch."""
        return Directions(self.units[numbers], self.sizes[numbers], self.kinds[numbers])


def directions_of(rows: Floats) -> Directions:
    """Split updates into directions and sizes.

    Args:
        rows: (rules, numbers), as `probes.updates` returns them.

    Returns:
        Their directions.
    """
    with np.errstate(all="ignore"):
        squares = sums_of_squares(rows)
        extreme = ~((squares > TINY) & (squares < HUGE)).all(axis=1)
        norms, kinds = np.sqrt(squares), np.zeros(squares.shape, np.int8)
        if extreme.any():
            norms[extreme], kinds[extreme] = _careful_norms(rows[extreme])
        regular = kinds == REGULAR
        units = rows.reshape(-1, STEPS, COLUMNS) / _over_columns(norms)
        units[~np.isfinite(units)] = 0.0
    if not regular.all():
        units *= _over_columns(regular)
    sizes = np.log(np.where(regular, norms, 1.0))
    return Directions(units.reshape(rows.shape), sizes, kinds)


def _over_columns(of_runs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Repeat numbers of runs for each of their elements: (rules, 1, columns)."""
    return np.repeat(of_runs, ELEMENTS, axis=1)[:, None]


def _careful_norms(rows: Floats) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Return norms without overflow or underflow, and what kind of run each is."""
    columns = abs(rows).reshape(-1, STEPS, COLUMNS)
    largest = columns.max(axis=1).reshape(-1, RUNS, ELEMENTS).max(axis=2)
    scaled = columns / _over_columns(largest)
    norms = largest * np.sqrt(sums_of_squares(scaled.reshape(rows.shape)))
    kinds = np.full(largest.shape, REGULAR, np.int8)
    kinds[largest == 0] = ZERO
    # A norm beyond float64 counts as not finite too.
    kinds[(largest > 0) & ~np.isfinite(norms) | np.isnan(largest)] = NOT_FINITE
    return norms, kinds


def differences(one: Directions, others: Directions) -> Floats:
    """Return the difference of one rule from each of some others.

    Args:
        one: of one rule.
        others: of any number.

    Returns:
        float64 (others,), at least 0; infinity where the rules have no direction in
        different runs.
    """
    squared = sums_of_squares(others.units - one.units)
    regular = one.kinds == REGULAR
    ratios = np.where(regular, others.sizes - one.sizes, 0.0)
    count = max(1, int(regular.sum()))
    ratios -= np.where(regular, ratios.sum(axis=1, keepdims=True) / count, 0.0)
    # |a - c b|^2 / (|a| |c b|) = k + 1/k - 2 cos, with k = |a| / |c b|; and 2 - 2 cos
    # is the squared difference of the directions.
    with np.errstate(over="ignore"):
        found = np.sqrt(squared + (2 * np.sinh(ratios / 2)) ** 2).max(axis=1)
    agree = (others.kinds == one.kinds).all(axis=1)
    return np.where(agree, found, np.inf)


def similarity(one: Directions, other: Directions) -> float:
    """Return the mean cosine of two rules over all runs, to four digits.

    Args:
        one: of one rule.
        other: of one rule.

    Returns:
        A number in [-1, 1]. It is the same in any batch and order.
    """
    return round(float((one.units * other.units).sum()) / RUNS, 4) + 0.0
