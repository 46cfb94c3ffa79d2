"""Correct p-values for the number of comparisons, by Holm's procedure."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted for their number m: reject where adjusted <= alpha.

    With p_(1) <= ... <= p_(m), adjusted p_(i) = max over j <= i of (m - j + 1) p_(j),
    at most 1. The probability of one or more false rejections is at most alpha, for any
    dependence between the comparisons, and never fewer are rejected than by
    Bonferroni's m p.

    Args:
        p_values: shape (m,), each in [0, 1]; m may be 0.

    Returns:
        Shape (m,), in the order given.

    Raises:
        ValueError: not a vector, or a value outside [0, 1] or NaN.

    Source:
        Holm 1979, A simple sequentially rejective multiple test procedure.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError(f"p-values have shape {p.shape}; Holm takes a vector (m,)")
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p-values lie in [0, 1], got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    remaining = len(p) - np.arange(len(p))
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, remaining * p[order]))
    return adjusted


def holm_levels(p_values: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return the level at which Holm's procedure tested each of the m p-values.

    A p-value is rejected exactly when it is at most its level, so an interval of that
    level excludes zero exactly when the difference is called one. Once a test fails,
    the ones after it get the level of the failed one; equal p-values share a level.

    Args:
        p_values: shape (m,), each in [0, 1], not adjusted.
        alpha: probability, at most, of one or more false rejections.

    Returns:
        Shape (m,), in the order given.

    Raises:
        ValueError: as `holm`.
    """
    count = len(p_values)
    rejected = int(np.sum(holm(p_values) <= alpha))
    earlier = np.searchsorted(np.sort(p_values), p_values, side="left")
    levels: NDArray[np.float64] = alpha / (count - np.minimum(earlier, rejected))
    return levels
