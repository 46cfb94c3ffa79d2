"""A queue of proposals that wait for their results."""

import operator
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralopt.searchers.searcher import Rows


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

    Args:
        decisions: D, the length of a row.
        notes: Numbers kept with each row between ask and tell, such as the
            log-probability with which it was sampled.
    """

    def __init__(self, decisions: int, notes: int = 0) -> None:
        self._decisions = decisions
        self._notes = notes
        self._asks: deque[Ask] = deque()

    def __len__(self) -> int:
        return len(self._asks)

    def add(self, rows: Rows, notes: NDArray[np.float64] | None = None) -> Rows:
        """Append an ask to the queue.

        Args:
            rows: int64 (count, D).
            notes: (count, notes); None if no numbers are kept.

        Returns:
            A copy of the rows, for the caller.
        """
        if notes is None:
            notes = np.empty((len(rows), 0))
        assert rows.shape == (len(notes), self._decisions)
        assert notes.shape[1] == self._notes
        self._asks.append(Ask(rows, notes))
        return rows.copy()

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

    def state(self) -> list[dict[str, Any]]:
        """Return the queue as plain lists, which hold floats exactly."""
        return [
            {"count": len(a.rows), "rows": a.rows.tolist(), "notes": a.notes.tolist()}
            for a in self._asks
        ]

    def load(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Replace the queue.

        Args:
            state: The result of ``state``.
        """
        self._asks = deque(
            Ask(
                np.array(a["rows"], dtype=np.int64).reshape(
                    a["count"], self._decisions
                ),
                np.array(a["notes"], dtype=np.float64).reshape(a["count"], self._notes),
            )
            for a in state
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
