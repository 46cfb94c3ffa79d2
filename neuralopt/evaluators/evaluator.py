"""Where children run: what every evaluator does, and the one in this process.

Knows threads and batches; refuses to know searchers and the archive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from neuralopt.scoring.score import Score

Scorer = Callable[[Sequence[str]], list[Score]]
"""Scores of canonical rule texts; the same for a text whatever stands beside it."""


def steps_per_rule(scorer: Scorer) -> int:
    """Return the optimizer steps that a scorer needs for a rule; 0 if it doesn't say.

    A scorer may say so by an attribute of this name.
    """
    return int(getattr(scorer, "steps_per_rule", 0))


class WorkerPlan(Protocol):
    """What a worker needs to make its scorer, in whatever process it is."""

    def scorer(self) -> Scorer: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A proposal to be scored: its number and its canonical text."""

    number: int
    rule: str


@dataclass(frozen=True, slots=True)
class Completion:
    """seconds: its share of the time that its batch took. worker: who did it.

    retried: this attempt ended with its worker, for the score's reason, and another
    has been made: there will be one more completion of the request.
    """

    number: int
    score: Score
    seconds: float
    worker: str
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of an evaluator at a moment.

    Rules in flight are those that a worker has begun and `collect` has not returned.

    Attributes:
        alive: workers that have started.
        busy: workers that are scoring rules.
        lost: workers that ended unexpectedly.
        retried: rules that were given to another worker because theirs was lost.
        queued: rules that wait for a worker.
        gpu_bytes: memory that the workers hold on GPUs.
        steps_done: optimizer steps of the rules in flight that are done, summed over
            learning rates, replicates and tasks. Steps that a diverged child does not
            take are counted as done when its training ends.
        steps_expected: all optimizer steps of the rules in flight, the greatest value
            of steps_done. 0 if unknown.
        steps_per_rule: optimizer steps of one rule, so that completed rules can be
            added up with those in flight. 0 if unknown, as with Ray.
    """

    alive: int = 0
    busy: int = 0
    lost: int = 0
    retried: int = 0
    queued: int = 0
    gpu_bytes: int = 0
    steps_done: int = 0
    steps_expected: int = 0
    steps_per_rule: int = 0


class EvaluatorError(OSError):
    """There are no workers, and none come; one line says what to do."""


class Evaluator(Protocol):
    """Scores rules somewhere. Every request is completed exactly once, not counting
    attempts that are `retried`; a training that breaks completes as `failed`.
    """

    def workers(self) -> Workers:
        """What they are doing just now."""
        ...

    def submit(self, requests: Sequence[Request]) -> None:
        """Take these on; returns at once."""
        ...

    def collect(self, timeout: float) -> list[Completion]:
        """What was completed since the last call, in any order.

        Waits up to timeout seconds for the first one.
        """
        ...

    def close(self) -> None:
        """Stop; what is under way is given up."""
        ...
