"""The serial engine: one network, one optimizer, one child after another.

Knows nothing clever: it is the oracle that the fast engines are held against.
"""

import math
from collections.abc import Sequence

import torch
from torch.optim.optimizer import Optimizer

from neuralopt.engines.engine import (
    Child,
    DeviceData,
    Outcome,
    TorchOptimizer,
    batch_order,
    curve_of,
    diverged_outcome,
    initial_parameters,
    measure,
    rate_factors,
    steps_per_epoch,
)
from neuralopt.engines.numerics import Numerics
from neuralopt.optimizer import RuleOptimizer
from neuralopt.tasks import Split, Task


class SerialEngine:
    """Trains with nn.Module, autograd and RuleOptimizer.

    Raises ValueError if the task's recipe names no schedule.
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
    ) -> list[Outcome]:
        with self.numerics.repeatable():
            return [self._train(child, epochs, splits, limit) for child in children]

    def _train(
        self, child: Child, epochs: int, splits: Sequence[Split], limit: int | None
    ) -> Outcome:
        task, seed = self.task, self.seed
        network = initial_parameters(task, seed, child.replicate)
        network.to(self.numerics.device, self.numerics.dtype).train()
        examples = self.data["training"]
        factors = rate_factors(task.recipe, epochs * steps_per_epoch(task, limit))
        optimizer = self._optimizer(child, network, len(factors))
        losses: list[float] = []
        for epoch in range(epochs):
            for batch in batch_order(task, seed, child.replicate, epoch, limit):
                chosen = batch.to(self.numerics.device)
                optimizer.zero_grad()
                with self.numerics.autocast():
                    outputs = network(examples.inputs[chosen])
                    loss = task.loss(outputs, examples.targets[chosen])
                losses.append(loss.item())
                if not math.isfinite(losses[-1]):
                    return diverged_outcome(losses, splits)
                loss.backward()
                rate = child.learning_rate * factors[len(losses) - 1]
                self._step(network, optimizer, rate, child.rule)
        if not all(weight.isfinite().all() for weight in network.parameters()):
            return diverged_outcome(losses, splits)
        network.eval()
        results = [
            measure(network, task, self.data[split], self.numerics) for split in splits
        ]
        if not all(math.isfinite(loss) for loss, _ in results):
            return diverged_outcome(losses, splits)
        return Outcome(
            False,
            tuple(loss for loss, _ in results),
            tuple(accuracy for _, accuracy in results),
            curve_of(losses),
        )

    def _step(
        self,
        network: torch.nn.Module,
        optimizer: Optimizer,
        rate: float,
        rule: object,
    ) -> None:
        """One step of the optimizer, as the task's recipe has it."""
        recipe = self.task.recipe
        if recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if recipe.weight_decay and isinstance(rule, TorchOptimizer):
            with torch.no_grad():  # as its own AdamW does; RuleOptimizer does it itself
                for weight in network.parameters():
                    if weight.grad is not None:
                        weight.mul_(1 - rate * recipe.weight_decay)
        optimizer.step()

    def _optimizer(
        self, child: Child, network: torch.nn.Module, steps: int
    ) -> Optimizer:
        if isinstance(child.rule, TorchOptimizer):
            return child.rule.make(network.parameters(), child.learning_rate)
        return RuleOptimizer(
            network.parameters(),
            child.rule,
            lr=child.learning_rate,
            weight_decay=self.task.recipe.weight_decay,
            total_steps=steps,
            seed=self.seed,
            replicate=child.replicate,
        )
