"""The serial engine: one network, one optimizer, one child after another.

Knows nothing clever: it is the oracle that the fast engines are held against.
"""

import math
from collections.abc import Sequence

import torch
from torch.optim.optimizer import Optimizer

from neuralopt.evaluation.engine import (
    Child,
    Outcome,
    TorchOptimizer,
    batch_order,
    curve_of,
    diverged_outcome,
    initial_parameters,
    steps_per_epoch,
)
from neuralopt.optimizer import RuleOptimizer
from neuralopt.tasks import Part, Task


class SerialEngine:
    """Trains with nn.Module, autograd and RuleOptimizer."""

    name = "serial"

    def __init__(
        self, task: Task, seed: int, dtype: torch.dtype = torch.float32
    ) -> None:
        self.task, self.seed, self.dtype = task, seed, dtype

    def train(
        self, children: Sequence[Child], epochs: int, parts: Sequence[Part]
    ) -> list[Outcome]:
        return [self._train(child, epochs, parts) for child in children]

    def _train(self, child: Child, epochs: int, parts: Sequence[Part]) -> Outcome:
        task = self.task
        network = initial_parameters(task, self.seed, child.replicate).to(self.dtype)
        examples = task.examples("training")
        inputs = examples.inputs.to(self.dtype)
        optimizer = self._optimizer(child, network, epochs)
        losses: list[float] = []
        network.train()
        for epoch in range(epochs):
            for batch in batch_order(task, self.seed, child.replicate, epoch):
                optimizer.zero_grad()
                loss = task.loss(network(inputs[batch]), examples.targets[batch])
                losses.append(loss.item())
                if not math.isfinite(losses[-1]):
                    return diverged_outcome(losses, parts)
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            if not all(weight.isfinite().all() for weight in network.parameters()):
                return diverged_outcome(losses, parts)
            network.eval()
            results = [self._measure(network, part) for part in parts]
        if not all(math.isfinite(loss) for loss, _ in results):
            return diverged_outcome(losses, parts)
        return Outcome(
            False,
            tuple(loss for loss, _ in results),
            tuple(accuracy for _, accuracy in results),
            curve_of(losses),
        )

    def _optimizer(
        self, child: Child, network: torch.nn.Module, epochs: int
    ) -> Optimizer:
        if isinstance(child.rule, TorchOptimizer):
            return child.rule.make(network.parameters(), child.learning_rate)
        return RuleOptimizer(
            network.parameters(),
            child.rule,
            lr=child.learning_rate,
            total_steps=epochs * steps_per_epoch(self.task),
            seed=self.seed,
            replicate=child.replicate,
        )

    def _measure(self, network: torch.nn.Module, part: Part) -> tuple[float, float]:
        examples = self.task.examples(part)
        outputs = network(examples.inputs.to(self.dtype))
        loss = self.task.loss(outputs, examples.targets)
        return loss.item(), self.task.accuracy(outputs, examples.targets).item()
