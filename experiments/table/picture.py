"""A histogram as SVG, with named values marked. Needs no plotting package."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 90, 40
BINS = 70


def histogram(values: NDArray[np.float64], marks: Mapping[str, float]) -> str:
    """Draw a histogram whose counts have a logarithmic scale.

    Args:
        values: in [0, 1].
        marks: values to be marked, by name.

    Returns:
        The text of an SVG file.
    """
    end = max(0.05, float(values.max()), *marks.values()) * 1.02
    counts, edges = np.histogram(values, BINS, (0.0, end))
    decades = max(1, int(np.ceil(np.log10(counts.max() + 1))))

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / end

    def height(count: float) -> float:
        """Of a bar; one that is empty has none, a single rule has some."""
        room = HEIGHT - TOP - BOTTOM
        return room * (np.log10(count) + 0.15) / (decades + 0.15) if count else 0.0

    floor = HEIGHT - BOTTOM
    shapes = []
    for count, low, high in zip(counts, edges, edges[1:], strict=False):
        x, width, tall = across(low), across(high) - across(low) - 1, height(count)
        shapes.append(
            f'<rect x="{x:.1f}" y="{floor - tall:.1f}" width="{width:.1f}" '
            f'height="{tall:.1f}" fill="#4878a8"/>'
        )
    for power in range(decades + 1):
        y = floor - height(10.0**power)
        shapes.append(_text(LEFT - 6, y + 4, f"{10**power:,}", "end"))
        shapes.append(_line(LEFT - 3, y, WIDTH - RIGHT, y, "#ddd"))
    shapes += [
        _text(across(value), floor + 16, f"{value:.1f}", "middle")
        for value in np.arange(0.0, end, 0.1)
    ]
    shapes.append(_text(WIDTH / 2, HEIGHT - 6, "quality", "middle"))
    shapes.append(_text(6, TOP - 78, "rules", "start"))
    for place, (name, value) in enumerate(sorted(marks.items(), key=lambda m: m[1])):
        x, y = across(value), TOP - 10 - 11 * (place % 7)
        shapes.append(_line(x, y, x, floor, "#b03030"))
        shapes.append(_text(x - 3, y + 4, name, "end"))
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, color: str) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{color}"/>'
