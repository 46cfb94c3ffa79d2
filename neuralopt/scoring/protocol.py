"""Score rules: short trainings at every learning rate, then a long one at the best.

The protocol is that of Bello et al. 2017; a refinement of the rate and further horizons
are added where the budget asks for them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from neuralopt.engines.engine import (
    Child,
    Engine,
    OptimizerSpec,
    Outcome,
    training_steps,
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


@dataclass(frozen=True, slots=True)
class Screening:
    """What the short trainings of a trial said.

    Attributes:
        losses: validation loss at each learning rate of the budget, inf where diverged.
        rate: chosen; None if all diverged.
    """

    losses: tuple[float, ...]
    rate: float | None


def screen(
    engine: Engine, task: Task, budget: Budget, trials: Sequence[Trial]
) -> list[Screening]:
    """Train each trial shortly at each learning rate of the budget.

    Args:
        engine: trains the children.
        task: that the engine was made for.
        budget: learning rates and length of the trainings.
        trials: screened together; one does not depend on the others.

    Returns:
        One screening for each trial. Of equal losses the smaller rate is chosen.

    Raises:
        ValueError: the budget's screening examples are fewer than a batch.
    """
    rates = [budget.learning_rates] * len(trials)
    epochs = budget.screening_epochs
    return [
        Screening(losses, _best_rate(losses, budget.learning_rates))
        for losses in _short_losses(engine, task, budget, trials, rates, epochs)
    ]


def refine(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    screenings: Sequence[Screening],
) -> list[Screening]:
    """Choose each trial's rate again, among more rates by longer trainings.

    Args:
        engine: trains the children.
        task: that the engine was made for.
        budget: its `refined_rates` are tried for its `refinement_epochs`, if any.
        trials: as they were screened.
        screenings: one for each trial.

    Returns:
        Screenings with the new rates; the old one stays where all trainings diverge.
    """
    if not budget.refinement_epochs:
        return list(screenings)
    rates = [
        () if each.rate is None else budget.refined_rates(each.rate)
        for each in screenings
    ]
    epochs = budget.refinement_epochs
    found = _short_losses(engine, task, budget, trials, rates, epochs)
    return [
        replace(each, rate=_best_rate(losses, tried) or each.rate)
        for each, losses, tried in zip(screenings, found, rates, strict=True)
    ]


def train_long(
    engine: Engine,
    task: Task,
    epochs: int,
    trials: Sequence[Trial],
    screenings: Sequence[Screening],
    splits: Sequence[Split] = ("validation",),
) -> list[dict[Split, Score]]:
    """Train each trial from fresh weights at its rate, and score it.

    Args:
        engine: trains the children.
        task: that the engine was made for.
        epochs: of the trainings.
        trials: as they were screened.
        screenings: one for each trial.
        splits: that the trainings are measured on.

    Returns:
        One mapping from splits to scores for each trial, in the same order.
    """
    counter = current_counter()
    begun, steps = counter.done, training_steps(task, epochs) * _children(trials)
    rates = [each.rate for each in screenings]
    runs = [
        (trial, rate)
        for trial, rate in zip(trials, rates, strict=True)
        if rate is not None
    ]
    finished = iter(_train(engine, runs, epochs, splits))
    counter.settle(begun + steps)
    return [
        {
            split: _score(task, index, each.rate, each.losses, outcomes)
            for index, split in enumerate(splits)
        }
        for each in screenings
        for outcomes in [next(finished) if each.rate is not None else []]
    ]


def score_trials(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    splits: Sequence[Split] = ("validation",),
) -> list[dict[Split, Score]]:
    """Score each trial on each held-out split, by the long training of `epochs`.

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
    first = replace(budget, horizons=())
    return score_horizons(engine, task, first, trials, splits)[0]


def score_horizons(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    splits: Sequence[Split] = ("validation",),
) -> list[list[dict[Split, Score]]]:
    """Score each trial as `score_trials` does, after `epochs` and at each horizon.

    Args:
        engine: trains the children.
        task: that the engine was made for.
        budget: learning rates, and lengths of short and long trainings.
        trials: scored together; a score does not depend on the other trials.
        splits: that the long trainings are measured on.

    Returns:
        For the budget's `epochs` and for each of its horizons, what `score_trials`
        returns.

    Raises:
        ValueError: the budget's screening examples are fewer than a batch.
    """
    found = screen(engine, task, budget, trials)
    found = refine(engine, task, budget, trials, found)
    lengths = (budget.epochs, *budget.horizons)
    return [
        train_long(engine, task, epochs, trials, found, splits) for epochs in lengths
    ]


def _short_losses(
    engine: Engine,
    task: Task,
    budget: Budget,
    trials: Sequence[Trial],
    rates: Sequence[tuple[float, ...]],
    epochs: int,
) -> list[tuple[float, ...]]:
    """Return the validation losses of each trial's short trainings at its rates."""
    counter, limit = current_counter(), screening_limit(task, budget)
    begun = counter.done
    runs = [
        (trial, rate)
        for trial, some in zip(trials, rates, strict=True)
        for rate in some
    ]
    outcomes = iter(_train(engine, runs, epochs, ("validation",), limit))
    # As many as if no trial had diverged.
    widest = max((len(some) for some in rates), default=0)
    steps = training_steps(task, epochs, limit) * widest * _children(trials)
    counter.settle(begun + steps)
    return [tuple(_mean_loss(next(outcomes), 0) for _ in some) for some in rates]


def _children(trials: Sequence[Trial]) -> int:
    return sum(len(trial.replicates) for trial in trials)


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


def steps_of_trial(task: Task, budget: Budget, replicates: int) -> int:
    """Return the optimizer steps of a trial, those that divergence saves included.

    Args:
        task: gives the training split and the batch size.
        budget: gives the learning rates and the lengths of the trainings.
        replicates: of the trial.

    Returns:
        Optimizer steps of short and long trainings, summed over all replicates; no gate
        stops the trial.

    Raises:
        ValueError: the budget's screening examples are fewer than a batch.
    """
    limit, rates = screening_limit(task, budget), len(budget.learning_rates)
    refined = 3 * training_steps(task, budget.refinement_epochs, limit)
    screened = rates * training_steps(task, budget.screening_epochs, limit)
    long = sum(
        training_steps(task, epochs) for epochs in (budget.epochs, *budget.horizons)
    )
    return replicates * (screened + refined + long)


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


def _best_rate(losses: Sequence[float], rates: Sequence[float]) -> float | None:
    """Return the (smaller) rate of the lowest loss; None if all diverged."""
    best = min(zip(losses, rates, strict=True), default=(math.inf, None))
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
