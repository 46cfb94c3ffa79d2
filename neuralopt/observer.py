"""The interface of what watches a search, and what it is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from neuralopt.archive import Place, Proposal
from neuralopt.archive.ranking import RankedRule
from neuralopt.evaluators.evaluator import Workers
from neuralopt.naming import Rediscovery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search is after a batch was told.

    Attributes:
        told: proposals told so far, those before a resume included.
        total: proposals that the search will tell.
        counts: proposals so far, by status.
        rewards: of this batch, NaN where there was no result.
        best: the best proposals so far, best first: see `Archive.best`.
        diagnostics: what the searcher reports of this batch, by name.
        seconds: since this process started the search.
        trained: rules trained by this process.
        workers: what the evaluator's workers are doing.
        shortlist: places on the shortlist of the last milestone, best first, by number
            of the proposal; empty before the first milestone, and without a shortlist.
        measurements: trainings for the shortlist so far, those before a resume
            included.
        measured: rules that these were of.
        measuring: measurements that the search waits for.
        rediscoveries: named rules that were found so far, in the order of finding.
        evaluations: rules trained among the proposals told so far, those before a
            resume included: scored, stopped or diverged.
        ranking: reads the best rules with what was found out about them, one of those
            that behave alike (`neuralopt.archive.ranking`), as the archive has them
            when it is called. It reads many rows, so call it now and then.
        preferences: what the searcher prefers when it is called; see
            `neuralopt.searchers.preferences`. It takes some milliseconds.
        highest: the highest single score of the proposals told so far, those before a
            resume included; -inf while none was scored.
        evaluation_limit: evaluations at which the search ends; 0 for no limit.
    """

    told: int
    total: int
    counts: Mapping[str, int]
    rewards: tuple[float, ...]
    best: tuple[Proposal, ...]
    diagnostics: Mapping[str, float]
    seconds: float
    trained: int
    workers: Workers
    shortlist: tuple[Place, ...] = ()
    measurements: int = 0
    measured: int = 0
    measuring: int = 0
    rediscoveries: tuple[Rediscovery, ...] = ()
    evaluations: int = 0
    ranking: Callable[[], Sequence[RankedRule]] = tuple
    preferences: Callable[[], Sequence[NDArray[np.float64]]] = tuple
    highest: float = -math.inf
    evaluation_limit: int = 0


class Observer(Protocol):
    """Watches a search."""

    def start(self, total: int, told: int) -> None:
        """Begin at ``told`` of ``total`` proposals.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.
        """
        ...

    def batch(self, progress: Progress) -> None:
        """Take note of a told batch.

        Args:
            progress: where the search is after the batch.
        """
        ...

    def waiting(self, progress: Progress) -> None:
        """Take note of the workers: nothing was told for some seconds.

        Args:
            progress: where the search is, with no rewards and no diagnostics.
        """
        ...

    def close(self) -> None:
        """End; it is called however the search ends."""
        ...
