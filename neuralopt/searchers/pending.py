"""Rows that wait: given ones to be proposed, and proposed ones for their results."""

import operator
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralopt.searchers.searcher import Rows, Space


class Ask(NamedTuple):
    """Rows that were asked for together.

    Attributes:
        rows: int64 (count, D).
        notes: Numbers kept with each row, (count, notes).
    """

    rows: Rows
    notes: NDArray[np.float64]


class PendingAsks:
    """A queue of asks: each is told once, whole and in the order asked.

    Before it, a queue of rows that someone else wants to be proposed.

    Args:
        space: The space that rows belong to.
        notes: Numbers kept with each row between ask and tell, such as the
            log-probability with which it was sampled.
    """

    def __init__(self, space: Space, notes: int = 0) -> None:
        self._space = space
        self._decisions = len(space.choices)
        self._notes = notes
        self._queued = np.empty((0, self._decisions), np.int64)
        self._asks: deque[Ask] = deque()

    def __len__(self) -> int:
        return len(self._asks)

    def enqueue(self, rows: Rows) -> None:
        """Append rows that are to be proposed; see ``Searcher.enqueue``.

        Args:
            rows: int64 (count, D), valid.

        Raises:
            ValueError: A row is not valid in the space.
        """
        given = np.asarray(rows, np.int64).reshape(-1, self._decisions)
        for row in given:
            if not self._space.valid(row):
                raise ValueError(
                    f"row {row.tolist()} is not valid in this space: enqueue rows that "
                    "it returned"
                )
        self._queued = np.concatenate([self._queued, given])

    def queued(self, count: int) -> Rows:
        """Remove and return the first of the rows that are to be proposed.

        Args:
            count: Number of rows, at most.

        Returns:
            int64 (some, D).
        """
        rows, self._queued = self._queued[:count], self._queued[count:]
        return rows

    def add(self, rows: Sequence[Rows], notes: Sequence[Sequence[float]]) -> Rows:
        """Append an ask to the queue.

        Args:
            rows: Each int64 (D,).
            notes: Numbers kept with each row.

        Returns:
            A copy of the rows for the caller, int64 (count, D).
        """
        count = len(rows)
        asked = np.array(rows, np.int64).reshape(count, self._decisions)
        kept = np.array(notes, np.float64).reshape(count, self._notes)
        self._asks.append(Ask(asked, kept))
        return asked.copy()

    def take(
        self, rows: ArrayLike, rewards: ArrayLike
    ) -> tuple[Ask, NDArray[np.float64]]:
        """Remove the oldest ask.

        Args:
            rows: (count, D), the rows of the oldest ask.
            rewards: (count,), in [0, 1]; NaN means "no result".

        Returns:
            The ask and its rewards, float64 (count,).

        Raises:
            ValueError: No ask is open, the rows are not those of the oldest ask, or a
                reward is outside [0, 1]. Nothing is removed then.
        """
        if not self._asks:
            raise ValueError("tell without an open ask: call ask first, tell each once")
        ask = self._asks[0]
        told = np.asarray(rows)
        if told.shape != ask.rows.shape:
            raise ValueError(
                f"told rows of shape {told.shape}, the oldest open ask has "
                f"{ask.rows.shape}: tell each ask whole and in the order asked"
            )
        different = np.flatnonzero((told != ask.rows).any(axis=1))
        if different.size:
            first = int(different[0])
            raise ValueError(
                f"told row {first} is {told[first].tolist()}, the oldest open ask has "
                f"{ask.rows[first].tolist()} there: tell each ask in the order asked"
            )
        checked = _rewards(rewards, len(told))
        self._asks.popleft()
        return ask, checked

    def state(self) -> dict[str, Any]:
        """Return the queues as plain lists, which hold floats exactly."""
        asks = [
            {"count": len(a.rows), "rows": a.rows.tolist(), "notes": a.notes.tolist()}
            for a in self._asks
        ]
        return {"queued": self._queued.tolist(), "asks": asks}

    def load(self, state: Mapping[str, Any]) -> None:
        """Replace the queues.

        Args:
            state: The result of ``state``.
        """
        queued = np.array(state["queued"], np.int64)
        self._queued = queued.reshape(-1, self._decisions)
        self._asks = deque(
            Ask(
                np.array(a["rows"], dtype=np.int64).reshape(
                    a["count"], self._decisions
                ),
                np.array(a["notes"], dtype=np.float64).reshape(a["count"], self._notes),
            )
            for a in state["asks"]
        )


def checked_count(count: int) -> int:
    """Return a number of rows as an int.

    Args:
        count: The number that a caller gave.

    Raises:
        ValueError: It is negative or not a whole number.
    """
    try:
        number = operator.index(count)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"asked for {count!r} rows: give a whole number, 0 or more")
    return number


def _rewards(rewards: ArrayLike, count: int) -> NDArray[np.float64]:
    values = np.array(rewards, dtype=np.float64)  # a copy: the caller's stay untouched
    if values.shape != (count,):
        raise ValueError(
            f"{count} rows told with rewards of shape {values.shape}: "
            "give one reward for each row, NaN where there is no result"
        )
    wrong = np.flatnonzero(~(np.isnan(values) | ((values >= 0) & (values <= 1))))
    if wrong.size:
        raise ValueError(
            f"reward {wrong[0]} is {values[wrong[0]]}, outside [0, 1]: "
            "scale it, or give NaN where there is no result"
        )
    return values
