"""Train a child and keep the weights that it had on its way."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from neuralopt.engines.engine import (
    Child,
    OptimizerSpec,
    measure,
    steps_per_epoch,
    training_steps,
)
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.serial import SerialEngine
from neuralopt.tasks import Examples, Task

KEPT = 60
"""Weights of a training that are kept at most, evenly spaced."""

EXAMPLES = 1000
"""Training examples at most that a loss is measured on: the first ones."""

FLOAT64 = Numerics(torch.float64)


@dataclass(frozen=True, slots=True)
class Training:
    """A child and its way.

    Attributes:
        network: the trained child, in its evaluation mode.
        steps: taken, of each kept vector of weights.
        weights: (kept, parameters): the initial ones first, the last ones last.
        loss: mean loss at the end on the measured examples; infinite if it diverged.
    """

    network: nn.Module
    steps: tuple[int, ...]
    weights: torch.Tensor
    loss: float

    @property
    def diverged(self) -> bool:
        """Whether a loss or a weight was not finite."""
        return math.isinf(self.loss)


class _Watched(SerialEngine):
    """The serial engine, which keeps the weights before each of some steps."""

    every = 1

    def _backward(
        self, network: nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        if not hasattr(self, "kept"):
            self.kept: list[tuple[int, torch.Tensor]] = []
            self.taken, self.network = 0, network
        if self.taken % self.every == 0:
            self.kept.append((self.taken, flat(network)))
        self.taken += 1
        return super()._backward(network, inputs, targets)


def train(
    task: Task, rule: OptimizerSpec, lr: float, steps: int, seed: int
) -> Training:
    """Train a child in float64, as the serial engine does, and keep its way.

    Args:
        task: the training problem.
        rule: the rule, or an optimizer of torch.
        lr: learning rate.
        steps: about how many to take: a part of an epoch, or else whole epochs.
        seed: of initial weights and the order of examples.

    Returns:
        The training.
    """
    epochs, limit = training_length(task, steps)
    engine = _Watched(task, seed, numerics=FLOAT64)
    planned = training_steps(task, epochs, limit)
    engine.every = max(1, math.ceil(planned / KEPT))
    (outcome,) = engine.train([Child(rule, lr, 0)], epochs, ("training",), limit)
    network, kept = engine.network.eval(), engine.kept
    last = flat(network)
    if bool(last.isfinite().all()):
        kept.append((engine.taken, last))
    loss = math.inf if outcome.diverged else loss_of(task, network)
    numbers, weights = zip(*kept, strict=True)
    return Training(network, numbers, torch.stack(weights), loss)


def training_length(task: Task, steps: int) -> tuple[int, int | None]:
    """Return the length of a training of about so many steps.

    Args:
        task: gives the training split and the batch size.
        steps: a part of an epoch, or else whole epochs.

    Returns:
        Epochs, and examples of an epoch or None for all.
    """
    whole = steps_per_epoch(task)
    if steps < whole:
        return 1, steps * task.batch_size
    return round(steps / whole), None


def flat(network: nn.Module) -> torch.Tensor:
    """Return a copy of all parameters as one vector."""
    parameters = [each.detach().reshape(-1) for each in network.parameters()]
    return torch.cat(parameters).clone()


def set_flat(network: nn.Module, weights: torch.Tensor) -> None:
    """Give a network the parameters of a vector.

    Args:
        network: changed in place; what is not a parameter stays.
        weights: as `flat` returned them.
    """
    parameters = list(network.parameters())
    parts = weights.split([each.numel() for each in parameters])
    with torch.no_grad():
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.copy_(part.view_as(parameter))


def measured_examples(task: Task) -> Examples:
    """Return the training examples that losses are measured on, in float64."""
    examples = task.examples("training")
    return Examples(
        FLOAT64.place(examples.inputs[:EXAMPLES]),
        FLOAT64.place(examples.targets[:EXAMPLES]),
    )


def loss_of(task: Task, network: nn.Module) -> float:
    """Return the mean loss of a network on the measured examples.

    Args:
        task: gives examples and loss.
        network: in its evaluation mode.
    """
    loss, _ = measure(network, task, measured_examples(task), FLOAT64)
    return loss if math.isfinite(loss) else math.inf


def losses_at(
    task: Task, network: nn.Module, weights: Iterable[torch.Tensor]
) -> list[float]:
    """Return the mean losses at several vectors of weights.

    Args:
        task: gives examples and loss.
        network: in its evaluation mode; it has its own weights again at the end.
        weights: the vectors.
    """
    own, losses = flat(network), []
    for each in weights:
        set_flat(network, each)
        losses.append(loss_of(task, network))
    set_flat(network, own)
    return losses
