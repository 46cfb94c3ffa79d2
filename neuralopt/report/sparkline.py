"""Render a curve as a one-line sparkline."""

import itertools
import math
from collections.abc import Sequence
from typing import TextIO

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-:=+*#"


def sparkline(
    values: Sequence[float],
    width: int = 8,
    *,
    low: float | None = None,
    high: float | None = None,
    unicode: bool = True,
) -> str:
    """Return the curve as at most ``width`` characters, higher for larger values.

    Neighbours are averaged down to the width. A part of the curve with a value that is
    not finite is shown as ``!``. Values outside [low, high] are shown at that end.

    Args:
        values: in the order of time.
        width: characters, at least 1; fewer are used for fewer values.
        low: value of the lowest character; the smallest finite one if not given.
        high: value of the highest character; the largest finite one if not given.
        unicode: blocks, else characters that every terminal has.

    Returns:
        Text of the alphabet BLOCKS or ASCII, and ``!``.

    Example:
        >>> sparkline([8, 7, 6, 5, 4, 3, 2, 1], unicode=False)
        '#*+=:-._'
    """
    levels = BLOCKS if unicode else ASCII
    parts = [_mean(part) for part in _parts(values, width)]
    finite = [part for part in parts if math.isfinite(part)]
    bottom = min(finite, default=0.0) if low is None else low
    top = max(finite, default=0.0) if high is None else high
    letters = []
    for part in parts:
        if not math.isfinite(part):
            letters.append("!")
            continue
        height = (part - bottom) / (top - bottom) if top > bottom else 0.0
        letters.append(levels[round(min(1.0, max(0.0, height)) * (len(levels) - 1))])
    return "".join(letters)


def supports_unicode(stream: TextIO | None) -> bool:
    """Return whether blocks can be written to the stream in its encoding.

    Args:
        stream: of text; None, or one without an encoding, counts as ASCII.

    Returns:
        False if the encoding lacks a block or is unknown.
    """
    encoding = getattr(stream, "encoding", None)
    try:
        (BLOCKS + "━").encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _parts(values: Sequence[float], width: int) -> list[Sequence[float]]:
    """The values cut into at most ``width`` pieces of nearly equal length."""
    count = min(width, len(values))
    edges = [round(k * len(values) / count) for k in range(count + 1)] if count else [0]
    return [values[a:b] for a, b in itertools.pairwise(edges)]


def _mean(part: Sequence[float]) -> float:
    # Divided before adding: a diverging curve may hold values near the largest float.
    return sum(value / len(part) for value in part)
