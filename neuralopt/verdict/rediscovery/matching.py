"""Which rules equal a target, in form or in behaviour."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from neuralopt.behaviour.comparing import (
    REGULAR,
    TOLERANCE,
    Directions,
    differences,
    directions_of,
)
from neuralopt.behaviour.probes import updates
from neuralopt.language import Expression
from neuralopt.verdict.rediscovery.targets import Target

BATCH = 256
"""Rules probed together: 28 KB each."""


def equal_in_behaviour(
    rules: Sequence[Expression], targets: Sequence[Target]
) -> NDArray[np.bool_]:
    """Return which rules behave as which targets do, up to a positive factor.

    Args:
        rules: in any form.
        targets: that they are compared with.

    Returns:
        bool (rules, targets): whether `behaviour.comparing` calls them equal.
    """
    found = np.zeros((len(rules), len(targets)), np.bool_)
    for start in range(0, len(rules), BATCH):
        batch = directions_of(updates(rules[start : start + BATCH]))
        for place, target in enumerate(targets):
            one = _directions(target)
            # Equal rules have a cosine of at least 1 - TOLERANCE^2 / 2 in every run
            # that has a direction.
            runs = max(1, int((one.kinds == REGULAR).sum()))
            cosines = batch.units @ one.units[0]
            near = np.flatnonzero(cosines >= runs * (1 - TOLERANCE**2))
            if len(near):
                equal = differences(one, batch.rows(near)) <= TOLERANCE
                found[start + near, place] = equal
    return found


@cache
def _directions(target: Target) -> Directions:
    return directions_of(updates([target.rule], compiled=False))
