"""Colours of all pictures, chosen to be told apart by colour-blind people too.

They are those of Okabe and Ito, https://jfly.uni-koeln.de/color/.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8C8C8C"
SILVER = "#B0B0B0"
PALE = "#D9D9D9"
INK = "#333333"

CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, YELLOW)
"""For things without a colour of their own, in this order."""

FOUND = BLUE
"""What the search found."""

SEQUENTIAL = "cividis"
"""Colour map of quantities, by matplotlib's name; plotly has it too."""

STATUS_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "scored": BLUE,
        "stopped": SKY,
        "diverged": VERMILION,
        "rejected": ORANGE,
        "duplicate": GREY,
        "failed": PURPLE,
        "quarantined": BLACK,
        "pending": PALE,
    }
)
"""By status of a proposal."""

BASELINE_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "adam": VERMILION,
        "adamw": ORANGE,
        "rmsprop": GREEN,
        "momentum": PURPLE,
        "nesterov": SKY,
        "sgd": BLACK,
        "powersign": SKY,
        "addsign": GREY,
        "lion": INK,
    }
)
"""By name of an optimizer that others are compared with."""


def baseline_colour(name: str, place: int = 0) -> str:
    """Return the colour of a baseline.

    Args:
        name: of the optimizer.
        place: of it among those drawn, for a name without a colour of its own.

    Returns:
        The colour as #RRGGBB.
    """
    return BASELINE_COLOURS.get(name, CYCLE[place % len(CYCLE)])


def rule_colours(names: Sequence[str]) -> list[str]:
    """Return colours of rules that are drawn together, no two of them equal.

    Args:
        names: of the rules, as many as CYCLE has colours at most. One that is there
            several times has no colour of its own.

    Returns:
        For each name its colour as a baseline, if it has one that is not taken; else
        the next free one of CYCLE.
    """
    own: dict[str, str] = {}
    for name, count in Counter(names).items():
        colour = BASELINE_COLOURS.get(name)
        if count == 1 and colour is not None and colour not in own.values():
            own[name] = colour
    free = (colour for colour in CYCLE if colour not in own.values())
    return [own[name] if name in own else next(free) for name in names]
