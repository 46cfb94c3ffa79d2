"""The serial engine, which trains one child after another with torch.

It is slow and simple: the reference that the fast engines are tested against.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.optim.optimizer import Optimizer

from neuralopt.engines.engine import (
    Child,
    DeviceData,
    Outcome,
    TorchOptimizer,
    check_along,
    initial_parameters,
    measure,
    outcome_of,
    rate_factors,
    training_order,
    training_steps,
)
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.randomness import TRAINING, seeded
from neuralopt.engines.step_counter import current_counter
from neuralopt.optimizer import RuleOptimizer, groups_by_kind
from neuralopt.tasks import Split, Task


class SerialEngine:
    """Trains with nn.Module, autograd and RuleOptimizer.

    Args:
        task: any task.
        seed: of initial weights, order of examples and random numbers.
        dtype: of float numbers, unless `numerics` is given.
        numerics: dtype, device and precision.

    Raises:
        ValueError: the task's recipe names no schedule.
    """

    name = "serial"

    def __init__(
        self,
        task: Task,
        seed: int,
        dtype: torch.dtype = torch.float32,
        *,
        numerics: Numerics | None = None,
    ) -> None:
        self.task, self.seed = task, seed
        self.numerics = numerics or Numerics(dtype)
        self.data = DeviceData(task, self.numerics)
        rate_factors(task.recipe, 1)

    def train(
        self,
        children: Sequence[Child],
        epochs: int,
        splits: Sequence[Split],
        limit: int | None = None,
        along: Sequence[int] = (),
    ) -> list[Outcome]:
        """Train children one after another and measure them on held-out splits.

        See `Engine.train`.
        """
        check_along(along, training_steps(self.task, epochs, limit), splits)
        with self.numerics.repeatable():
            return [
                self._train(child, epochs, splits, limit, along) for child in children
            ]

    def _train(
        self,
        child: Child,
        epochs: int,
        splits: Sequence[Split],
        limit: int | None,
        along: Sequence[int],
    ) -> Outcome:
        task, seed = self.task, self.seed
        network = initial_parameters(task, seed, child.replicate)
        network.to(self.numerics.device, self.numerics.dtype).train()
        examples = self.data["training"]
        factors = rate_factors(task.recipe, training_steps(task, epochs, limit))
        steps = current_counter()
        with self._reparametrized(network):
            optimizer = self._optimizer(child, network, len(factors))
        losses: list[float] = []
        measured = dict.fromkeys(along, math.inf)
        random = False  # whether the network draws; its first step shows that
        for order, sizes in training_order(task, seed, child.replicate, epochs, limit):
            for chosen in order.to(self.numerics.device).split(sizes):
                optimizer.zero_grad()
                inputs, targets = examples.inputs[chosen], examples.targets[chosen]
                step = len(losses)
                if step in measured:
                    draws = random or step == 0
                    loss, _ = self._measure(network, child, splits[0], draws)
                    measured[step] = loss
                    network.train()
                if step == 0 or random:
                    counters = seed, child.replicate, TRAINING, step
                    with seeded(*counters, device=self.numerics.device) as drawn:
                        losses.append(self._backward(network, inputs, targets))
                        random = random or drawn()
                else:
                    losses.append(self._backward(network, inputs, targets))
                if not math.isfinite(losses[-1]):
                    return outcome_of(losses, splits, None, measured)
                rate = child.learning_rate * factors[step]
                with self._reparametrized(network):
                    self._step(network, optimizer, rate, child.rule, losses[-1])
                steps.add(1)
        if not all(weight.isfinite().all() for weight in network.parameters()):
            return outcome_of(losses, splits, None, measured)
        results = [self._measure(network, child, split, random) for split in splits]
        if len(losses) in measured:
            measured[len(losses)] = results[0][0]
        return outcome_of(losses, splits, results, measured)

    def _measure(
        self, network: torch.nn.Module, child: Child, split: Split, random: bool
    ) -> tuple[float, float]:
        """Return loss and accuracy of a network, and leave it in evaluation mode."""
        drawing = (self.seed, child.replicate) if random else None
        examples = self.data[split]
        return measure(network.eval(), self.task, examples, self.numerics, drawing)

    def _backward(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Compute the gradients of a batch, if its loss is finite; return the loss."""
        with self.numerics.autocast():
            loss = self.task.loss(network(inputs), targets)
        value = loss.item()
        if math.isfinite(value):
            loss.backward()
        return value

    @contextmanager
    def _reparametrized(self, network: torch.nn.Module) -> Iterator[None]:
        """Make u and its gradient of each weight w = s u, and w again at the end."""
        weights = list(network.parameters())
        scales = self.task.recipe.scales(len(weights))
        scaled = list(zip(weights, scales, strict=True)) if scales else []
        with torch.no_grad():
            for weight, scale in scaled:
                weight.div_(scale)
                if weight.grad is not None:
                    weight.grad.mul_(scale)
        yield
        with torch.no_grad():
            for weight, scale in scaled:
                weight.mul_(scale)

    def _step(
        self,
        network: torch.nn.Module,
        optimizer: Optimizer,
        rate: float,
        rule: object,
        loss: float,
    ) -> None:
        """Take one step of the optimizer, as the task's recipe has it."""
        recipe = self.task.recipe
        if recipe.clip_value:
            torch.nn.utils.clip_grad_value_(network.parameters(), recipe.clip_value)
        if recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if recipe.weight_decay and isinstance(rule, TorchOptimizer):
            with torch.no_grad():  # as its own AdamW does; RuleOptimizer does it itself
                for weight in network.parameters():
                    if weight.grad is not None:
                        weight.mul_(1 - rate * recipe.weight_decay)
        if isinstance(optimizer, RuleOptimizer):
            optimizer.step(loss=loss)
        else:
            optimizer.step()

    def _optimizer(
        self, child: Child, network: torch.nn.Module, steps: int
    ) -> Optimizer:
        if isinstance(child.rule, TorchOptimizer):
            return child.rule.make(network.parameters(), child.learning_rate)
        return RuleOptimizer(
            groups_by_kind(network),
            child.rule,
            lr=child.learning_rate,
            weight_decay=self.task.recipe.weight_decay,
            total_steps=steps,
            seed=self.seed,
            replicate=child.replicate,
        )
