"""Say how far a search is, in words and numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """

    seconds: float
    done: float
    trained: float


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
        self._add(progress, progress.told)

    def wait(self, progress: Progress) -> None:
        """Add where the search is while nothing is told."""
        trained = progress.trained - self._told_trained + _in_training(progress)
        self._add(progress, progress.told + trained)

    def _add(self, progress: Progress, done: float) -> None:
        """Neither number falls when a batch is told late."""
        before, seconds = self._samples[-1], progress.seconds
        self._samples.append(
            Sample(
                seconds,
                max(before.done, min(done, progress.total)),
                max(before.trained, progress.trained + _in_training(progress)),
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
    return ", ".join(
        [
            f"told {progress.told:,} of {progress.total:,} "
            f"({share_done(progress, samples):.0%})",
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


def share_done(progress: Progress, samples: Sequence[Sample]) -> float:
    """Return how much of the search is done, from 0 to 1."""
    return samples[-1].done / max(1, progress.total)


def rate(samples: Sequence[Sample]) -> str:
    """Return the rules trained a second in the recent past, as words."""
    first, last = samples[0], samples[-1]
    seconds = last.seconds - first.seconds
    found = (last.trained - first.trained) / seconds if seconds > 0 else 0.0
    return f"{found:.3g} rules/s"


def time_left(progress: Progress, samples: Sequence[Sample]) -> str:
    """Return the time until the end at the recent pace, as words."""
    first, last = samples[0], samples[-1]
    seconds = last.seconds - first.seconds
    pace = (last.done - first.done) / seconds if seconds > 0 else 0.0
    left = progress.total - last.done
    if left <= 0:
        return "done"
    return f"{duration(left / pace) if pace > 0 else '?'} left"


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
