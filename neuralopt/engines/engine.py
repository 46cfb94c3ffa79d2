"""What every engine does: train children and say how each ended.

Knows children and outcomes; refuses to know how training is done, and why.
"""

import itertools
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.optim.optimizer import Optimizer

from neuralopt.catalog import hint
from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.engines.numerics import Numerics
from neuralopt.language import SCHEDULES, Expression, schedule_factor
from neuralopt.tasks import Examples, Recipe, Split, Task

CURVE_POINTS = 20
MEASURED_AT_ONCE = 1000
"""Held-out examples; larger splits would need much memory."""
WEIGHTS, ORDER = 1, 2
"""Purposes of random bits, so that equal counters don't give equal bits."""

_GENERATOR = threading.Lock()


class UnsupportedTaskError(ValueError):
    """The engine does not support the task; one line says why and what to use."""


class DeviceData:
    """A task's examples where they are trained on, each split moved there once."""

    def __init__(self, task: Task, numerics: Numerics) -> None:
        self._task, self._arithmetic = task, numerics
        self._parts: dict[Split, Examples] = {}

    def __getitem__(self, split: Split) -> Examples:
        if split not in self._parts:
            examples, place = self._task.examples(split), self._arithmetic.place
            self._parts[split] = Examples(
                place(examples.inputs), place(examples.targets)
            )
        return self._parts[split]


@dataclass(frozen=True, slots=True)
class TorchOptimizer:
    """An optimizer of torch's own, trained beside rules for comparison."""

    name: str
    make: Callable[[Iterable[torch.Tensor], float], Optimizer]

    def __str__(self) -> str:
        return self.name


OptimizerSpec = Expression | TorchOptimizer


@dataclass(frozen=True, slots=True)
class Child:
    """One training run: initial weights and data order follow from `replicate`."""

    rule: OptimizerSpec
    learning_rate: float
    replicate: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended.

    losses, accuracies: one for each split that was asked for, inf and 0 if it diverged.
    curve: training loss along the run, means of at most 20 equal stretches.
    """

    diverged: bool
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    curve: tuple[float, ...]


class Engine(Protocol):
    """Trains children of one task.

    A child's outcome depends on (task, seed, numbers, child, epochs, limit) alone,
    never on the children beside it. A child is diverged at its first non-finite
    training loss or weight.
    """

    @property
    def name(self) -> str: ...

    def train(
        self,
        children: Sequence[Child],
        epochs: int,
        splits: Sequence[Split],
        limit: int | None = None,
    ) -> list[Outcome]:
        """Outcomes in the order of the children, measured on held-out splits.

        limit: an epoch ends after so many examples, if there are more.
        """
        ...


def steps_per_epoch(task: Task, limit: int | None = None) -> int:
    """Whole batches of the training split, or of so many of its examples."""
    count = len(task.examples("training"))
    return (count if limit is None else min(limit, count)) // task.batch_size


def initial_parameters(task: Task, seed: int, replicate: int) -> torch.nn.Module:
    """A network whose weights depend on (seed, replicate) alone, float32."""
    # All threads share torch's global generator: one at a time may seed and draw.
    with _GENERATOR, torch.random.fork_rng(devices=[]):
        # torch.manual_seed would seed the generators of all GPUs too.
        torch.default_generator.manual_seed(counter_key(seed, replicate, WEIGHTS)[0])
        return task.network()


def batch_order(
    task: Task, seed: int, replicate: int, epoch: int, limit: int | None = None
) -> torch.Tensor:
    """Numbers of the training examples of each step of an epoch, (steps, batch)."""
    steps, count = steps_per_epoch(task, limit), len(task.examples("training"))
    order = counter_order(counter_key(seed, replicate, ORDER, epoch), count)
    used = torch.from_numpy(order[: steps * task.batch_size])
    return used.view(steps, task.batch_size)


def rate_factors(recipe: Recipe, steps: int) -> list[float]:
    """Of the learning rate, at each step of a training, as a recipe has it.

    Raises ValueError if its schedule is none.
    """
    text = recipe.schedule
    try:
        factor = schedule_factor(text, steps)
    except ValueError as error:
        known = hint(text, SCHEDULES)
        why = f"unknown schedule {text!r}: {known}" if text.isidentifier() else error
        raise ValueError(f"task.recipe.schedule: {why}") from None
    rising = recipe.warmup * steps
    return [
        factor(t) * (min(1.0, (t + 1) / rising) if rising else 1.0)
        for t in range(steps)
    ]


def curve_of(losses: Sequence[float]) -> tuple[float, ...]:
    """Means of at most 20 equal stretches of the losses of all steps."""
    count = len(losses)
    if count <= CURVE_POINTS:
        return tuple(losses)
    edges = [round(i * count / CURVE_POINTS) for i in range(CURVE_POINTS + 1)]
    return tuple(math.fsum(losses[a:b]) / (b - a) for a, b in itertools.pairwise(edges))


def diverged_outcome(losses: Sequence[float], splits: Sequence[Split]) -> Outcome:
    """A diverged child: its curve ends before the first non-finite loss."""
    finite = list(itertools.takewhile(math.isfinite, losses))
    return Outcome(
        True,
        tuple(math.inf for _ in splits),
        tuple(0.0 for _ in splits),
        curve_of(finite) if finite else (),
    )


def measure(
    network: torch.nn.Module, task: Task, examples: Examples, numerics: Numerics
) -> tuple[float, float]:
    """Mean loss and accuracy of a network in its evaluation mode."""
    losses, accuracies, sizes = [], [], []
    pieces = zip(
        examples.inputs.split(MEASURED_AT_ONCE),
        examples.targets.split(MEASURED_AT_ONCE),
        strict=True,
    )
    with torch.no_grad():
        for inputs, targets in pieces:
            with numerics.autocast():
                outputs = network(inputs)
                losses.append(task.loss(outputs, targets).item())
            accuracies.append(task.accuracy(outputs, targets).item())
            sizes.append(len(targets))
    if len(sizes) == 1:
        return losses[0], accuracies[0]
    count = sum(sizes)
    return (
        sum(value * size for value, size in zip(losses, sizes, strict=True)) / count,
        sum(value * size for value, size in zip(accuracies, sizes, strict=True))
        / count,
    )
