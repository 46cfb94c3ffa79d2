"""Scorers: functions from rules to scores, and the plans that make them elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.engines import CPU_FLOAT32, Engine, Numerics, choose_engine
from neuralopt.evaluators.evaluator import Scorer
from neuralopt.language import parse
from neuralopt.scoring import Budget, Score, Trial, score_trials
from neuralopt.scoring.protocol import steps_of_trial
from neuralopt.tasks import Task


@dataclass(frozen=True, slots=True)
class TaskScorer:
    """A `Scorer` of one task: scores of canonical rule texts on its validation split.

    Attributes:
        task: that rules are trained on.
        budget: of each rule.
        engine: trains them.
    """

    task: Task
    budget: Budget
    engine: Engine

    def __call__(self, texts: Sequence[str]) -> list[Score]:
        replicates = tuple(range(self.budget.replicates))
        trials = [Trial(parse(text), replicates) for text in texts]
        return [
            scores["validation"]
            for scores in score_trials(self.engine, self.task, self.budget, trials)
        ]

    @property
    def steps_per_rule(self) -> int:
        """Optimizer steps of a rule, those that divergence saves included."""
        return steps_of_trial(self.task, self.budget, self.budget.replicates)


def scorer(task: Task, budget: Budget, engine: Engine) -> Scorer:
    """Make the scorer of a task."""
    return TaskScorer(task, budget, engine)


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """What a worker in another process needs to make its scorer, the data included."""

    task: Task
    budget: Budget
    engine: str
    seed: int
    numerics: Numerics = CPU_FLOAT32

    def scorer(self) -> Scorer:
        """A scorer with an engine of its own.

        Raises ValueError if this machine does not have the device.
        """
        self.numerics.check()
        engine = choose_engine(self.engine, self.task, self.seed, self.numerics)
        return scorer(self.task, self.budget, engine)
