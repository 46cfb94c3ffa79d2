"""Combine a rule's qualities on several tasks into one, relative to Adam's on each.

A rule is scored on each task by itself, with a learning rate for each.

    quality = mean over tasks of q / (q + a)

where q is the rule's quality on a task and a is Adam's, under the same budget and seed.
It is 0.5 for Adam, lies in [0, 1], and gives every task the same weight; a task on
which a rule diverges counts 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from neuralopt.evaluators.evaluator import (
    Completion,
    Evaluator,
    Request,
    Scorer,
    WorkerPlan,
    Workers,
    steps_per_rule,
)
from neuralopt.language import RULES, Expression
from neuralopt.scoring.score import Score

ADAM = RULES["adam"].expression
SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class MultiTaskPlan:
    """The plan of a worker that trains every rule on several tasks.

    Attributes:
        plans: one for each task.
    """

    plans: tuple[WorkerPlan, ...]

    @property
    def device(self) -> str:
        """Torch's name of the device of the first task's plan."""
        return self.plans[0].device

    def scorer(self) -> Scorer:
        """Return a scorer whose scores hold those of the tasks, for `combine`."""
        return per_task_scorer([plan.scorer() for plan in self.plans])


@dataclass(frozen=True, slots=True)
class PerTaskScorer:
    """A `Scorer` whose scores hold those of other scorers, one for each task.

    Attributes:
        scorers: one for each task.
    """

    scorers: tuple[Scorer, ...]

    def __call__(
        self, rules: Sequence[Expression], replicate: int | None = None, /
    ) -> list[Score]:
        columns = zip(
            *(scorer(rules, replicate) for scorer in self.scorers), strict=True
        )
        return [Score("scored", tasks=tuple(scores)) for scores in columns]

    @property
    def steps_per_rule(self) -> int:
        """Optimizer steps of a rule on all tasks; 0 if a scorer does not say."""
        steps = [steps_per_rule(scorer) for scorer in self.scorers]
        return sum(steps) if all(steps) else 0


def per_task_scorer(scorers: Sequence[Scorer]) -> Scorer:
    """Make a scorer whose scores hold those of others, one for each task.

    Args:
        scorers: one for each task.

    Returns:
        A scorer whose scores have `tasks`, in the order of `scorers`.
    """
    return PerTaskScorer(tuple(scorers))


def combine(score: Score, adam: Mapping[str, float]) -> Score:
    """Combine the scores of the tasks into one.

    Args:
        score: as a MultiTaskPlan's scorer makes it.
        adam: Adam's quality on each task, by its name.

    Returns:
        A score whose `tasks` are named. Its reason names the tasks on which the rule
        diverged; screening and curve are those of the first task. It has no learning
        rate, loss and accuracy: each task has its own. A score without `tasks`, whose
        training broke, is returned as it is.
    """
    if not score.tasks:  # the training broke
        return score
    tasks = tuple(
        replace(each, task=name) for name, each in zip(adam, score.tasks, strict=True)
    )
    diverged = [each for each in tasks if each.status != "scored"]
    shares = [
        each.quality / (each.quality + base)
        for each, base in zip(tasks, adam.values(), strict=True)
    ]
    lost = len(diverged) == len(tasks)
    return Score(
        "diverged" if lost else "scored",
        0.0 if lost else fmean(shares),
        reason="; ".join(f"{each.task} diverged {each.reason}" for each in diverged),
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
    """Return Adam's quality on each task, found by an evaluator's own workers.

    Args:
        evaluator: its scores hold those of the tasks.
        names: of the tasks.

    Returns:
        Qualities by the names of the tasks.

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
    names: Sequence[str],
    scorers: Sequence[Scorer],
    rules: Sequence[Expression],
    budget: str,
) -> list[Score]:
    """Return combined scores of rules on several tasks; Adam is trained with them.

    Args:
        names: of the tasks.
        scorers: one a task.
        rules: to be scored.
        budget: its name, for messages.

    Returns:
        One combined score for each rule, in the same order.

    Raises:
        ValueError: Adam's quality on a task can't be a reference.
    """
    first, *scores = per_task_scorer(scorers)([ADAM, *rules])
    adam = {name: each.quality for name, each in zip(names, first.tasks, strict=True)}
    check_baselines(adam, budget)
    return [combine(score, adam) for score in scores]
