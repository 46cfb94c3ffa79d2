"""The interface of evaluators, which take requests and return completions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from neuralopt.language import Expression
from neuralopt.scoring.score import Score


class Scorer(Protocol):
    """Scores canonical rules; a rule's score does not depend on the others."""

    def __call__(
        self, rules: Sequence[Expression], replicate: int | None = None, /
    ) -> list[Score]:
        """Return one score for each rule, in the same order.

        Args:
            rules: in canonical form.
            replicate: None for the score that a search is told; or the number of one
                replicate, to measure the whole objective on it, gates left out.
        """
        ...


def steps_per_rule(scorer: Scorer) -> int:
    """Return the optimizer steps that a scorer needs for a rule.

    A scorer may give them by an attribute of this name.

    Args:
        scorer: with or without the attribute.

    Returns:
        Optimizer steps; 0 if the scorer does not give them.
    """
    return int(getattr(scorer, "steps_per_rule", 0))


class WorkerPlan(Protocol):
    """What a worker needs to make its scorer, in any process."""

    @property
    def device(self) -> str:
        """Torch's name of the device that children are trained on."""
        ...

    def scorer(self) -> Scorer:
        """Return a scorer with an engine of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A proposal to be scored.

    Attributes:
        number: of the proposal.
        rule: in canonical form; to another process it travels as text.
        replicate: what is measured; see `Scorer`.
    """

    number: int
    rule: Expression
    replicate: int | None = None

    @property
    def key(self) -> tuple[int, int | None]:
        """Number and replicate, by which its completion is found."""
        return self.number, self.replicate


@dataclass(frozen=True, slots=True)
class Completion:
    """The result of a request, or of an attempt at it.

    Attributes:
        number: of the proposal.
        score: its result.
        seconds: its share of the time that its batch took.
        worker: name of the worker that did it.
        retried: whether this attempt was lost with its worker, for the score's reason,
            so that another completion of the request follows.
        replicate: of the request.
    """

    number: int
    score: Score
    seconds: float
    worker: str
    retried: bool = False
    replicate: int | None = None

    @property
    def key(self) -> tuple[int, int | None]:
        """Number and replicate of the request."""
        return self.number, self.replicate


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of an evaluator at one moment.

    Rules in flight are those that a worker has begun and `collect` has not returned.

    Attributes:
        alive: workers that have started and have not ended.
        busy: those of them that have a batch.
        lost: workers that ended before their time.
        retried: rules submitted again because their worker was lost.
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

    @property
    def in_training(self) -> float:
        """Rules in flight, each counted by the share of its steps that are done."""
        return self.steps_done / self.steps_per_rule if self.steps_per_rule else 0.0


class EvaluatorError(OSError):
    """There are no workers and none can be started; one line says what to do."""


class Evaluator(Protocol):
    """Scores rules.

    Every request is completed exactly once, not counting attempts that are `retried`. A
    training that breaks completes as ``failed``.
    """

    def workers(self) -> Workers:
        """Return what the workers are doing."""
        ...

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests, and return at once.

        Args:
            requests: to be scored.
        """
        ...

    def collect(self, timeout: float) -> list[Completion]:
        """Return what was completed since the last call, in any order.

        Args:
            timeout: seconds to wait for the first completion.

        Returns:
            Completions; empty if there was none in that time.

        Raises:
            EvaluatorError: there are no workers and none can be started.
        """
        ...

    def close(self) -> None:
        """Shut down and cancel pending work."""
        ...
