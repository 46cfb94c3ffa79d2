"""A child that is trained a step at a time, by any function of its gradients."""

import itertools
import math
from collections.abc import Iterator

import torch
from torch import nn

from neuralopt.engines.engine import (
    DeviceData,
    batch_order,
    initial_parameters,
    measure,
)
from neuralopt.engines.numerics import CPU_FLOAT32, Numerics
from neuralopt.engines.randomness import TRAINING, seeded
from neuralopt.tasks import Split, Task


def check_plain(task: Task) -> None:
    """Check that a task is trained without clipping, decay, schedule and the like.

    Args:
        task: the training problem.

    Raises:
        ValueError: its recipe changes gradients, rates or batches.
    """
    if not task.recipe.plain:
        raise ValueError(
            f"task {task.name} has a recipe ({task.recipe.description}), without which "
            "optimizers are learned: leave out task.recipe"
        )


class SteppedChild:
    """A child, its weights as one vector and its batches in their order.

    Initial weights, order and random numbers are those of the engines for the same seed
    and replicate.

    Args:
        task: the training problem, with a plain recipe.
        seed: of the engine.
        replicate: number of the initial weights and data order.
        numerics: dtype of the training; the device is the CPU.

    Raises:
        ValueError: the task's recipe is not plain.
    """

    def __init__(
        self, task: Task, seed: int, replicate: int, numerics: Numerics = CPU_FLOAT32
    ) -> None:
        check_plain(task)
        self._task, self._counters, self._numerics = task, (seed, replicate), numerics
        network = initial_parameters(task, seed, replicate)
        self._network: nn.Module = network.to(numerics.dtype).train()
        self._weights = list(self._network.parameters())
        self._data = DeviceData(task, numerics)
        self._batches = self._order()
        self._taken, self._random = 0, True

    def _order(self) -> Iterator[torch.Tensor]:
        for epoch in itertools.count():
            yield from batch_order(self._task, *self._counters, epoch)

    @property
    def size(self) -> int:
        """Number of coordinates, over all parameters."""
        return sum(weight.numel() for weight in self._weights)

    @property
    def weights(self) -> torch.Tensor:
        """A copy of all parameters, (coordinates,)."""
        return torch.cat([each.detach().reshape(-1) for each in self._weights])

    @torch.enable_grad()
    def gradient(self) -> tuple[float, torch.Tensor]:
        """Return loss and gradient on the next batch.

        Returns:
            The mean loss, and its gradient (coordinates,): zeros where no loss depends
            on a weight, and everywhere if the loss is not finite.
        """
        chosen = next(self._batches)
        examples = self._data["training"]
        self._network.zero_grad()
        if self._random:
            with seeded(*self._counters, TRAINING, self._taken) as drawn:
                loss = self._backward(examples.inputs[chosen], examples.targets[chosen])
                self._random = drawn()
        else:
            loss = self._backward(examples.inputs[chosen], examples.targets[chosen])
        self._taken += 1
        return loss, torch.cat(
            [
                (torch.zeros_like(each) if each.grad is None else each.grad).reshape(-1)
                for each in self._weights
            ]
        )

    def _backward(self, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        loss = self._task.loss(self._network(inputs), targets)
        value = loss.item()
        if math.isfinite(value):
            loss.backward()
        return value

    @torch.no_grad()
    def move(self, step: torch.Tensor) -> None:
        """Subtract a step from the weights.

        Args:
            step: (coordinates,).
        """
        sizes = [each.numel() for each in self._weights]
        for weight, part in zip(self._weights, step.split(sizes), strict=True):
            weight.sub_(part.view_as(weight))

    def loss(self, split: Split) -> float:
        """Return the mean loss on a split, in evaluation mode.

        Args:
            split: of the task's data.
        """
        counters = self._counters if self._random else None
        found, _ = measure(
            self._network.eval(),
            self._task,
            self._data[split],
            self._numerics,
            counters,
        )
        self._network.train()
        return found
