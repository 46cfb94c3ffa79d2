"""How long uniform sampling takes in a table's space, in closed form.

Rows are drawn uniformly, with replacement. Rule r is drawn with probability p(r), its
share of the rows. Let S be the rules that are looked for and p(S) their common share.

Proposals: the draws up to the first of S, included, are geometric, with mean 1 / p(S).

Evaluations: a rule costs one training when it is drawn first, and nothing again; a
rejected rule costs nothing. A rule r outside S is trained before the first of S is
drawn if, of the draws that fall on r or S, the first falls on r: with probability
p(r) / (p(r) + p(S)). By linearity, with the training of the first of S itself,

    E[evaluations] = 1 + sum over trained r outside S of p(r) / (p(r) + p(S)).
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from neuralopt.tables.table import Table


def top(table: Table, share: float) -> NDArray[np.int64]:
    """Return the numbers of the best rules by their mean over seeds.

    Args:
        table: of a space.
        share: of the rules that were trained, in (0, 1]; rounded up to whole rules.

    Returns:
        Numbers of rules; more than the share where equals follow the last one.

    Raises:
        ValueError: share is out of range.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}: give a number in (0, 1]")
    count = math.ceil(share * int(table.trained.sum()))
    return np.flatnonzero(table.trained & (table.ranks <= count))


def expected_proposals(table: Table, wanted: Iterable[int]) -> float:
    """Return the mean number of proposals up to the first wanted rule.

    Args:
        table: of a space whose rows are drawn uniformly.
        wanted: numbers of rules that were trained.

    Returns:
        Proposals, the last one included; repeated rules count.

    Raises:
        ValueError: wanted is empty, or has a rule that was not trained.
    """
    return 1 / _share(table, _mask(table, wanted))


def expected_evaluations(table: Table, wanted: Iterable[int]) -> float:
    """Return the mean number of rules that are trained up to the first wanted one.

    Args:
        table: of a space whose rows are drawn uniformly.
        wanted: numbers of rules that were trained.

    Returns:
        Different rules trained, the last one included; see the module's text.

    Raises:
        ValueError: wanted is empty, or has a rule that was not trained.
    """
    mask = _mask(table, wanted)
    others = table.rows[table.trained & ~mask] / table.rows.sum()
    return 1 + float(np.sum(others / (others + _share(table, mask))))


def _share(table: Table, mask: NDArray[np.bool_]) -> float:
    return float(table.rows[mask].sum() / table.rows.sum())


def _mask(table: Table, wanted: Iterable[int]) -> NDArray[np.bool_]:
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[np.fromiter(wanted, np.int64)] = True
    if not mask.any() or (mask & ~table.trained).any():
        raise ValueError("wanted must hold at least one rule, and only trained ones")
    return mask
