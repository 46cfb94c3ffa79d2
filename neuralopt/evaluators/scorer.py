"""Scorers: functions from rules to scores, and the plans that make them elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.engines import CPU_FLOAT32, Engine, Numerics, choose_engine
from neuralopt.evaluators.evaluator import Scorer
from neuralopt.language import parse
from neuralopt.scoring import Budget, Score, Trial, score_trials
from neuralopt.tasks import Task


def scorer(task: Task, budget: Budget, engine: Engine) -> Scorer:
    """A function from canonical rule texts to scores on the validation split."""
    replicates = tuple(range(budget.replicates))

    def score(texts: Sequence[str]) -> list[Score]:
        trials = [Trial(parse(text), replicates) for text in texts]
        return [
            scores["validation"]
            for scores in score_trials(engine, task, budget, trials)
        ]

    return score


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """What a worker in another process needs to make its scorer, the data included."""

    task: Task
    budget: Budget
    engine: str
    seed: int
    numerics: Numerics = CPU_FLOAT32

    @property
    def device(self) -> str:
        return self.numerics.device

    def scorer(self) -> Scorer:
        """A scorer with an engine of its own.

        Raises ValueError if this machine does not have the device.
        """
        self.numerics.check()
        engine = choose_engine(self.engine, self.task, self.seed, self.numerics)
        return scorer(self.task, self.budget, engine)
