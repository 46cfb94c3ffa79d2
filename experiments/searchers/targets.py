"""What searches are timed to: the best rules of a table, and the named ones."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.table.page import FORMS, places
from neuralopt.tables import Table, expected_evaluations, top

SHARES = (0.01, 0.001, 0.0001)

LABELS: Mapping[str, str] = {
    "m/sqrt(v)": "Adam",
    "rmsprop": "RMSProp",
    "sign(g)+sign(m)": "sign(g)+sign(m)",
    "signum": "Signum",
    "signsgd": "signSGD",
    "momentum_ema": "momentum",
    "sgd": "SGD",
}
"""What some named rules of the table are called here; the others keep their names."""


def targets_of(table: Table) -> dict[str, list[int]]:
    """Return numbers of rules by the name of the target.

    Args:
        table: of a space.

    Returns:
        The best shares by the mean over seeds among the trained rules, then every named
        rule that the space can say, each once.
    """
    found = {f"top {share:.2%}": top(table, share).tolist() for share in SHARES}
    named = places(table)
    for name in [*LABELS, *named]:
        number = named.get(name)
        taken = any(found[each] == [number] for each in found)
        if number is not None and table.trained[number] and not taken:
            found[LABELS.get(name, name)] = [number]
    return found


def uniform_evaluations(table: Table) -> dict[str, float]:
    """Return the mean evaluations of uniform sampling to each target, in closed form.

    Args:
        table: of a space.
    """
    return {
        name: expected_evaluations(table, numbers)
        for name, numbers in targets_of(table).items()
    }


def named_texts() -> dict[str, str]:
    """Return names of the named rules, as used here, by canonical text."""
    found: dict[str, str] = {}
    for name in [*LABELS, *FORMS]:
        found.setdefault(FORMS[name], LABELS.get(name, name))
    return found


def quality_at(
    steps: Sequence[tuple[float, float]], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the value of a step function at some places.

    Args:
        steps: place and value, the places rising.
        places: where it is read; before the first step the value is 0.
    """
    at = np.array([place for place, _ in steps])
    values = np.array([0.0, *(value for _, value in steps)])
    found: NDArray[np.float64] = values[np.searchsorted(at, places, side="right")]
    return found
