"""Score rules: short trainings at every learning rate, then a long one at the best.

The protocol is that of Bello et al. 2017.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.engines.engine import (
    Child,
    Engine,
    OptimizerSpec,
    Outcome,
    steps_per_epoch,
)
from neuralopt.engines.step_counter import current_counter
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.score import Score
from neuralopt.tasks import Split, Task


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule and the replicates that its score is averaged over.

    Attributes:
        rule: the rule or torch optimizer that is trained with.
        replicates: numbers of initial weights and data orders.
    """

    rule: OptimizerSpec
    replicates: tuple[int, ...] = (0,)


def score_trials(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    splits: Sequence[Split] = ("validation",),
) -> list[dict[Split, Score]]:
    """Score each trial on each held-out split.

    The learning rate is chosen by the loss on `validation`, for all splits.

    Args:
        engine: trains the children.
        task: that the engine was made for.
        budget: learning rates, and lengths of short and long trainings.
        trials: scored together; a score does not depend on the other trials.
        splits: that the long trainings are measured on.

    Returns:
        One mapping from splits to scores for each trial, in the same order.

    Raises:
        ValueError: the budget's screening examples are fewer than a batch.
    """
    short, long = steps_of_child(task, budget)
    children = sum(len(trial.replicates) for trial in trials)
    counter = current_counter()
    begun = counter.done
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
    screening_steps = children * count * short
    counter.settle(begun + screening_steps)
    rates = [_best_rate(budget, screening) for screening in screenings]
    runs = [
        (trial, rate)
        for trial, rate in zip(trials, rates, strict=True)
        if rate is not None
    ]
    finished = iter(_train(engine, runs, budget.epochs, splits))
    counter.settle(begun + screening_steps + children * long)
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
    """Return the outcomes of all replicates, for each (trial, rate)."""
    children = [
        Child(trial.rule, rate, replicate)
        for trial, rate in runs
        for replicate in trial.replicates
    ]
    outcomes = iter(engine.train(children, epochs, splits, limit))
    return [[next(outcomes) for _ in trial.replicates] for trial, _ in runs]


def steps_of_child(task: Task, budget: Budget) -> tuple[int, int]:
    """Return the optimizer steps of a short training, and those of a long one.

    Args:
        task: gives the training split and the batch size.
        budget: gives the lengths of the trainings.

    Returns:
        Steps of a short and of a long training of one child.

    Raises:
        ValueError: the budget's screening examples are fewer than a batch.
    """
    limit = screening_limit(task, budget)
    short = budget.screening_epochs * steps_per_epoch(task, limit)
    return short, budget.epochs * steps_per_epoch(task)


def steps_of_trial(task: Task, budget: Budget, replicates: int) -> int:
    """Return the optimizer steps of a trial, those that divergence saves included.

    Args:
        task: gives the training split and the batch size.
        budget: gives the learning rates and the lengths of the trainings.
        replicates: of the trial.

    Returns:
        Steps of all short and long trainings.

    Raises:
        ValueError: the budget's screening examples are fewer than a batch.
    """
    short, long = steps_of_child(task, budget)
    return replicates * (len(budget.learning_rates) * short + long)


def screening_limit(task: Task, budget: Budget) -> int | None:
    """Return the examples of a short training's epoch.

    Args:
        task: gives the training split and the batch size.
        budget: gives the screening examples.

    Returns:
        The number of examples; None for all.

    Raises:
        ValueError: they are fewer than a batch.
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
    """Return the (smaller) rate of the lowest loss; None if all diverged."""
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
