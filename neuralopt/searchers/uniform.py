"""Random search, the control group of every other searcher."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neuralopt.searchers.pending import PendingAsks, checked_count
from neuralopt.searchers.saved_state import check_header, generator_from, header
from neuralopt.searchers.searcher import Rows, Space


class UniformSearcher:
    """Proposes random valid rows, with replacement, and learns nothing.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
    """

    def __init__(self, space: Space, seed: int = 0) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)
        self._outstanding = PendingAsks(space)
        self._header = header("uniform", space.choices, {})

    def enqueue(self, rows: Rows) -> None:
        """Propose given rows before any others; see ``Searcher.enqueue``.

        Args:
            rows: int64 (count, D), valid.

        Raises:
            ValueError: A row is not valid in the space.
        """
        self._outstanding.enqueue(rows)

    def ask(self, count: int) -> Rows:
        """Draw random rows; see ``Searcher.ask``.

        Args:
            count: Number of rows, 0 or more.

        Returns:
            int64 (count, D).

        Raises:
            ValueError: ``count`` is negative or not a whole number.
        """
        number = checked_count(count)
        rows = self._outstanding.queued(number)
        if left := number - len(rows):
            rows = np.concatenate([rows, self._space.sample(left, self._rng)])
        return self._outstanding.add(rows)

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        """Check the results against the oldest ask and discard them.

        Args:
            rows: (count, D), as asked, in the same order.
            rewards: (count,), in [0, 1]; NaN means "no result".

        Returns:
            Always {}.

        Raises:
            ValueError: No ask is open, the rows are not those of the oldest ask, or a
                reward is outside [0, 1].
        """
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
        """Continue from a snapshot; see ``Searcher.load_state_dict``.

        Args:
            state: The result of ``state_dict``.

        Raises:
            ValueError: The state belongs to another searcher, space or set of options.
        """
        check_header(state, self._header)
        self._rng = generator_from(state["rng"])
        self._outstanding.load(state["outstanding"])
