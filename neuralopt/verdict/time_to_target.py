"""Read off when trainings first reached a target."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def median_target(final: ArrayLike) -> float:
    """Return the target that a reference sets: the median of its final losses.

    Args:
        final: final losses of the reference's trainings, shape (seeds,); inf where a
            training diverged.

    Returns:
        The median. Of an even number of seeds it is the mean of the two in the middle.

    Raises:
        ValueError: there is none, one is NaN, or the median is infinite: half of the
            reference's trainings diverged, and it sets no target.
    """
    losses = np.asarray(final, dtype=np.float64)
    if losses.ndim != 1 or losses.size == 0 or np.isnan(losses).any():
        raise ValueError(f"final losses are {losses.tolist()}; give one a seed, no NaN")
    with np.errstate(invalid="ignore"):
        middle = float(np.median(losses))
    if not np.isfinite(middle):
        raise ValueError(
            "half of the reference's trainings diverged, so it sets no target: take "
            "another reference or a smaller learning rate"
        )
    return middle


def first_at_or_below(
    steps: ArrayLike, losses: ArrayLike, target: float, *, interpolate: bool = False
) -> NDArray[np.float64]:
    """Return the step of the first measurement at or below a target.

    Without interpolation the answer is the step of a measurement, and late by up to the
    distance between two. With it, the loss is taken to fall linearly between the last
    measurement above the target and the first at or below it.

    Args:
        steps: of the measurements, shape (points,), rising.
        losses: measured there, shape (..., points); NaN or inf after a divergence.
        target: loss to reach.
        interpolate: between the two measurements on both sides of the target.

    Returns:
        Shape (...): steps; inf where the target was never reached.

    Raises:
        ValueError: shapes disagree, there are no points, steps do not rise, or the
            target is NaN.

    Example:
        >>> first_at_or_below([10, 20, 30], [3.0, 1.5, 1.0], 2.0).item()
        20.0
        >>> found = first_at_or_below([10, 20], [3.0, 1.0], 2.0, interpolate=True)
        >>> found.item()
        15.0
    """
    at = np.asarray(steps, dtype=np.float64)
    table = np.asarray(losses, dtype=np.float64)
    if at.ndim != 1 or at.size == 0 or table.shape[-1:] != at.shape:
        raise ValueError(
            f"losses have shape {table.shape} for steps of shape {at.shape}; the last "
            "axis of losses is that of one or more steps"
        )
    if not np.all(np.diff(at) > 0):
        raise ValueError(f"steps must rise, they are {at.tolist()}")
    if np.isnan(target):
        raise ValueError("the target is NaN; give a loss")
    reached = table <= target
    first = np.argmax(reached, axis=-1)
    found = at[first]
    if interpolate:
        before = np.maximum(first - 1, 0)
        high = np.take_along_axis(table, before[..., None], -1)[..., 0]
        low = np.take_along_axis(table, first[..., None], -1)[..., 0]
        # From a loss that was not finite there is no line.
        line = (first > 0) & np.isfinite(high) & np.isfinite(low)
        high, low = np.where(line, high, 1.0), np.where(line, low, 0.0)
        share = np.where(line, (high - target) / (high - low), 1.0)
        found = at[before] + share * (at[first] - at[before])
    return np.asarray(np.where(reached.any(axis=-1), found, np.inf), dtype=np.float64)
