"""Random search, the control group of every other searcher."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.origin import RANDOM
from neuralopt.searchers.base import BaseSearcher, Draft
from neuralopt.searchers.pending import Ask
from neuralopt.searchers.saved_state import generator_from
from neuralopt.searchers.searcher import Rows, Space


class UniformSearcher(BaseSearcher):
    """Proposes random valid rows, with replacement, and learns nothing.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
    """

    def __init__(self, space: Space, seed: int = 0) -> None:
        super().__init__(space, "uniform", {})
        self._rng = np.random.default_rng(seed)

    def _propose(self, given: Rows, count: int) -> Draft:
        draft = Draft(given, count)
        if count:
            draft.extend(self._space.sample(count, self._rng), RANDOM)
        return draft

    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Check the results against the oldest ask and discard them.

        Returns:
            Always {}.
        """
        return {}

    def _state(self) -> dict[str, Any]:
        return {"rng": self._rng.bit_generator.state}

    def _load(self, state: Mapping[str, Any]) -> None:
        self._rng = generator_from(state["rng"])
