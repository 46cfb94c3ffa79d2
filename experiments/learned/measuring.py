"""Losses of learned optimizers, rules and torch's optimizers on given trainings."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from neuralopt.engines import choose_engine
from neuralopt.engines.engine import Child, OptimizerSpec, TorchOptimizer
from neuralopt.scoring.replicates import (
    FIRST_TUNING_REPLICATE,
    FIRST_VERDICT_REPLICATE,
)
from neuralopt.tasks import Task

RATES = tuple(10.0 ** (n / 4) for n in range(-16, 5))
"""From 0.0001 to 10, four in a decade."""

TUNING_SEEDS = 3
CHANCE = math.log(10)
"""Loss of equal probabilities of ten classes."""


def losses(
    task: Task,
    candidate: OptimizerSpec,
    rate: float,
    epochs: int,
    seeds: int,
    along: Sequence[int] = (),
    first: int = FIRST_VERDICT_REPLICATE,
) -> np.ndarray:
    """Return losses on the training split, of fresh seeds.

    Args:
        task: trained on.
        candidate: trained with.
        rate: learning rate.
        epochs: of the training.
        seeds: initial weights and data orders.
        along: numbers of steps.
        first: number of the first replicate.

    Returns:
        (seeds, along), or (seeds, 1) at the end where no steps are given; inf where a
        training diverged.
    """
    engine = choose_engine(
        "serial" if isinstance(candidate, TorchOptimizer) else "auto", task
    )
    children = [Child(candidate, rate, first + seed) for seed in range(seeds)]
    outcomes = engine.train(children, epochs, ("training",), along=along)
    return np.array([each.along if along else each.losses for each in outcomes])


def tuned_rate(
    task: Task,
    candidate: OptimizerSpec,
    epochs: int,
    rates: Sequence[float] = RATES,
) -> float:
    """Return the rate with the least mean loss at the end, on seeds of their own.

    Args:
        task: trained on.
        candidate: trained with.
        epochs: of the training.
        rates: that are tried.
    """
    first = FIRST_TUNING_REPLICATE
    means = [
        losses(task, candidate, rate, epochs, TUNING_SEEDS, first=first).mean()
        for rate in rates
    ]
    return rates[int(np.argmin(means))]


def by_candidate(
    task: Task,
    candidates: Mapping[str, tuple[OptimizerSpec, float]],
    epochs: int,
    seeds: int,
    along: Sequence[int] = (),
) -> dict[str, list[list[float]]]:
    """Return losses of several candidates, each at its own rate.

    Args:
        task: trained on.
        candidates: with their rates.
        epochs: of the training.
        seeds: initial weights and data orders.
        along: numbers of steps.

    Returns:
        Of each, what `losses` returns, as lists.
    """
    return {
        name: losses(task, candidate, rate, epochs, seeds, along).tolist()
        for name, (candidate, rate) in candidates.items()
    }
