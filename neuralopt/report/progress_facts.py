"""Say how far a search is, in words and numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neuralopt.report.duration import duration

if TYPE_CHECKING:  # they load torch
    from neuralopt.evaluators.evaluator import Workers
    from neuralopt.observer import Progress

WINDOW = 30.0
"""Seconds. Rates are of the recent past, since caches fill and rules vary."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the search was at one time.

    Attributes:
        seconds: of its process.
        done: proposals told; while a batch is being trained also the rules of it that
            are trained, those in training counted by their share of steps.
        trained: rules trained, those in training counted likewise.
        evaluations: counted as `done` is, but of rules trained.
    """

    seconds: float
    done: float
    trained: float
    evaluations: float = 0.0


class RecentPast:
    """Samples of the last half minute, from which rates are taken.

    Args:
        told: proposals told before the first sample.
    """

    def __init__(self, told: int) -> None:
        self._samples = deque([Sample(0.0, told, 0)])
        self._told_trained = 0

    @property
    def samples(self) -> Sequence[Sample]:
        """Oldest first, at least one."""
        return self._samples

    def tell(self, progress: Progress) -> None:
        """Add where the search is after a told batch."""
        self._told_trained = progress.trained
        self._add(progress, 0.0)

    def wait(self, progress: Progress) -> None:
        """Add where the search is while nothing is told."""
        self._add(
            progress, progress.trained - self._told_trained + _in_training(progress)
        )

    def _add(self, progress: Progress, untold: float) -> None:
        """Add a sample; no number falls when a batch is told late.

        Args:
            progress: where the search is.
            untold: rules trained that are not told.
        """
        if len(self._samples) == 1:  # a resumed search has trained rules before
            trained = max(0, progress.evaluations - progress.trained)
            self._samples[0] = replace(self._samples[0], evaluations=trained)
        before, seconds = self._samples[-1], progress.seconds
        self._samples.append(
            Sample(
                seconds,
                max(before.done, min(progress.told + untold, progress.total)),
                max(before.trained, progress.trained + _in_training(progress)),
                max(before.evaluations, progress.evaluations + untold),
            )
        )
        while len(self._samples) > 2 and seconds - self._samples[1].seconds >= WINDOW:
            self._samples.popleft()


def plain_line(progress: Progress, samples: Sequence[Sample]) -> str:
    """Return the progress as one line of a log.

    Args:
        progress: where the search is.
        samples: of the recent past, oldest first, at least one; rates are taken from
            the first to the last.

    Returns:
        The line, without its end.
    """
    counts = progress.counts
    counted, done, end = how_far(progress)
    return ", ".join(
        [
            f"{counted} {done:,} of {end:,} ({share_done(progress, samples):.0%})",
            rate(samples),
            f"best {best_quality(progress)}",
            *shortlist_facts(progress),
            f"duplicates {counts.get('duplicate', 0):,}",
            f"diverged {counts.get('diverged', 0):,}",
            f"rejected {counts.get('rejected', 0):,}",
            *worker_facts(progress.workers),
            time_left(progress, samples),
        ]
    )


def how_far(progress: Progress) -> tuple[str, int, int]:
    """Return what is counted, how many there are, and how many end the search.

    That is proposals told; or rules trained, where their limit is nearer.
    """
    told, total = progress.told, progress.total
    trained, limit = progress.evaluations, progress.evaluation_limit
    if trained * total > told * limit > 0:
        return "trained", trained, limit
    return "told", told, total


def share_done(progress: Progress, samples: Sequence[Sample]) -> float:
    """Return how much of the search is done, from 0 to 1."""
    last, limit = samples[-1], progress.evaluation_limit
    told = last.done / max(1, progress.total)
    return min(1.0, max(told, last.evaluations / limit)) if limit else told


def rate(samples: Sequence[Sample]) -> str:
    """Return the rules trained a second in the recent past, as words."""
    first, last = samples[0], samples[-1]
    seconds = last.seconds - first.seconds
    found = (last.trained - first.trained) / seconds if seconds > 0 else 0.0
    return f"{found:.3g} rules/s"


def time_left(progress: Progress, samples: Sequence[Sample]) -> str:
    """Return the time until the end at the recent pace, as words."""
    first, last = samples[0], samples[-1]
    ways = [(first.done, last.done, progress.total)]
    if progress.evaluation_limit:
        limit = progress.evaluation_limit
        ways.append((first.evaluations, last.evaluations, limit))
    if any(end <= done for _, done, end in ways):
        return "done"
    seconds = last.seconds - first.seconds
    left = [
        seconds * (end - done) / (done - before)
        for before, done, end in ways
        if done > before and seconds > 0
    ]
    return f"{duration(min(left)) if left else '?'} left"


def best_quality(progress: Progress) -> str:
    """Return the best quality: a mean with its interval, once there is a shortlist."""
    if progress.shortlist:
        first = progress.shortlist[0]
        return f"{first.mean:.4f} ({first.low:.4f}..{first.high:.4f})"
    best = progress.best[0].quality if progress.best else None
    return "-" if best is None else format(best, ".4f")


def shortlist_facts(progress: Progress) -> list[str]:
    """Return what the shortlist has cost, and what is being measured, as words."""
    facts = []
    if progress.measurements:
        facts.append(f"measurements {progress.measurements:,}")
    if progress.measuring:
        facts.append(f"measuring {progress.measuring:,} more")
    return facts


def count_facts(counts: Mapping[str, int]) -> list[str]:
    """Return how many proposals have each status, those that are told, as words."""
    told = {**counts, "duplicates": counts.get("duplicate", 0)}
    always = ["scored", "duplicates", "diverged", "rejected"]
    shown = ["scored", "stopped", *always[1:], "failed", "quarantined"]
    return [
        f"{name} {told.get(name, 0):,}"
        for name in shown
        if name in always or told.get(name)
    ]


def worker_facts(workers: Workers) -> list[str]:
    """Return how many work, and what has gone wrong or waits, as words."""
    facts = [f"workers {workers.busy}/{workers.alive} busy"]
    if workers.busy and workers.steps_expected:
        share = workers.steps_done / workers.steps_expected
        facts.append(f"rules in training {share:.0%} done")
    if workers.lost:
        facts.append(f"lost {workers.lost:,}")
    if workers.retried:
        facts.append(f"retried {workers.retried:,}")
    if workers.queued:
        facts.append(f"queued {workers.queued:,}")
    if workers.gpu_bytes:
        facts.append(f"GPU {workers.gpu_bytes / 2**30:.1f} GiB")
    return facts


def _in_training(progress: Progress) -> float:
    """Measurements are none of the proposals that are counted."""
    return 0.0 if progress.measuring else progress.workers.in_training
