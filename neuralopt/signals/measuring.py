"""Measure gradients, updates and activations of every layer along a training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from neuralopt.engines import fastest_engine
from neuralopt.engines.engine import (
    Child,
    Engine,
    OptimizerSpec,
    TorchOptimizer,
    training_steps,
)
from neuralopt.engines.serial import SerialEngine
from neuralopt.landscapes.paths import RATES
from neuralopt.landscapes.training import FLOAT64, training_length
from neuralopt.signals.reading import Activity, distances, layers_of, norms_of, watching
from neuralopt.signals.through_time import gradients_through_time
from neuralopt.tasks import Task
from neuralopt.tasks.char_rnn import CharRnn

Array = npt.NDArray[np.float64]

KEPT = 50
"""Steps of a training that are measured at most, evenly spaced."""


@dataclass(frozen=True, slots=True)
class SignalHistory:
    """What was measured in one training. Rows are the measured steps.

    Attributes:
        name: of the rule.
        lr: learning rate.
        steps: number of each measured step; 0 is the first.
        layers: names of the layers that have parameters, the first one first.
        parameters: of each layer.
        gradients: (steps, layers), Euclidean norm of the gradient of a layer's
            parameters, before any clipping.
        updates: (steps, layers), norm of the change of a layer's weights by the step,
            divided by the norm of the weights before it; NaN for weights that are 0.
        activations: names of the activations.
        means: (steps, activations), as all below: mean of the outputs on the batch.
        deviations: their standard deviation.
        saturated: share of outputs where the slope of the activation is below 0.01.
        dead: share of units for which that is so on the whole batch.
        losses: (steps,), mean training loss of the batch.
        times: (steps, places), of the task `char_rnn`, the norm of the gradient of the
            last place's loss with respect to the state of each place; else (steps, 0).
        diverged: whether a loss or a weight was not finite.
    """

    name: str
    lr: float
    steps: tuple[int, ...]
    layers: tuple[str, ...]
    parameters: tuple[int, ...]
    gradients: Array
    updates: Array
    activations: tuple[str, ...]
    means: Array
    deviations: Array
    saturated: Array
    dead: Array
    losses: Array
    times: Array
    diverged: bool

    @property
    def ratios(self) -> Array:
        """(steps,): gradient norm of the first layer, in those of the last one."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = self.gradients[:, 0] / self.gradients[:, -1]
        return found


class _Watched(SerialEngine):
    """The serial engine, which measures the network at some of its steps."""

    every, last = 1, 0
    progress: Callable[[int], None] = staticmethod(lambda taken: None)

    def _backward(
        self, network: nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        if not hasattr(self, "rows"):
            self.rows: list[_Row] = []
            self.network, self.taken = network, 0
            self.layers = layers_of(network)
        self.finish()
        self.progress(self.taken)
        step, self.taken = self.taken, self.taken + 1
        if step % self.every and step != self.last:
            return super()._backward(network, inputs, targets)
        with watching(network) as watches:
            loss = super()._backward(network, inputs, targets)
        if not math.isfinite(loss):
            return loss
        times = []
        if isinstance(network, CharRnn):
            times = gradients_through_time(network, inputs, targets)
        self.rows.append(
            _Row(
                step,
                loss,
                norms_of(self.layers, gradients=True),
                {name: watch.activity() for name, watch in watches.items()},
                times,
            )
        )
        self.before = {
            name: [each.detach().clone() for each in own]
            for name, own in self.layers.items()
        }
        self.weights = norms_of(self.layers, gradients=False)
        return loss

    def finish(self) -> None:
        """Compare the weights with those before the step that was measured last."""
        if self.rows and not self.rows[-1].updates:
            moved = distances(self.before, self.layers)
            self.rows[-1].updates = [
                change / weight if weight else math.nan
                for change, weight in zip(moved, self.weights, strict=True)
            ]


class _Row:
    """What was measured at one step; updates are known a step later."""

    def __init__(
        self,
        step: int,
        loss: float,
        gradients: list[float],
        activities: dict[str, Activity],
        times: list[float],
    ) -> None:
        self.step, self.loss, self.gradients = step, loss, gradients
        self.activities, self.times = activities, times
        self.updates: list[float] = []


def measure_signals(
    task: Task,
    name: str,
    rule: OptimizerSpec,
    lr: float,
    steps: int,
    seed: int = 0,
    progress: Callable[[int], None] = lambda taken: None,
) -> SignalHistory:
    """Train a child in float64, as the serial engine does, and measure its layers.

    Args:
        task: the training problem, with its recipe.
        name: of the rule, for tables and pictures.
        rule: the rule, or an optimizer of torch.
        lr: learning rate.
        steps: about how many to take: a part of an epoch, or else whole epochs.
        seed: of initial weights and the order of examples.
        progress: called with the number of steps that are taken.

    Returns:
        What was measured, at KEPT steps or fewer and the last one.

    Raises:
        ValueError: the first loss is not finite, so that there is no gradient.
    """
    epochs, limit = training_length(task, steps)
    engine = _Watched(task, seed, numerics=FLOAT64)
    planned = training_steps(task, epochs, limit)
    engine.progress = progress
    engine.every, engine.last = max(1, math.ceil(planned / KEPT)), planned - 1
    (outcome,) = engine.train([Child(rule, lr, 0)], epochs, ("training",), limit)
    engine.finish()
    rows = engine.rows
    if not rows:
        raise ValueError(
            f"the first loss of {task.name} is not finite: there is no gradient to "
            "measure; choose smaller initial weights"
        )
    watched = list(rows[0].activities)

    def table(attribute: str) -> Array:
        found = [
            [getattr(row.activities[each], attribute) for each in watched]
            for row in rows
        ]
        return np.array(found, np.float64).reshape(len(rows), len(watched))

    return SignalHistory(
        name,
        lr,
        tuple(row.step for row in rows),
        tuple(engine.layers),
        tuple(sum(each.numel() for each in own) for own in engine.layers.values()),
        np.array([row.gradients for row in rows]),
        np.array([row.updates for row in rows]),
        tuple(watched),
        table("mean"),
        table("deviation"),
        table("saturated"),
        table("dead"),
        np.array([row.loss for row in rows]),
        np.array([row.times for row in rows]).reshape(len(rows), -1),
        outcome.diverged,
    )


def best_rate(
    task: Task,
    rule: OptimizerSpec,
    steps: int,
    seed: int = 0,
    rates: Sequence[float] = RATES,
    progress: Callable[[int], None] = lambda done: None,
) -> float:
    """Return the learning rate with the least training loss at the end.

    Args:
        task: the training problem.
        rule: the rule, or an optimizer of torch.
        steps: of the training, as for `measure_signals`.
        seed: of initial weights and the order of examples.
        rates: that are tried; of equal ones the first wins.
        progress: called with the number of trainings that are done.

    Returns:
        One of the rates; the first if every training diverges.
    """
    epochs, limit = training_length(task, steps)
    if isinstance(rule, TorchOptimizer):
        engine: Engine = SerialEngine(task, seed, numerics=FLOAT64)
    else:
        engine, _ = fastest_engine(task, seed, FLOAT64)
    losses = []
    for done, rate in enumerate(rates, 1):
        (found,) = engine.train([Child(rule, rate, 0)], epochs, ("training",), limit)
        losses.append(found.losses[0])
        progress(done)
    return rates[losses.index(min(losses))]
