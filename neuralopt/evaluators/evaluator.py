"""Where children run: what every evaluator does, and the one in this process.

Knows threads and batches; refuses to know searchers and the archive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from neuralopt.scoring.score import Score

Scorer = Callable[[Sequence[str]], list[Score]]
"""Scores of canonical rule texts; the same for a text whatever stands beside it."""


class WorkerPlan(Protocol):
    """What a worker needs to make its scorer, in any process.

    device: torch's name of the device that children are trained on.
    """

    @property
    def device(self) -> str: ...

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

    alive: those that have started; busy: of them. lost: how many ended before their
    time; retried: rules tried again for that. queued: rules that wait for a worker.
    gpu_bytes: memory that they hold on GPUs.
    """

    alive: int = 0
    busy: int = 0
    lost: int = 0
    retried: int = 0
    queued: int = 0
    gpu_bytes: int = 0


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
