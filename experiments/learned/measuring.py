"""Losses of learned optimizers, rules and torch's optimizers on given trainings."""

from collections.abc import Sequence

import numpy as np

from neuralopt.engines import choose_engine
from neuralopt.engines.engine import Child, Engine, OptimizerSpec, TorchOptimizer
from neuralopt.scoring.replicates import (
    FIRST_TUNING_REPLICATE,
    FIRST_VERDICT_REPLICATE,
)
from neuralopt.tasks import Task

RATES = tuple(10.0 ** (n / 4) for n in range(-16, 5))
"""From 0.0001 to 10, four in a decade."""

TUNING_SEEDS = 2


def losses(
    task: Task,
    candidate: OptimizerSpec,
    rate: float,
    epochs: int,
    seeds: int,
    along: Sequence[int] = (),
) -> np.ndarray:
    """Return losses on the training split, of fresh seeds.

    Args:
        task: trained on.
        candidate: trained with.
        rate: learning rate.
        epochs: of the training.
        seeds: initial weights and data orders.
        along: numbers of steps.

    Returns:
        (seeds, along), or (seeds, 1) at the end where no steps are given; inf where a
        training diverged.
    """
    replicates = range(FIRST_VERDICT_REPLICATE, FIRST_VERDICT_REPLICATE + seeds)
    children = [Child(candidate, rate, replicate) for replicate in replicates]
    outcomes = _engine(task, candidate).train(
        children, epochs, ("training",), along=along
    )
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
    children = [
        Child(candidate, rate, first + seed)
        for rate in rates
        for seed in range(TUNING_SEEDS)
    ]
    outcomes = _engine(task, candidate).train(children, epochs, ("training",))
    found = np.array([each.losses[0] for each in outcomes])
    return rates[int(found.reshape(len(rates), -1).mean(axis=1).argmin())]


def _engine(task: Task, candidate: OptimizerSpec) -> Engine:
    own = isinstance(candidate, TorchOptimizer)
    return choose_engine("serial" if own else "auto", task)
