"""What a searcher is and what it needs of a space; nothing of expressions or tasks."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rows = NDArray[np.int64]  # (count, D): one proposal a row, one decision a column


class Space(Protocol):
    """The part of a space that a searcher uses: rows of decisions, never their meaning.

    A row is valid exactly when every decision is allowed by the mask that follows from
    the decisions before it, and every prefix the masks allow can be completed.
    """

    @property
    def choices(self) -> Sequence[int]:
        """Number of choices of each of the D decisions."""

    def masks(self, prefixes: Rows, /) -> NDArray[np.bool_]:
        """Allowed choices of decision k, (batch, choices[k]), given the k before it."""

    def sample(self, count: int, rng: np.random.Generator, /) -> Rows:
        """Random valid rows, (count, D)."""

    def mutate(self, row: Rows, rng: np.random.Generator, /) -> Rows:
        """A valid row near ``row`` (D,), which stays as it is."""

    def valid(self, row: Rows, /) -> bool:
        """Whether the row (D,) obeys every mask."""


class Searcher(Protocol):
    """Proposes rows of decisions and learns from their rewards.

    ``ask`` may be called any number of times before results come back. Each ``ask`` is
    answered by one ``tell`` of the same rows, in ask order::

        rows = searcher.ask(32)
        rewards = ...                      # in [0, 1]; NaN where there is no result
        diagnostics = searcher.tell(rows, rewards)

    What is proposed depends on the seed, the options and what was told, and on nothing
    else: not on global random state, the number of threads or the time.
    """

    def ask(self, count: int) -> Rows:
        """Return ``count`` valid rows, (count, D); the array is the caller's to keep.

        An ask of 0 rows is an ask like any other: it is told, in its turn.

        Raises:
            ValueError: ``count`` is negative or not a whole number.
        """

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        """Learn from the oldest ask without results; return diagnostics.

        Args:
            rows: (count, D), as asked, in the same order.
            rewards: (count,), in [0, 1], higher is better; NaN means "no result" (a
                failure of the machine, not of the rule) and teaches nothing.

        Raises:
            ValueError: nothing is outstanding, the rows are not those of the oldest
                ask, or a reward is outside [0, 1]. The searcher is then unchanged.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot of everything that what follows depends on.

        It is made of what ``torch.load(..., weights_only=True)`` accepts.
        """

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was called.

        Raises:
            ValueError: the state is of another kind of searcher, another space or other
                options.
        """
