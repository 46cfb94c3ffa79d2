"""Whether a trajectory is that of the walk, as far as rounding allows."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.fuzz.walking import Values, Walker
from neuralopt.language import Expression

STEPS = TOTAL_STEPS = 4
RATE = 0.25

TOLERANCE = 1e-9
"""Relative, where rounding is not amplified."""

MARGIN = 100.0
"""How many times the spread of disturbed walks a result may be off."""

DISTURBED = 24
"""Walks that show how far rounding may move a result."""

Path = list[Values]
"""The parameter after each step."""


@dataclass(frozen=True)
class Case:
    """A training on given gradients.

    Attributes:
        shape: of the parameter.
        start: the parameter, row by row.
        gradients: of each step.
        losses: of each step.
        seed: of random bits.
    """

    shape: tuple[int, ...]
    start: Values
    gradients: list[Values]
    losses: Values
    seed: int


def random_case(rng: random.Random, shape: tuple[int, ...]) -> Case:
    """Return a training with gradients of mixed sizes, some of them extreme."""
    count = math.prod(shape)

    def row() -> Values:
        kind = rng.random()
        if kind < 0.1:
            return [0.0] * count
        if kind < 0.2:
            extremes = (0.0, -0.0, 1.0, -1.0, 1e300, -1e-300, 5e-324, 1e160)
            return rng.choices(extremes, k=count)
        size = 10.0 ** rng.randint(-6, 4)
        return [size * rng.gauss(0.0, 1.0) for _ in range(count)]

    losses = [2.0 / (1.0 + step) for step in range(STEPS)]
    gradients = [row() for _ in range(STEPS)]
    start = [rng.gauss(0.0, 1.0) for _ in range(count)]
    return Case(shape, start, gradients, losses, rng.randrange(1000))


def walk(
    rule: Expression,
    case: Case,
    still: bool = False,
    noise: random.Random | None = None,
) -> Path:
    """Train by an independent walk over the tree.

    Args:
        rule: canonical, if it draws random numbers: their streams are its own.
        case: the training.
        still: whether the parameter stays where it is.
        noise: see `Walker`.

    Returns:
        The rule's value at each step if the parameter is still, else the parameter
        after each step ``w <- w - RATE * rule``.
    """
    walker = Walker(rule, case.shape, case.seed, TOTAL_STEPS, noise)
    w, path = case.start, []
    for g, loss in zip(case.gradients, case.losses, strict=True):
        value = walker.step(g, w, loss)
        if not still:
            w = [x - RATE * y for x, y in zip(w, value, strict=True)]
        path.append(value if still else w)
    return path


def difference(
    rule: Expression, case: Case, expected: Path, found: Path, still: bool = False
) -> str:
    """Return where two trajectories of a rule differ more than rounding explains.

    Args:
        rule: that was walked.
        case: the training.
        expected: what `walk` returned.
        found: by something else.
        still: as it was walked.

    Returns:
        A sentence; empty if they agree.
    """
    suspects = [
        (step, element)
        for step, (one, other) in enumerate(zip(expected, found, strict=True))
        for element, (x, y) in enumerate(zip(one, other, strict=True))
        if not _close(x, y)
    ]
    if not suspects:
        return ""
    # What came of an explained difference, in later steps and other elements, is
    # covered by the same disturbed walks.
    walks = [walk(rule, case, still, random.Random(seed)) for seed in range(DISTURBED)]
    for step, element in suspects:
        x, y = expected[step][element], found[step][element]
        others = [path[step][element] for path in walks]
        if not _explained(x, y, others):
            return f"step {step}, element {element}: {y!r} instead of {x!r}"
    return ""


def finite_part(path: Path) -> int:
    """Return how many steps pass before a number is not finite."""
    for step, row in enumerate(path):
        if not all(map(math.isfinite, row)):
            return step
    return len(path)


def _close(x: float, y: float) -> bool:
    if x == y or (math.isnan(x) and math.isnan(y)):
        return True
    return math.isfinite(x) and math.isfinite(y) and abs(x - y) <= TOLERANCE * abs(x)


def _explained(x: float, y: float, others: Sequence[float]) -> bool:
    """Whether rounding that moves x to others may as well move it to y."""
    if any(_close(other, y) for other in others):
        return True
    if not math.isfinite(x):
        return any(not _close(x, other) for other in others)
    if not all(map(math.isfinite, others)):
        return True
    if not math.isfinite(y):
        return False
    return abs(x - y) <= MARGIN * max(abs(x - other) for other in others)
