"""Combine a rule's scores on the parts of an objective into one quality.

    quality = mean over parts of q / (q + a)

where q is the rule's quality on a part and a is Adam's, as in `objective`. It is 0.5
for Adam, lies in [0, 1], and gives every part the same weight. A part on which a rule
diverges counts 0, and so do the parts that a stopped rule did not reach.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from neuralopt.evaluators.evaluator import (
    Completion,
    Evaluator,
    Request,
    Scorer,
    Workers,
)
from neuralopt.evaluators.objective import ADAM, ObjectiveScorer, part_names, share
from neuralopt.evaluators.scorer import ScoringPlan, TaskScorer
from neuralopt.language import Expression
from neuralopt.scoring.score import Score

SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class MultiTaskPlan:
    """The plan of a worker that trains rules on all parts of an objective.

    Attributes:
        plans: one for each task, under the same budget.
    """

    plans: tuple[ScoringPlan, ...]

    @property
    def device(self) -> str:
        """Torch's name of the device of the first task's plan."""
        return self.plans[0].device

    def scorer(self) -> Scorer:
        """Return a scorer whose scores hold those of the parts, for `combine`."""
        return ObjectiveScorer(tuple(plan.scorer() for plan in self.plans))


def combine(score: Score, adam: Mapping[str, float]) -> Score:
    """Combine the scores of the parts into one.

    Args:
        score: as an ObjectiveScorer makes it.
        adam: Adam's quality on each part, by its name.

    Returns:
        A score whose `tasks` are named. Its reason says where a gate stopped the rule,
        or names the parts on which it diverged; screening and curve are those of the
        first part. It has no learning rate, loss and accuracy: each part has its own.
        A score without `tasks`, whose training broke, is returned as it is.
    """
    if not score.tasks:  # the training broke
        return score
    tasks = tuple(
        replace(each, task=name) for name, each in zip(adam, score.tasks, strict=False)
    )
    diverged = [each for each in tasks if each.status == "diverged"]
    shares = [
        share(each.quality, base)
        for each, base in zip(tasks, adam.values(), strict=False)
    ]
    lost = len(diverged) == len(tasks)
    stopped = score.reason if score.status == "stopped" else ""
    where = [f"{each.task} diverged {each.reason}" for each in diverged]
    return Score(
        "diverged" if lost else score.status,
        0.0 if lost else sum(shares) / len(adam),
        reason="; ".join([stopped, *where] if stopped and not lost else where),
        screening=tasks[0].screening,
        curve=tasks[0].curve,
        tasks=tasks,
    )


def check_baselines(adam: Mapping[str, float], budget: str) -> None:
    """Check that qualities can be set in relation to Adam's on every task.

    Args:
        adam: Adam's quality on each task, by its name.
        budget: its name, for the message.

    Raises:
        ValueError: Adam's quality on a task is not in (0, 1].
    """
    for name, quality in adam.items():
        if not 0 < quality <= 1:
            raise ValueError(
                f"task {name}: Adam's quality under budget {budget} is {quality}, "
                "which can't be a reference: choose another budget, or leave the task "
                "out"
            )


class MultiTaskEvaluator:
    """Combines the scores of several tasks, which another evaluator finds, into one.

    Args:
        evaluator: its scores hold those of the tasks, as a MultiTaskPlan's do.
        adam: Adam's quality by task, as `adam_qualities` finds it.
    """

    def __init__(self, evaluator: Evaluator, adam: Mapping[str, float]) -> None:
        self._evaluator, self._adam = evaluator, adam

    def workers(self) -> Workers:
        """Return what the other evaluator's workers are doing."""
        return self._evaluator.workers()

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests, and return at once.

        Args:
            requests: to be scored.
        """
        self._evaluator.submit(requests)

    def collect(self, timeout: float) -> list[Completion]:
        """Return what was completed since the last call, with combined scores.

        Args:
            timeout: seconds to wait for the first completion.

        Returns:
            Completions; empty if there was none in that time.

        Raises:
            EvaluatorError: there are no workers and none can be started.
        """
        return [
            replace(done, score=combine(done.score, self._adam))
            for done in self._evaluator.collect(timeout)
        ]

    def close(self) -> None:
        """Shut the other evaluator down."""
        self._evaluator.close()


def adam_qualities(evaluator: Evaluator, names: Sequence[str]) -> dict[str, float]:
    """Return Adam's quality on each part, found by an evaluator's own workers.

    Args:
        evaluator: its scores hold those of the parts.
        names: of the parts.

    Returns:
        Qualities by the names of the parts.

    Raises:
        ValueError: Adam's training breaks.
    """
    evaluator.submit([Request(0, ADAM)])
    while True:
        for done in evaluator.collect(SECONDS):
            if done.retried:
                continue
            if not done.score.tasks:
                raise ValueError(f"Adam can't be trained: {done.score.reason}")
            qualities = [each.quality for each in done.score.tasks]
            return dict(zip(names, qualities, strict=True))


def multitask_scores(
    scorers: Sequence[TaskScorer], rules: Sequence[Expression]
) -> list[Score]:
    """Return combined scores of rules on all parts; Adam is trained with them.

    Args:
        scorers: one a task, under the same budget.
        rules: to be scored.

    Returns:
        One combined score for each rule, in the same order.

    Raises:
        ValueError: Adam's quality on a part can't be a reference.
    """
    budget = scorers[0].budget
    names = part_names([scorer.task.name for scorer in scorers], budget)
    first, *scores = ObjectiveScorer(tuple(scorers))([ADAM, *rules])
    adam = {name: each.quality for name, each in zip(names, first.tasks, strict=True)}
    check_baselines(adam, budget.name)
    return [combine(score, adam) for score in scores]
