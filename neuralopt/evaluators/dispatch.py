"""Divide rules into batches, and submit those of a lost worker again.

A rule that kills its worker must not fail others, nor end a search, nor be blamed for
what the network did: rules of a lost worker are submitted again in smaller batches, and
a rule that has lost two workers as the only one of its batch is quarantined.
"""

import collections
from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.evaluators.evaluator import Completion, Request
from neuralopt.scoring.score import Score

BATCH_SECONDS = 0.5
"""How long a batch should take: calling a worker costs about a thousandth of that."""
FIRST_BATCH, LARGEST_BATCH = 4, 256
"""Rules in a batch before the first batch is timed, and in a batch at most."""
DIVISIONS = 8
"""Parts into which a batch that may have killed its worker is divided."""
ALONE = 2
"""Workers that a rule must lose, as the only one of its batch, to be quarantined."""

Batch = list[Request]
"""Rules that one worker scores in one call."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a worker was lost.

    Attributes:
        reason: in a few words.
        suspicious: whether its rules may be the cause; nodes and networks are not.
    """

    reason: str
    suspicious: bool


class Workload:
    """The queue of requests.

    Args:
        batch: rules in a batch, 0 for as many as take BATCH_SECONDS.

    Attributes:
        retried: number of rules that were queued again because their worker was lost.
    """

    def __init__(self, batch: int = 0) -> None:
        self.retried = 0
        self._batch = batch
        self._fresh: collections.deque[Request] = collections.deque()
        self._suspects: collections.deque[Batch] = collections.deque()
        self._seconds = 0.0  # that a rule takes; 0 before the first is timed
        self._alone: collections.Counter[tuple[int, int | None]] = collections.Counter()

    @property
    def queued(self) -> int:
        """Rules that no worker has."""
        return len(self._fresh) + sum(map(len, self._suspects))

    def add(self, requests: Sequence[Request]) -> None:
        """Queue requests.

        Args:
            requests: added at the end of the queue.
        """
        self._fresh.extend(requests)

    def take(self, workers: int) -> Batch:
        """Return a batch for a free worker, no more than its share.

        Args:
            workers: that share the queue.

        Returns:
            The batch, which is no longer queued; empty if nothing is queued.
        """
        if self._suspects:
            return self._suspects.popleft()
        share = -(-len(self._fresh) // max(workers, 1))
        return [self._fresh.popleft() for _ in range(min(share, self._size()))]

    def _size(self) -> int:
        if self._batch:
            return self._batch
        if not self._seconds:
            return FIRST_BATCH
        return max(1, min(LARGEST_BATCH, round(BATCH_SECONDS / self._seconds)))

    def learn(self, completions: Sequence[Completion]) -> None:
        """Update the estimate of the seconds that a rule takes.

        Args:
            completions: of a batch, with the seconds of each.
        """
        for each in completions:
            self._alone.pop(each.key, None)  # another request may have the same key
            weight = 0.02 if self._seconds else 1.0
            self._seconds += weight * (each.seconds - self._seconds)

    def lost(self, batch: Batch, fault: Fault, worker: str) -> list[Completion]:
        """Queue the rules of a lost worker again, except those it quarantines.

        Args:
            batch: of the worker.
            fault: why it was lost.
            worker: its name.

        Returns:
            A completion for each.
        """
        completions, again = [], []
        for request in batch:
            if fault.suspicious and len(batch) == 1:
                self._alone[request.key] += 1
            end = self._end(request, fault)
            score = end or Score("failed", reason=fault.reason)
            completions.append(
                Completion(
                    request.number, score, 0.0, worker, end is None, request.replicate
                )
            )
            if end is None:
                again.append(request)
        self.retried += len(again)
        if fault.suspicious:
            size = max(1, -(-len(batch) // DIVISIONS))
            parts = [again[n : n + size] for n in range(0, len(again), size)]
            self._suspects.extendleft(reversed(parts))
        else:
            self._fresh.extendleft(reversed(again))
        return completions

    def _end(self, request: Request, fault: Fault) -> Score | None:
        """Return the final score of a lost rule; None if it is queued again."""
        if self._alone[request.key] >= ALONE:
            del self._alone[request.key]
            reason = f"lost {ALONE} workers, all alone: {fault.reason}"
            return Score("quarantined", reason=reason)
        return None
