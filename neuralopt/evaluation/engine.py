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

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.language import Expression
from neuralopt.tasks import Part, Task

CURVE_POINTS = 20
WEIGHTS, ORDER = 1, 2
"""Purposes of random bits, so that equal counters don't give equal bits."""

_GENERATOR = threading.Lock()


@dataclass(frozen=True, slots=True)
class TorchOptimizer:
    """An optimizer of torch's own, trained beside rules for comparison."""

    name: str
    make: Callable[[Iterable[torch.Tensor], float], Optimizer]

    def __str__(self) -> str:
        return self.name


Trainee = Expression | TorchOptimizer


@dataclass(frozen=True, slots=True)
class Child:
    """One training run: initial weights and data order follow from `replicate`."""

    rule: Trainee
    learning_rate: float
    replicate: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended.

    losses, accuracies: one for each part that was asked for, inf and 0 if it diverged.
    curve: training loss along the run, means of at most 20 equal stretches.
    """

    diverged: bool
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    curve: tuple[float, ...]


class Engine(Protocol):
    """Trains children of one task.

    A child's outcome depends on (task, seed, dtype, child, epochs) alone, never on the
    children beside it. A child is diverged at its first non-finite training loss or
    weight.
    """

    @property
    def name(self) -> str: ...

    def train(
        self, children: Sequence[Child], epochs: int, parts: Sequence[Part]
    ) -> list[Outcome]:
        """Outcomes in the order of the children, measured on held-out parts."""
        ...


def steps_per_epoch(task: Task) -> int:
    """Whole batches of the training part."""
    return len(task.examples("training")) // task.batch_size


def initial_parameters(task: Task, seed: int, replicate: int) -> torch.nn.Module:
    """A network whose weights depend on (seed, replicate) alone, float32."""
    # All threads share torch's global generator: one at a time may seed and draw.
    with _GENERATOR, torch.random.fork_rng(devices=[]):
        torch.manual_seed(counter_key(seed, replicate, WEIGHTS)[0])
        return task.network()


def batch_order(task: Task, seed: int, replicate: int, epoch: int) -> torch.Tensor:
    """Numbers of the training examples of each step of an epoch, (steps, batch)."""
    steps, count = steps_per_epoch(task), len(task.examples("training"))
    order = counter_order(counter_key(seed, replicate, ORDER, epoch), count)
    used = torch.from_numpy(order[: steps * task.batch_size])
    return used.view(steps, task.batch_size)


def curve_of(losses: Sequence[float]) -> tuple[float, ...]:
    """Means of at most 20 equal stretches of the losses of all steps."""
    count = len(losses)
    if count <= CURVE_POINTS:
        return tuple(losses)
    edges = [round(i * count / CURVE_POINTS) for i in range(CURVE_POINTS + 1)]
    return tuple(math.fsum(losses[a:b]) / (b - a) for a, b in itertools.pairwise(edges))


def diverged_outcome(losses: Sequence[float], parts: Sequence[Part]) -> Outcome:
    """A diverged child: its curve ends before the first non-finite loss."""
    finite = list(itertools.takewhile(math.isfinite, losses))
    return Outcome(
        True,
        tuple(math.inf for _ in parts),
        tuple(0.0 for _ in parts),
        curve_of(finite) if finite else (),
    )
