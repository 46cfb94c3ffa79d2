"""From a rule to its score: short trainings, the best rate, the long training.

Knows the protocol of Bello et al. 2017, section on the search; refuses to know engines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.engines.engine import Child, Engine, OptimizerSpec, Outcome
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.score import Score
from neuralopt.tasks import Split, Task


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule and the replicates that its score is the mean of."""

    rule: OptimizerSpec
    replicates: tuple[int, ...] = (0,)


def score_trials(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    splits: Sequence[Split] = ("validation",),
) -> list[dict[Split, Score]]:
    """Scores of each trial on each held-out split.

    The learning rate is chosen by the loss on `validation` whatever the splits are.
    """
    screened = _train(
        engine,
        [(trial, rate) for trial in trials for rate in budget.learning_rates],
        budget.screening_epochs,
        ("validation",),
        screening_limit(task, budget),
    )
    count = len(budget.learning_rates)
    screenings = [
        tuple(_mean_loss(outcomes, 0) for outcomes in screened[start : start + count])
        for start in range(0, len(screened), count)
    ]
    rates = [_best_rate(budget, screening) for screening in screenings]
    runs = [
        (trial, rate)
        for trial, rate in zip(trials, rates, strict=True)
        if rate is not None
    ]
    finished = iter(_train(engine, runs, budget.epochs, splits))
    return [
        {
            split: _score(task, index, rate, screening, outcomes)
            for index, split in enumerate(splits)
        }
        for rate, screening in zip(rates, screenings, strict=True)
        for outcomes in [next(finished) if rate is not None else []]
    ]


def _train(
    engine: Engine,
    runs: Sequence[tuple[Trial, float]],
    epochs: int,
    splits: Sequence[Split],
    limit: int | None = None,
) -> list[list[Outcome]]:
    """For each (trial, rate) the outcomes of all its replicates."""
    children = [
        Child(trial.rule, rate, replicate)
        for trial, rate in runs
        for replicate in trial.replicates
    ]
    outcomes = iter(engine.train(children, epochs, splits, limit))
    return [[next(outcomes) for _ in trial.replicates] for trial, _ in runs]


def screening_limit(task: Task, budget: Budget) -> int | None:
    """Of the examples of a short training's epoch, if it makes a difference.

    Raises ValueError if that is less than a batch.
    """
    limit = budget.screening_examples
    if not limit or limit >= len(task.examples("training")):
        return None
    if limit < task.batch_size:
        raise ValueError(
            f"budget.screening_examples is {limit}: give at least {task.batch_size}, a "
            f"batch of {task.name}, or 0 for all"
        )
    return limit


def _mean_loss(outcomes: Sequence[Outcome], split: int) -> float:
    return math.fsum(outcome.losses[split] for outcome in outcomes) / len(outcomes)


def _best_rate(budget: Budget, screening: Sequence[float]) -> float | None:
    """The rate of the lowest loss, the smaller one of two; None if all diverged."""
    best = min(zip(screening, budget.learning_rates, strict=True))
    return best[1] if math.isfinite(best[0]) else None


def _score(
    task: Task,
    split: int,
    rate: float | None,
    screening: tuple[float, ...],
    outcomes: Sequence[Outcome],
) -> Score:
    if rate is None:
        return Score("diverged", reason="at every rate", screening=screening)
    if all(outcome.diverged for outcome in outcomes):
        return Score(
            "diverged",
            lr=rate,
            reason="in the long run",
            screening=screening,
            curve=outcomes[0].curve,
        )
    count = len(outcomes)
    qualities = [
        0.0 if outcome.diverged else task.quality(outcome.losses[split])
        for outcome in outcomes
    ]
    loss = _mean_loss(outcomes, split)
    return Score(
        "scored",
        quality=math.fsum(qualities) / count,
        lr=rate,
        loss=loss if math.isfinite(loss) else None,
        accuracy=math.fsum(outcome.accuracies[split] for outcome in outcomes) / count,
        screening=screening,
        curve=next(o.curve for o in outcomes if not o.diverged),
    )
