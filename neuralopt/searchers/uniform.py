"""Random search: the control group of every other searcher; learns nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neuralopt.searchers.pending import PendingAsks, checked_count
from neuralopt.searchers.saved_state import check_header, generator_from, header
from neuralopt.searchers.searcher import Rows, Space


class UniformSearcher:
    """Proposes rows that the space samples at random, with replacement.

    Args:
        space: what rows are made of.
        seed: of the proposals, 0 or more.
    """

    def __init__(self, space: Space, seed: int = 0) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)
        self._outstanding = PendingAsks(len(space.choices))
        self._header = header("uniform", space.choices, {})

    def ask(self, count: int) -> Rows:
        """Return ``count`` random rows; see ``Searcher.ask``."""
        rows = np.empty((0, len(self._space.choices)), np.int64)
        if number := checked_count(count):
            rows = self._space.sample(number, self._rng)
        return self._outstanding.add(rows)

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        """Check the results against the oldest ask and forget them; return {}."""
        self._outstanding.take(rows, rewards)
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot; see ``Searcher.state_dict``."""
        return {
            **self._header,
            "rng": self._rng.bit_generator.state,
            "outstanding": self._outstanding.state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot; see ``Searcher.load_state_dict``."""
        check_header(state, self._header)
        self._rng = generator_from(state["rng"])
        self._outstanding.load(state["outstanding"])
