"""The part of a path that lies inside the picture, and what a legend says of it."""

import numpy as np

from neuralopt.landscapes.paths import Array, Trajectory

Box = tuple[tuple[float, float], ...]


def including(box: Box, points: Array) -> Box:
    """Return a box widened to hold points, with a margin where it was widened.

    Args:
        box: limits of each axis.
        points: (count, axes).
    """
    widened = []
    for (low, high), values in zip(box, points.T, strict=True):
        margin = 0.06 * (max(high, values.max()) - min(low, values.min()))
        if values.min() < low:
            low = float(values.min() - margin)
        if values.max() > high:
            high = float(values.max() + margin)
        widened.append((low, high))
    return tuple(widened)


def visible(path: Trajectory, box: Box) -> tuple[Array, str]:
    """Cut a path that ends outside of the box at the edge where it leaves for good.

    Args:
        path: the path, which starts in the box.
        box: limits of each axis of its points.

    Returns:
        The points to draw, and a note for the legend; "" if the path stays.
    """
    low, high = np.array(box).T
    inside = ((path.points >= low) & (path.points <= high)).all(1)
    if inside[-1]:
        return (
            path.points,
            f"diverges at step {path.steps + 1}" if path.diverged else "",
        )
    last = int(np.flatnonzero(inside)[-1])
    here, there = path.points[last], path.points[last + 1]
    verb = "diverges, leaves" if path.diverged else "leaves"
    note = f"{verb} the picture at step {path.numbers[last + 1]:.0f}"
    if not np.isfinite(there).all():
        return path.points[: last + 1], note
    move = there - here
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(move > 0, (high - here) / move, (low - here) / move)
    edge = here + np.nanmin(np.where(move == 0, np.nan, shares)) * move
    return np.vstack([path.points[: last + 1], edge]), note
