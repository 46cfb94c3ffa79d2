"""The size of a line of text with formulas in it."""

from functools import lru_cache

FAMILY = "cm"
"""Fonts of formulas."""

_MEASURED = 40.0


def text_width(line: str) -> float:
    """Return the width of a line at a size of one point, with some room at its ends.

    Args:
        line: text, with mathtext between dollars.
    """
    return _extent(line)[0]


def text_height(line: str) -> float:
    """Return the height of a line at a size of one point, at least 1.

    Args:
        line: text, with mathtext between dollars.
    """
    return _extent(line)[1]


@lru_cache(maxsize=4096)
def _extent(line: str) -> tuple[float, float]:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=_MEASURED, math_fontfamily=FAMILY)
    box = TextPath((0, 0), line, prop=font).get_extents()
    return 1.04 * float(box.width) / _MEASURED, max(1.0, float(box.height) / _MEASURED)
