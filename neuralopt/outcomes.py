"""What a search keeps in memory of its proposals, by number: three numbers each."""

import math
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from neuralopt.scoring.score import NO_RESULT, STATUSES

UNDECIDED, DUPLICATE, UNTRAINED, TRAINED, SCORED, STOPPED_LATE = range(6)
"""What became of a proposal. The last three were trained; STOPPED_LATE passed the gate
after the first training and was stopped by a later one."""

Outcome = tuple[int, str, int | None, float | None, int]
"""Number, status, original, quality, and how many trainings its score is of."""


class Outcomes:
    """Outcomes of proposals, in arrays that grow with the search.

    Args:
        outcomes: of the proposals that an archive has, in any order.
    """

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        self._kinds = np.zeros(1024, np.int8)
        self._rewards = np.zeros(1024)
        self._originals = np.zeros(1024, np.int64)
        given = iter(outcomes)
        while some := list(islice(given, TOGETHER)):
            self._note_all(some)

    def _note_all(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what became of several proposals."""
        numbers, statuses, originals, qualities, trainings = zip(*outcomes, strict=True)
        self._make_room(max(numbers))
        at = np.array(numbers)
        first = [
            number if original is None else original
            for number, original in zip(numbers, originals, strict=True)
        ]
        kinds = np.array([_KINDS[status] for status in statuses], np.int8)
        late = (np.array(statuses) == "stopped") & (np.array(trainings) > 1)
        kinds[late] = STOPPED_LATE
        kinds[np.array(first) != at] = DUPLICATE
        rewards = np.array([quality or 0.0 for quality in qualities])
        rewards[np.isin(statuses, list(NO_RESULT))] = math.nan
        rewards[(kinds == UNDECIDED) | (kinds == DUPLICATE)] = 0.0
        self._originals[at], self._kinds[at], self._rewards[at] = first, kinds, rewards

    def _make_room(self, number: int) -> None:
        while number >= len(self._kinds):
            self._kinds = np.append(self._kinds, np.zeros_like(self._kinds))
            self._rewards = np.append(self._rewards, np.zeros_like(self._rewards))
            self._originals = np.append(self._originals, np.zeros_like(self._originals))

    def note(
        self,
        number: int,
        status: str,
        original: int | None,
        quality: float | None,
        trainings: int,
    ) -> None:
        """Keep what became of a proposal.

        Args:
            number: of the proposal.
            status: its status; a pending one is not decided yet.
            original: the proposal that it duplicates, if it does.
            quality: of its score.
            trainings: tasks that its score is of.
        """
        self._make_room(number)
        self._originals[number] = number if original is None else original
        if original is not None:
            self._kinds[number] = DUPLICATE
        elif status != "pending":
            self._kinds[number] = _kind(status, trainings)
            self._rewards[number] = math.nan if status in NO_RESULT else quality or 0.0

    def undecided(self, start: int, stop: int) -> bool:
        """Return whether a proposal waits for its score.

        Args:
            start: smallest number.
            stop: largest number + 1; all were proposed.
        """
        return bool((self._kinds[start:stop] == UNDECIDED).any())

    def rewards(self, start: int, stop: int) -> list[float]:
        """Return what the searcher is told; of a duplicate what its original is worth.

        Args:
            start: smallest number.
            stop: largest number + 1; all are decided.

        Returns:
            The quality, 0 unless scored or stopped; NaN where the evaluation broke.
        """
        found: list[float] = self._rewards[self._originals[start:stop]].tolist()
        return found

    def evaluations(self, start: int, stop: int) -> int:
        """Return how many proposals were trained: neither duplicates nor rejected.

        Args:
            start: smallest number.
            stop: largest number + 1.
        """
        return int((self._kinds[start:stop] >= TRAINED).sum())

    def highest(self, start: int, stop: int) -> float:
        """Return the highest quality of scored proposals; -inf if none was scored.

        Args:
            start: smallest number.
            stop: largest number + 1; all are decided.
        """
        scored = self._rewards[start:stop][self._kinds[start:stop] == SCORED]
        return float(scored.max(initial=-math.inf))

    def qualities(self, start: int, stop: int) -> dict[int, float]:
        """Return the qualities of scored proposals by number, in rising order.

        Args:
            start: smallest number.
            stop: largest number + 1.
        """
        numbers = start + np.flatnonzero(self._kinds[start:stop] == SCORED)
        return dict(zip(numbers.tolist(), self._rewards[numbers].tolist(), strict=True))

    def stopped_late(self, start: int, stop: int) -> Sequence[int]:
        """Return the numbers of proposals that a later gate than the first stopped.

        Args:
            start: smallest number.
            stop: largest number + 1.
        """
        kinds: npt.NDArray[np.int8] = self._kinds[start:stop]
        found: list[int] = (start + np.flatnonzero(kinds == STOPPED_LATE)).tolist()
        return found


def _kind(status: str, trainings: int) -> int:
    if status == "scored":
        return SCORED
    if status == "stopped" and trainings > 1:
        return STOPPED_LATE
    return TRAINED if status in CHARGED else UNTRAINED


CHARGED = frozenset({"scored", "stopped", "diverged"})
"""Statuses of rules that were trained to a result."""

_KINDS = {
    status: UNDECIDED if status == "pending" else _kind(status, 1)
    for status in STATUSES
}

TOGETHER = 1 << 15
"""Outcomes that are kept together at first."""
