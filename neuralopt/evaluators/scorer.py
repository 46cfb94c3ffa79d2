"""Scorers: functions from rules to scores, and plans that make them in workers."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.engines import CPU_FLOAT32, Engine, Numerics, choose_engine
from neuralopt.evaluators.evaluator import Scorer
from neuralopt.language import Expression
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.scoring.score import Score
from neuralopt.tasks import Task


def scorer(task: Task, budget: Budget, engine: Engine) -> Scorer:
    """Return a function from rules to scores on the validation split.

    Args:
        task: the training problem.
        budget: learning rates, epochs and replicates.
        engine: that trains.
    """
    replicates = tuple(range(budget.replicates))

    def score(rules: Sequence[Expression]) -> list[Score]:
        trials = [Trial(rule, replicates) for rule in rules]
        return [
            scores["validation"]
            for scores in score_trials(engine, task, budget, trials)
        ]

    return score


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
        return self.numerics.device

    def scorer(self) -> Scorer:
        """Return a scorer with an engine of its own.

        Raises:
            ValueError: this machine does not have the device.
        """
        self.numerics.check()
        engine = choose_engine(self.engine, self.task, self.seed, self.numerics)
        return scorer(self.task, self.budget, engine)
