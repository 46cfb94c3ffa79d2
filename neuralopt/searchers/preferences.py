"""What a searcher prefers, for those that can say it."""

import numpy as np
from numpy.typing import NDArray


def preferences_of(searcher: object) -> list[NDArray[np.float64]]:
    """Return the mean probability of each choice of each decision.

    Asking for it changes neither what a searcher proposes nor its saved state.

    Args:
        searcher: of any kind; those with preferences have a method ``preferences``.

    Returns:
        For each decision, the probabilities of its choices, which add up to 1; empty
        for a searcher without preferences.
    """
    ask = getattr(searcher, "preferences", None)
    found: list[NDArray[np.float64]] = [] if ask is None else ask()
    return found
