"""What every searcher's saved state begins with, and how it is checked on loading."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def header(
    searcher: str, choices: Sequence[int], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a state must agree on with the searcher that loads it."""
    return {
        "searcher": searcher,
        "choices": [int(c) for c in choices],
        "options": dict(options),
    }


def check_header(state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise ValueError naming the first disagreement of a state with its loader."""
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
    """Return a generator that continues from ``rng.bit_generator.state``."""
    rng = np.random.default_rng(0)
    rng.bit_generator.state = dict(state)
    return rng
