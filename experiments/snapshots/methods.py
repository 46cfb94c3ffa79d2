"""The trainings that are compared: schedules, growing batches, and ensembles."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from experiments.snapshots.networks import KeepingEngine
from neuralopt.engines.engine import Child, Engine, batch_sizes
from neuralopt.engines.stacked import StackedEngine
from neuralopt.language import RULES, SCHEDULES, Expression, parse
from neuralopt.scoring.replicates import FIRST_VERDICT_REPLICATE
from neuralopt.tasks import Split, Task, with_recipe

EPOCHS, MEMBERS = 30, 5
CYCLE = EPOCHS // MEMBERS
"""Epochs of a snapshot's cycle, and of an independent member."""

EPOCH_STEPS = 16
"""Of the tasks on the digits."""

GROWTH, MILESTONES = 2.0, "0.4 0.6 0.8"
GRIDS: Mapping[str, tuple[float, ...]] = {
    "momentum": (0.04, 0.08, 0.16),
    "adamw": (0.008, 0.016, 0.032),
}
"""The first learning rates by rule; a grid grows until its best rate is inside."""

TUNING_SEEDS = 3
_PERIOD = CYCLE * EPOCH_STEPS
FACTORS: Mapping[str, str] = {
    "constant": "1",
    "cosine": str(SCHEDULES["cosine"].expression),
    # `restarts` in terms of t, so that shorter trainings are beginnings of longer ones.
    "restarts": f"0.5 * (1 + cos(pi * ((t % {_PERIOD}) / {_PERIOD})))",
    "growing restarts": str(SCHEDULES["growing_restarts"].expression),
    "triangular": str(SCHEDULES["triangular"].expression),
    "steps": "exp2((max(0, 5 * progress - 1) % 1) - max(0, 5 * progress - 1))",
    "growing batches": "1",
}
"""Factor of the learning rate by method. `steps` halves the rate where the batches of
`growing batches` become twice as large."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A task with the engines that train on it.

    Attributes:
        task: with batches of one size.
        keeping: trains it.
        growing: trains it with batches that grow.
    """

    task: Task
    keeping: KeepingEngine
    growing: Engine

    @classmethod
    def of(cls, task: Task) -> "Lab":
        """Make the engines of a task."""
        grown = with_recipe(task, batch_growth=GROWTH, batch_milestones=MILESTONES)
        return cls(task, KeepingEngine(task), StackedEngine(grown, 0))


def rule_of(name: str, method: str) -> Expression:
    """Return a named rule under a method's factor."""
    factor = FACTORS[method]
    rule = RULES[name].expression
    return rule if factor == "1" else parse(f"({factor}) * ({rule})")


def replicates_of(seed: int) -> range:
    """Return the replicates of a seed: of the independent runs, and first of others."""
    first = FIRST_VERDICT_REPLICATE + seed * MEMBERS
    return range(first, first + MEMBERS)


def tuned(measure: Callable[[float], float], grid: Sequence[float]) -> float:
    """Return the rate of the lowest loss, which is inside of the grid.

    Args:
        measure: loss at a rate, inf if a training diverged.
        grid: rates in rising order; it is continued by factors of 2 where its best rate
            is at an end, eight times at most.
    """
    found = {rate: measure(rate) for rate in grid}
    for _ in range(8):
        best = min(found, key=found.__getitem__)
        if best not in (min(found), max(found)):
            break
        other = best / 2 if best == min(found) else best * 2
        found[other] = measure(other)
    return min(found, key=found.__getitem__)


def schedule_losses(
    lab: Lab,
    name: str,
    method: str,
    rate: float,
    replicates: Sequence[int],
    split: Split,
) -> tuple[list[float], list[tuple[float, ...]]]:
    """Train by one method.

    Args:
        lab: the task.
        name: of the rule.
        method: a key of FACTORS.
        rate: before the factor.
        replicates: one training each.
        split: that is measured.

    Returns:
        The loss of each training at its end, and after each epoch.
    """
    grows = method == "growing batches"
    engine: Engine = lab.growing if grows else lab.keeping
    task = with_recipe(
        lab.task, batch_growth=GROWTH if grows else 1.0, batch_milestones=MILESTONES
    )
    ends = np.cumsum([len(sizes) for sizes in batch_sizes(task, EPOCHS)]).tolist()
    rule = rule_of(name, method)
    children = [Child(rule, rate, replicate) for replicate in replicates]
    found = engine.train(children, EPOCHS, (split,), None, ends)
    return [each.losses[0] for each in found], [each.along for each in found]


def snapshots(
    lab: Lab, name: str, rate: float, replicate: int
) -> list[nn.Module | None]:
    """Return the networks at the ends of a training's cycles."""
    child = Child(rule_of(name, "restarts"), rate, replicate)
    lengths = [CYCLE * (number + 1) for number in range(MEMBERS)]
    return lab.keeping.networks(child, lengths)


def independents(
    lab: Lab, name: str, rate: float, replicates: Sequence[int]
) -> list[nn.Module | None]:
    """Return networks of short trainings, each under one cosine."""
    rule = rule_of(name, "cosine")
    children = [Child(rule, rate, replicate) for replicate in replicates]
    return [lab.keeping.networks(child, [CYCLE])[0] for child in children]


def ensemble_loss(
    task: Task, networks: Sequence[nn.Module | None], split: Split
) -> float:
    """Return the mean cross-entropy of the mean prediction.

    Args:
        task: a classification.
        networks: in evaluation mode; None for one that diverged.
        split: that is measured.

    Returns:
        The loss; inf if a network diverged.
    """
    examples, found = task.examples(split), []
    for network in networks:
        if network is None:
            return math.inf
        with torch.no_grad():
            found.append(network(examples.inputs).double().softmax(1))
    mean = torch.stack(found).mean(0)
    return float(nn.functional.nll_loss(mean.log(), examples.targets))
