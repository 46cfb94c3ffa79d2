"""What searchers have in common: open asks, given rows, saved states."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralopt.origin import ENQUEUED, Origin
from neuralopt.searchers.pending import Ask, PendingAsks, checked_count
from neuralopt.searchers.saved_state import check_header, generator_from, header
from neuralopt.searchers.searcher import Rows, Space
from neuralopt.searchers.seen import SeenRules


class Draft:
    """The rows of an ask while they are chosen.

    Args:
        given: Rows that were enqueued, which come first.
        count: Number of the rows after them.
        notes: Numbers kept with each given row; see ``PendingAsks``.
    """

    def __init__(self, given: Rows, count: int, *notes: float) -> None:
        self._size = len(given) + count
        self.rows: list[Rows] = list(given)
        self.origins = [ENQUEUED] * len(given)
        self.notes: list[tuple[float, ...]] = [notes] * len(given)

    @property
    def missing(self) -> int:
        """Number of rows that are still to be chosen."""
        return self._size - len(self.rows)

    def add(self, row: Rows, origin: Origin, *notes: float) -> None:
        """Append a row.

        Args:
            row: int64 (D,).
            origin: Where it comes from.
            notes: Numbers kept with it.
        """
        self.rows.append(row)
        self.origins.append(origin)
        self.notes.append(notes)

    def extend(self, rows: Rows, origin: Origin) -> None:
        """Append rows with which no numbers are kept.

        Args:
            rows: int64 (count, D).
            origin: Where all of them come from.
        """
        self.rows.extend(rows)
        self.origins += [origin] * len(rows)
        self.notes += [()] * len(rows)


class BaseSearcher(ABC):
    """What all searchers share: everything except proposing and learning.

    Args:
        space: The space that rows belong to.
        name: Of the searcher, for the saved state.
        options: Its options, for the saved state.
        notes: Numbers kept with each row between ask and tell.
    """

    def __init__(
        self, space: Space, name: str, options: Mapping[str, Any], notes: int = 0
    ) -> None:
        self._space = space
        self._outstanding = PendingAsks(space, notes)
        self._header = header(name, space.choices, options)
        self._origins: list[Origin] = []

    @abstractmethod
    def _propose(self, given: Rows, count: int) -> Draft:
        """Return enqueued rows, of which there may be none, and ``count`` others."""

    @abstractmethod
    def _told(self, ask: Ask, rewards: NDArray[np.float64]) -> dict[str, float]:
        """Learn from results, NaN where there is none, and return diagnostics."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Return what a saved state holds other than the open asks."""

    @abstractmethod
    def _load(self, state: Mapping[str, Any]) -> None:
        """Continue from what ``_state`` returned."""

    def enqueue(self, rows: Rows) -> None:
        """Propose given rows before any others; see ``Searcher.enqueue``.

        Args:
            rows: int64 (count, D), valid.

        Raises:
            ValueError: A row is not valid in the space.
        """
        self._outstanding.enqueue(rows)

    def ask(self, count: int) -> Rows:
        """Propose rows; see ``Searcher.ask``.

        Args:
            count: Number of rows, 0 or more.

        Returns:
            int64 (count, D).

        Raises:
            ValueError: ``count`` is negative or not a whole number.
        """
        number = checked_count(count)
        given = self._outstanding.queued(number)
        draft = self._propose(given, number - len(given))
        self._origins = draft.origins
        return self._outstanding.add(draft.rows, draft.notes)

    def origins(self) -> list[Origin]:
        """Return where each row of the last ask comes from, in order."""
        return list(self._origins)

    def tell(self, rows: ArrayLike, rewards: ArrayLike) -> dict[str, float]:
        """Learn from the results of the oldest open ask; see ``Searcher.tell``.

        Args:
            rows: (count, D), as asked, in the same order.
            rewards: (count,), in [0, 1]; NaN means "no result".

        Returns:
            Diagnostics by name.

        Raises:
            ValueError: No ask is open, the rows are not those of the oldest ask, or a
                reward is outside [0, 1]. The searcher is then unchanged.
        """
        return self._told(*self._outstanding.take(rows, rewards))

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot; see ``Searcher.state_dict``."""
        state = {**self._header, "outstanding": self._outstanding.state()}
        return state | self._state()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot; see ``Searcher.load_state_dict``.

        Args:
            state: The result of ``state_dict``.

        Raises:
            ValueError: The state belongs to another searcher, space or set of options.
        """
        check_header(state, self._header)
        self._origins = []
        self._outstanding.load(state["outstanding"])
        self._load(state)


class NewRuleSearcher(BaseSearcher):
    """A searcher with random numbers and a memory of the rules it proposed.

    Args:
        space: The space that rows belong to.
        seed: Seed of the proposals, 0 or more.
        name: Of the searcher, for the saved state.
        options: Its options, for the saved state.
        notes: Numbers kept with each row between ask and tell.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        name: str,
        options: Mapping[str, Any],
        notes: int = 0,
    ) -> None:
        super().__init__(space, name, options, notes)
        self._rng = np.random.default_rng(seed)
        self._seen = SeenRules(space)

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot; see ``Searcher.state_dict``."""
        common = {"rng": self._rng.bit_generator.state, "seen": self._seen.state()}
        return super().state_dict() | common

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot; see ``Searcher.load_state_dict``.

        Args:
            state: The result of ``state_dict``.

        Raises:
            ValueError: The state belongs to another searcher, space or set of options.
        """
        super().load_state_dict(state)
        self._rng = generator_from(state["rng"])
        self._seen.load(state["seen"])
