"""Scorers: functions from rules to scores, and plans that make them in workers."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.engines import CPU_FLOAT32, Engine, Numerics, choose_engine
from neuralopt.language import Expression
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_trials, steps_of_trial
from neuralopt.scoring.score import Score
from neuralopt.tasks import Task


@dataclass(frozen=True, slots=True)
class TaskScorer:
    """A `Scorer` of one task after `epochs`, on its validation split.

    Attributes:
        task: the training problem.
        budget: learning rates, epochs and replicates.
        engine: that trains.
    """

    task: Task
    budget: Budget
    engine: Engine

    def __call__(
        self, rules: Sequence[Expression], replicate: int | None = None, /
    ) -> list[Score]:
        searched = tuple(range(self.budget.replicates))
        replicates = searched if replicate is None else (replicate,)
        trials = [Trial(rule, replicates) for rule in rules]
        return [
            scores["validation"]
            for scores in score_trials(self.engine, self.task, self.budget, trials)
        ]

    @property
    def steps_per_rule(self) -> int:
        """Optimizer steps of a rule, those that divergence saves included."""
        return steps_of_trial(self.task, self.budget, self.budget.replicates)


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """What a worker in another process needs to make its scorer.

    Attributes:
        task: the training problem, with its data.
        budget: learning rates, epochs and replicates.
        engine: name of the engine.
        seed: of the search.
        numerics: dtype and device.
    """

    task: Task
    budget: Budget
    engine: str
    seed: int
    numerics: Numerics = CPU_FLOAT32

    @property
    def device(self) -> str:
        """Torch's name of the device that children are trained on."""
        return self.numerics.device

    def scorer(self) -> TaskScorer:
        """Return a scorer with an engine of its own.

        Raises:
            ValueError: this machine does not have the device.
        """
        self.numerics.check()
        engine = choose_engine(self.engine, self.task, self.seed, self.numerics)
        return TaskScorer(self.task, self.budget, engine)
