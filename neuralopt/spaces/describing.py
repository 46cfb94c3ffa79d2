"""The cell of a rule in a grid: the families of its behaviour, and its size."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuralopt.language import Expression

SIZES = (2, 4, 6, 8, 10, 13, 17, 22, 30)
"""Largest number of nodes of each size but the last."""


def cells_of(canonical: Sequence[Expression]) -> NDArray[np.int64]:
    """Return the cell of each rule.

    Args:
        canonical: Rules in canonical form.

    Returns:
        int64 (rules, 2): the families that a rule belongs to, as bits in the order of
        `behaviour.families.FAMILIES`; and the place of its size among SIZES.
    """
    # Only searchers that ask for cells load what computes behaviours.
    from neuralopt.behaviour.comparing import directions_of
    from neuralopt.behaviour.families import FAMILIES, families_of
    from neuralopt.behaviour.probes import updates

    bits = {family: 1 << place for place, family in enumerate(FAMILIES)}
    rows = updates(canonical)
    families = families_of(canonical, rows, directions_of(rows))
    kinds = [sum(bits[family] for family in each) for each in families]
    sizes = np.searchsorted(SIZES, [rule.size for rule in canonical])
    return np.stack([np.array(kinds, np.int64), sizes], axis=1)
