"""One quality from several tasks.

Knows how scores are set against Adam's and put together; refuses to know how a rule is
trained. A rule is scored on each task by itself, with a learning rate for each.

    quality = mean over tasks of q / (q + a)

where q is the rule's quality on a task and a is Adam's, under the same budget and seed.
It is 0.5 for Adam, lies in [0, 1], and gives every task the same weight however hard it
is; a task on which a rule diverges counts 0.
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
from neuralopt.language import RULES
from neuralopt.scoring.score import Score

ADAM = str(RULES["adam"].expression)
SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class MultiTaskPlan:
    """The plan of a worker that trains every rule on several tasks."""

    plans: tuple[WorkerPlan, ...]

    def scorer(self) -> Scorer:
        """Scores hold those of the tasks; `combine` makes one of them."""
        return per_task_scorer([plan.scorer() for plan in self.plans])


@dataclass(frozen=True, slots=True)
class PerTaskScorer:
    """A `Scorer` whose scores hold those of other scorers, one for each task."""

    scorers: tuple[Scorer, ...]

    def __call__(self, texts: Sequence[str]) -> list[Score]:
        columns = zip(*(scorer(texts) for scorer in self.scorers), strict=True)
        return [Score("scored", tasks=tuple(scores)) for scores in columns]

    @property
    def steps_per_rule(self) -> int:
        """Optimizer steps of a rule on all tasks; 0 if a scorer does not say."""
        steps = [steps_per_rule(scorer) for scorer in self.scorers]
        return sum(steps) if all(steps) else 0


def per_task_scorer(scorers: Sequence[Scorer]) -> Scorer:
    """Make a scorer whose scores hold those of others, one for each task."""
    return PerTaskScorer(tuple(scorers))


def combine(score: Score, adam: Mapping[str, float]) -> Score:
    """One score of those of the tasks; adam: its quality on each, by task.

    Its reason says what became of the rule on each; screening and curve are those of
    the first task, and there is no one learning rate, loss or accuracy.
    """
    if not score.tasks:  # the training broke
        return score
    told = "; ".join(
        f"{name} {each.quality:.4f} at {each.lr:g}"
        if each.status == "scored"
        else f"{name} diverged {each.reason}"
        for name, each in zip(adam, score.tasks, strict=True)
    )
    screening, curve = score.tasks[0].screening, score.tasks[0].curve
    if all(each.status != "scored" for each in score.tasks):
        return Score("diverged", reason=told, screening=screening, curve=curve)
    shares = [
        each.quality / (each.quality + base)
        for each, base in zip(score.tasks, adam.values(), strict=True)
    ]
    quality = fmean(shares)
    return Score("scored", quality, reason=told, screening=screening, curve=curve)


def check_baselines(adam: Mapping[str, float], budget: str) -> None:
    """Raise ValueError if there is a task that Adam's quality can't be a measure of."""
    for name, quality in adam.items():
        if not 0 < quality <= 1:
            raise ValueError(
                f"task {name}: Adam's quality under budget {budget} is {quality}, "
                "nothing to set others against: choose another budget, or leave the "
                "task out"
            )


class MultiTaskEvaluator:
    """An evaluator of one quality from several tasks; another one does the work.

    evaluator: its scores hold those of the tasks, as a MultiTaskPlan' do.
    adam: its quality by task, as `adam_qualities` finds it.
    """

    def __init__(self, evaluator: Evaluator, adam: Mapping[str, float]) -> None:
        self._evaluator, self._adam = evaluator, adam

    def workers(self) -> Workers:
        return self._evaluator.workers()

    def submit(self, requests: Sequence[Request]) -> None:
        self._evaluator.submit(requests)

    def collect(self, timeout: float) -> list[Completion]:
        return [
            replace(done, score=combine(done.score, self._adam))
            for done in self._evaluator.collect(timeout)
        ]

    def close(self) -> None:
        self._evaluator.close()


def adam_qualities(evaluator: Evaluator, names: Sequence[str]) -> dict[str, float]:
    """Adam's quality on each task, by an evaluator's own workers.

    Raises ValueError if its training breaks.
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
    texts: Sequence[str],
    budget: str,
) -> list[Score]:
    """Scores of rules on several tasks, in this process, Adam trained beside them."""
    first, *scores = per_task_scorer(scorers)([ADAM, *texts])
    adam = {name: each.quality for name, each in zip(names, first.tasks, strict=True)}
    check_baselines(adam, budget)
    return [combine(score, adam) for score in scores]
