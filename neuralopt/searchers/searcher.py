"""The protocols of a searcher and of the space that it searches."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rows = NDArray[np.int64]  # (count, D): one proposal a row, one decision a column


class Space(Protocol):
    """The part of a space that searchers use: rows of decisions without their meaning.

    A row is valid exactly when every decision is allowed by the mask that follows from
    the decisions before it, and every prefix that the masks allow can be completed.
    """

    @property
    def choices(self) -> Sequence[int]:
        """Number of choices of each of the D decisions."""

    @property
    def context(self) -> Sequence[Sequence[int]]:
        """For each decision, the earlier decisions that it builds on."""

    def masks(self, prefixes: Rows, /) -> NDArray[np.bool_]:
        """Return the allowed choices of decision k, given the k decisions before it.

        Args:
            prefixes: int64 (batch, k).

        Returns:
            bool (batch, choices[k]).
        """

    def sample(self, count: int, rng: np.random.Generator, /) -> Rows:
        """Draw random valid rows.

        Args:
            count: Number of rows.
            rng: Source of the random numbers.

        Returns:
            int64 (count, D).
        """

    def mutate(self, row: Rows, rng: np.random.Generator, /) -> Rows:
        """Return a valid row near a given one.

        Args:
            row: int64 (D,); it is not modified.
            rng: Source of the random numbers.

        Returns:
            int64 (D,).
        """

    def rearrange(self, row: Rows, rng: np.random.Generator, /) -> Rows:
        """Return a valid row whose parts are those of a given one in another place.

        Args:
            row: int64 (D,); it is not modified.
            rng: Source of the random numbers.

        Returns:
            int64 (D,).
        """

    def crossover(self, one: Rows, other: Rows, rng: np.random.Generator, /) -> Rows:
        """Return a valid row that mixes parts of two valid rows at random.

        Args:
            one: int64 (D,); it is not modified.
            other: int64 (D,); it is not modified.
            rng: Source of the random numbers.

        Returns:
            int64 (D,).
        """

    def smaller(self) -> Sequence["Space"]:
        """Return the spaces of shorter rows whose rules this space can say too."""

    def extend(self, rows: Rows, /) -> Rows:
        """Return the rows of this space that say the rules of a smaller space's rows.

        Args:
            rows: int64 (count, d) of a space of `smaller`, with which the returned rows
                begin.

        Returns:
            int64 (count, D).
        """

    def canonical(self, rows: Rows, /) -> Sequence[str]:
        """Return a text for each row, equal for rows that say the same rule.

        Args:
            rows: int64 (count, D).
        """

    def describe(self, rows: Rows, /) -> NDArray[np.int64]:
        """Return the cell of each row's rule: the operands it reads, and its size.

        Args:
            rows: int64 (count, D), valid.

        Returns:
            int64 (count, 2), numbers from 0; equal for rows that say the same rule.
        """

    def valid(self, row: Rows, /) -> bool:
        """Check whether a row obeys every mask.

        Args:
            row: int64 (D,).
        """


class Searcher(Protocol):
    """Proposes rows of decisions and learns from their rewards.

    ``ask`` may be called any number of times before results come back. Each ``ask`` is
    answered by one ``tell`` of the same rows, in ask order::

        rows = searcher.ask(32)
        rewards = ...                      # in [0, 1]; NaN for "no result"
        diagnostics = searcher.tell(rows, rewards)

    Proposals depend only on the seed, the options and the results told, not on global
    random state, the number of threads or the time.

    A searcher may also say where its rows come from; see ``origin.KeepsOrigins``.
    """

    def enqueue(self, rows: Rows) -> None:
        """Propose given rows before any others, such as those of known rules.

        Args:
            rows: int64 (count, D), valid.

        Raises:
            ValueError: A row is not valid in the space.
        """

    def ask(self, count: int) -> Rows:
        """Propose rows. The array belongs to the caller.

        An ask of 0 rows is an ask like any other and is told in its turn.

        Args:
            count: Number of rows, 0 or more.

        Returns:
            int64 (count, D), valid.

        Raises:
            ValueError: ``count`` is negative or not a whole number.
        """

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        """Learn from the results of the oldest open ask.

        Args:
            rows: (count, D), as asked, in the same order.
            rewards: (count,), in [0, 1], higher is better; NaN means "no result" (a
                failure of the machine, not of the rule) and teaches nothing.

        Returns:
            Diagnostics by name.

        Raises:
            ValueError: No ask is open, the rows are not those of the oldest ask, or a
                reward is outside [0, 1]. The searcher is then unchanged.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot of everything that later proposals depend on.

        It holds only types that ``torch.load(..., weights_only=True)`` accepts.
        """

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was called.

        Args:
            state: The result of ``state_dict``.

        Raises:
            ValueError: The state belongs to another searcher, space or set of options.
        """
