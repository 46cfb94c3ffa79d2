"""The space of settings, the same for every contender, and a design of points in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from neuralopt.verdict.tuning.dials import (
    LEAST_DECAY,
    MOST_DECAY,
    MOST_DECAYS,
    MOST_EPSILONS,
    Dial,
)
from neuralopt.verdict.tuning.setting import CONSTANT, Setting

RATE_DECADES = 1.0
"""On either side of the best rate that is known so far."""

SHRINKAGES = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
"""Weight decay times learning rate times steps. A weight without gradients shrinks to
exp(-shrinkage) in a training at a constant rate, for every rule alike: the usual rates
of rules differ by factors of 1,000, and so would the effect of one decay."""

SCHEDULE_CHOICES = tuple(
    (schedule, warmup)
    for schedule in (CONSTANT, "cosine", "linear")
    for warmup in (0.0, 0.05)
)

DECAY_DECADES = 1.0
"""Of 1 - decay, on either side of the rule's own."""

EPSILONS = (1e-10, 1e-2)

DIMENSIONS = 3 + MOST_DECAYS + MOST_EPSILONS

NEAR_BORDER = 0.02
"""Share of a dial's range, at each end, in which it does not count as interior."""


def design(count: int, seed: int) -> NDArray[np.float64]:
    """Return points of the unit cube: Halton's sequence, shifted modulo 1.

    Source: Halton 1960; Cranley and Patterson 1976 (the shift).

    Args:
        count: points; those of a shorter design come first in a longer one.
        seed: of the shift.

    Returns:
        (count, DIMENSIONS), in [0, 1).
    """
    points = qmc.Halton(DIMENSIONS, scramble=False).random(count)
    shift = np.random.default_rng(seed).random(DIMENSIONS)
    shifted: NDArray[np.float64] = (points + shift) % 1.0
    return shifted


@dataclass(frozen=True, slots=True)
class Space:
    """Settings of a contender around a learning rate.

    Attributes:
        dials: of the rule.
        steps: of the training that is tuned.
    """

    dials: tuple[Dial, ...]
    steps: int

    def setting(self, point: NDArray[np.float64], rate: float) -> Setting:
        """Return the setting at a point of the unit cube.

        Args:
            point: (DIMENSIONS,), in [0, 1): of the rate, the shrinkage, the schedule
                with or without warm-up, decays and epsilons.
            rate: in the middle of the range of rates.
        """
        chosen = significant(rate * 10 ** (RATE_DECADES * (2 * point[0] - 1)))
        shrinkage = SHRINKAGES[int(point[1] * len(SHRINKAGES))]
        schedule, warmup = SCHEDULE_CHOICES[int(point[2] * len(SCHEDULE_CHOICES))]
        decay = significant(shrinkage / (chosen * self.steps))
        places = {
            "decay": iter(point[3 : 3 + MOST_DECAYS]),
            "epsilon": iter(point[3 + MOST_DECAYS :]),
        }
        dials = tuple(
            _at(*dial_range(dial), float(next(places[dial.kind])), dial)
            for dial in self.dials
        )
        return Setting(chosen, decay, schedule, warmup, dials)

    def is_interior(self, setting: Setting) -> dict[str, bool]:
        """Return whether decay and dials are inside their ranges, by name.

        The least decay, 0, has nothing below it and counts as inside.

        Args:
            setting: of this space.
        """
        shrinkage = setting.decay * setting.rate * self.steps
        found = {"weight decay": shrinkage < 0.99 * SHRINKAGES[-1]}
        for dial, value in zip(self.dials, setting.dials, strict=True):
            low, high = np.log(dial_range(dial))
            place = (np.log(_scaled(dial, value)) - low) / (high - low)
            inside = NEAR_BORDER <= place <= 1 - NEAR_BORDER
            found[f"{dial.kind} {dial.value:g}"] = bool(inside)
        return found


def dial_range(dial: Dial) -> tuple[float, float]:
    """Return the range of a dial: of 1 - decay, or of the epsilon.

    Args:
        dial: of a rule.

    Returns:
        (low, high), both positive.
    """
    if dial.kind == "epsilon":
        return EPSILONS
    rest, factor = 1 - dial.value, 10**DECAY_DECADES
    return max(1 - MOST_DECAY, rest / factor), min(1 - LEAST_DECAY, rest * factor)


def significant(value: float) -> float:
    """Return a number rounded to three significant digits, to be read and copied.

    Args:
        value: of any size.
    """
    return float(f"{value:.3g}")


def _at(low: float, high: float, place: float, dial: Dial) -> float:
    """The value of a dial at a place of its range, in [0, 1], on a log scale."""
    value = significant(low * (high / low) ** place)
    return value if dial.kind == "epsilon" else round(1 - value, 7)


def _scaled(dial: Dial, value: float) -> float:
    return value if dial.kind == "epsilon" else 1 - value
