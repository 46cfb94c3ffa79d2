"""Which named rules and families a rule is like in behaviour."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralopt.behaviour.comparing import directions_of
from neuralopt.behaviour.description import LIKE
from neuralopt.behaviour.families import families_of
from neuralopt.behaviour.naming import named_rules, similarities
from neuralopt.behaviour.probes import updates
from neuralopt.language import Expression

COMPILED_FROM = 64
"""Of fewer rules the updates are computed sooner than the kernels load."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a rule is like.

    Attributes:
        names: the named rules to which its similarity is at least `LIKE`.
        families: see `neuralopt.behaviour.families`.
    """

    names: frozenset[str]
    families: tuple[str, ...]


def likenesses(expressions: Sequence[Expression]) -> list[Likeness]:
    """Return what rules are like in behaviour.

    Args:
        expressions: the rules, in any form.

    Returns:
        A likeness for each, in the same order.

    Example:
        >>> from neuralopt.language import parse
        >>> (found,) = likenesses([parse("2 * m / (sqrt(v) + 1e-8)")])
        >>> "adam" in found.names, "momentum" in found.names
        (True, False)
    """
    if not expressions:
        return []
    compiled = len(expressions) >= COMPILED_FROM
    rows = updates(expressions, compiled=compiled)
    directions = directions_of(rows)
    families = families_of(expressions, rows, directions, compiled=compiled)
    # Similarities are told to four digits, so they are compared likewise.
    near = np.round(similarities(directions).astype(np.float64), 4) >= LIKE
    names = np.array(named_rules().names)
    return [
        Likeness(frozenset(names[row].tolist()), each)
        for row, each in zip(near, families, strict=True)
    ]
