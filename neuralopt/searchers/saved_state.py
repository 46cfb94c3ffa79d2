"""The common head of every searcher's saved state, and its check on loading."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def header(
    searcher: str, choices: Sequence[int], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the entries in which a state and the searcher that loads it must agree.

    Args:
        searcher: Name of the searcher.
        choices: Number of choices of each decision.
        options: Options of the searcher.
    """
    return {
        "searcher": searcher,
        "choices": [int(c) for c in choices],
        "options": dict(options),
    }


def check_header(state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Check that a saved state fits the searcher that loads it.

    Args:
        state: The saved state.
        expected: The header of the searcher that loads it.

    Raises:
        ValueError: They disagree; the message names the first disagreement.
    """
    for key, wanted in expected.items():
        if key not in state:
            raise ValueError(
                f"saved searcher state has no {key!r}: is it a searcher's?"
            )
        found = state[key]
        if found == wanted:
            continue
        if isinstance(wanted, Mapping) and isinstance(found, Mapping):
            for name in sorted({*wanted, *found}):
                if found.get(name) != wanted.get(name):
                    key = f"option {name}"
                    found, wanted = found.get(name), wanted.get(name)
                    break
        raise ValueError(
            f"saved searcher state has {key} {found!r}, this searcher {wanted!r}: "
            "load it into a searcher made as the saved one was"
        )


def generator_from(state: Mapping[str, Any]) -> np.random.Generator:
    """Return a random generator that continues from a saved state.

    Args:
        state: A value of ``rng.bit_generator.state``.
    """
    rng = np.random.default_rng(0)
    rng.bit_generator.state = dict(state)
    return rng
