"""Children, their outcomes, and the protocol of the engines that train them."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.optim.optimizer import Optimizer

from neuralopt.catalog import hint
from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.randomness import MEASURING, ORDER, WEIGHTS, seeded
from neuralopt.language import SCHEDULES, Expression, schedule_factor
from neuralopt.tasks import Examples, Recipe, Split, Task

CURVE_POINTS = 20
MEASURED_AT_ONCE = 1000
"""Held-out examples; larger splits would need much memory."""


class UnsupportedTaskError(ValueError):
    """The engine does not support the task; one line says why and what to use."""


class DeviceData:
    """A task's examples on the device of its training, each split moved once.

    Args:
        task: gives the examples.
        numerics: dtype and device of the training.
    """

    def __init__(self, task: Task, numerics: Numerics) -> None:
        self._task, self._numerics = task, numerics
        self._splits: dict[Split, Examples] = {}

    def __getitem__(self, split: Split) -> Examples:
        if split not in self._splits:
            examples, place = self._task.examples(split), self._numerics.place
            self._splits[split] = Examples(
                place(examples.inputs), place(examples.targets)
            )
        return self._splits[split]


@dataclass(frozen=True, slots=True)
class TorchOptimizer:
    """An optimizer of torch, trained to compare rules with it.

    Attributes:
        name: shown in tables.
        make: makes it from parameters and a learning rate.
    """

    name: str
    make: Callable[[Iterable[torch.Tensor], float], Optimizer]

    def __str__(self) -> str:
        return self.name


OptimizerSpec = Expression | TorchOptimizer


@dataclass(frozen=True, slots=True)
class Child:
    """One training run: a rule, a learning rate and a replicate.

    Initial weights, the order of the examples and all random numbers follow from the
    engine's seed and `replicate`.

    Attributes:
        rule: the rule or torch optimizer that is trained with.
        learning_rate: before the recipe's schedule.
        replicate: number of the initial weights and data order.
    """

    rule: OptimizerSpec
    learning_rate: float
    replicate: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended.

    Attributes:
        diverged: whether a training loss or a weight was not finite.
        losses: mean loss on each split that was asked for; inf if it diverged.
        accuracies: the task's metric on the same splits; 0 if it diverged.
        curve: training loss along the run, means of at most 20 equal stretches. It
            ends before the first loss that is not finite.
        steps: that the curve is of.
        along: mean loss on the first split after each of the steps that were asked
            for; inf where it is not finite, and from where the child diverged.
    """

    diverged: bool
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    curve: tuple[float, ...]
    steps: int = 0
    along: tuple[float, ...] = ()


class Engine(Protocol):
    """Trains children of one task.

    A child's outcome depends only on (task, seed, numerics, child, epochs, limit), not
    on the other children of the call, their order, threads, or measurements along the
    training. A child has diverged at its first non-finite training loss or weight.

    An engine counts its steps by `neuralopt.engines.step_counter`, if it can: progress
    within a rule is shown from that.
    """

    @property
    def name(self) -> str:
        """Name of the engine in configurations."""
        ...

    def train(
        self,
        children: Sequence[Child],
        epochs: int,
        splits: Sequence[Split],
        limit: int | None = None,
        along: Sequence[int] = (),
    ) -> list[Outcome]:
        """Train children and measure them on held-out splits.

        Args:
            children: each trained from its own initial weights.
            epochs: passes over the training split.
            splits: measured after training.
            limit: an epoch ends after so many examples, if there are more.
            along: numbers of optimizer steps, rising, from 0 to those of the training.
                After each the first split is measured, as it is at the end.

        Returns:
            One outcome for each child, in the same order.

        Raises:
            ValueError: a child's optimizer is not supported; `along` does not rise or
                leaves the training, or there is no split to measure on.
        """
        ...


def steps_per_epoch(task: Task, limit: int | None = None) -> int:
    """Return the number of whole batches in an epoch, if no batch grows.

    Args:
        task: gives the training split and the batch size.
        limit: examples of an epoch at most; None for all.

    Returns:
        Optimizer steps of an epoch.
    """
    count = len(task.examples("training"))
    return (count if limit is None else min(limit, count)) // task.batch_size


def training_steps(task: Task, epochs: int, limit: int | None = None) -> int:
    """Return the number of optimizer steps of a training.

    Args:
        task: gives the training split, the batch size and how it grows.
        epochs: of the training.
        limit: examples of an epoch at most; None for all.

    Returns:
        Batches of all epochs.
    """
    if task.recipe.batch_growth == 1:
        return epochs * steps_per_epoch(task, limit)
    return sum(map(len, batch_sizes(task, epochs, limit)))


def batch_sizes(task: Task, epochs: int, limit: int | None = None) -> list[list[int]]:
    """Return the sizes of all batches of a training, by epoch.

    A batch has as many examples as the recipe says at that share of the training, or as
    many as are left of the epoch; an epoch ends where fewer than `task.batch_size` are.

    Args:
        task: gives the training split, the batch size and how it grows.
        epochs: of the training.
        limit: examples of an epoch at most; None for all.

    Returns:
        The sizes of each epoch's batches.
    """
    least, recipe = task.batch_size, task.recipe
    if recipe.batch_growth == 1:
        return [[least] * steps_per_epoch(task, limit)] * epochs
    count = len(task.examples("training"))
    count = count if limit is None else min(limit, count)
    sizes: list[list[int]] = []
    for epoch in range(epochs):
        left, found = count, list[int]()
        while left >= least:
            share = (epoch + 1 - left / count) / epochs
            found.append(recipe.grown_batch(least, share, left))
            left -= found[-1]
        sizes.append(found)
    return sizes


def check_along(along: Sequence[int], steps: int, splits: Sequence[Split]) -> None:
    """Check the steps after which children are measured along a training.

    Args:
        along: numbers of steps.
        steps: of the whole training.
        splits: that are measured; the first is that of the measurements.

    Raises:
        ValueError: there is no split, or the numbers do not rise or leave the training.
    """
    if not along:
        return
    if not splits:
        raise ValueError("measurements along a training need a split: give one")
    rising = all(one < other for one, other in itertools.pairwise(along))
    if not (rising and along[0] >= 0 and along[-1] <= steps):
        raise ValueError(
            f"measurements along a training of {steps} steps are asked for after "
            f"{', '.join(map(str, along))}: give rising numbers from 0 to {steps}"
        )


def initial_parameters(task: Task, seed: int, replicate: int) -> torch.nn.Module:
    """Make a network on the CPU, its weights a function of (seed, replicate).

    Args:
        task: makes the network.
        seed: of the engine.
        replicate: number of the initial weights.

    Returns:
        A new network with initial weights.
    """
    with seeded(seed, replicate, WEIGHTS):
        return task.network()


def training_order(
    task: Task, seed: int, replicate: int, epochs: int, limit: int | None = None
) -> Iterator[tuple[torch.Tensor, list[int]]]:
    """Yield the numbers of the training examples of each epoch, and its batches' sizes.

    Args:
        task: gives the training split, the batch size and how it grows.
        seed: of the engine.
        replicate: number of the data order.
        epochs: of the training.
        limit: examples of an epoch at most; None for all.

    Yields:
        int64 (examples,), as `batch_order` has them, and the sizes that they are split
        into.
    """
    for epoch, sizes in enumerate(batch_sizes(task, epochs, limit)):
        order = _example_order(task, seed, replicate, epoch)
        yield order[: sum(sizes)], sizes


def _example_order(task: Task, seed: int, replicate: int, epoch: int) -> torch.Tensor:
    count = len(task.examples("training"))
    return torch.from_numpy(
        counter_order(counter_key(seed, replicate, ORDER, epoch), count)
    )


def batch_order(
    task: Task, seed: int, replicate: int, epoch: int, limit: int | None = None
) -> torch.Tensor:
    """Return the numbers of the training examples of each step, if no batch grows.

    Args:
        task: gives the training split and the batch size.
        seed: of the engine.
        replicate: number of the data order.
        epoch: from 0.
        limit: examples of an epoch at most; None for all.

    Returns:
        int64 (steps, batch), a function of (seed, replicate, epoch).
    """
    steps = steps_per_epoch(task, limit)
    used = _example_order(task, seed, replicate, epoch)[: steps * task.batch_size]
    return used.view(steps, task.batch_size)


def rate_factors(recipe: Recipe, steps: int) -> list[float]:
    """Return the factor of the learning rate at each step, by a recipe's schedule.

    Args:
        recipe: its schedule and warm-up are used.
        steps: of the whole training.

    Returns:
        One factor for each step.

    Raises:
        ValueError: the schedule is neither a known name nor a valid expression.
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
    """Return the means of at most 20 equal stretches of the losses of all steps.

    Args:
        losses: training loss of each step.

    Returns:
        The losses themselves if there are at most 20, otherwise 20 means.
    """
    count = len(losses)
    if count <= CURVE_POINTS:
        return tuple(losses)
    edges = [round(i * count / CURVE_POINTS) for i in range(CURVE_POINTS + 1)]
    return tuple(math.fsum(losses[a:b]) / (b - a) for a, b in itertools.pairwise(edges))


def outcome_of(
    losses: Sequence[float],
    splits: Sequence[Split],
    measures: Sequence[tuple[float, float]] | None,
    along: Mapping[int, float],
) -> Outcome:
    """Return the outcome of a child.

    Args:
        losses: of its steps, up to the first non-finite one or further.
        splits: that were asked for.
        measures: loss and accuracy on each split at the end. None, and any loss that is
            not finite: the child diverged.
        along: step -> loss on the first split after it, for all steps asked for.

    Returns:
        Of a diverged child, infinite losses and accuracies of 0. Its curve ends before
        the first non-finite loss, and so do its measurements along the training.
    """
    if measures is not None and all(math.isfinite(loss) for loss, _ in measures):
        return Outcome(
            False,
            tuple(loss for loss, _ in measures),
            tuple(accuracy for _, accuracy in measures),
            curve_of(losses),
            len(losses),
            _finite_or_inf(along, len(losses)),
        )
    finite = list(itertools.takewhile(math.isfinite, losses))
    return Outcome(
        True,
        tuple(math.inf for _ in splits),
        tuple(0.0 for _ in splits),
        curve_of(finite) if finite else (),
        len(finite),
        _finite_or_inf(along, len(finite) - 1),
    )


def _finite_or_inf(along: Mapping[int, float], last: int) -> tuple[float, ...]:
    """Return finite losses up to a step, and inf for all others."""
    return tuple(
        loss if step <= last and math.isfinite(loss) else math.inf
        for step, loss in along.items()
    )


def measure(
    network: torch.nn.Module,
    task: Task,
    examples: Examples,
    numerics: Numerics,
    counters: tuple[int, int] | None = None,
) -> tuple[float, float]:
    """Measure a network, which is in its evaluation mode.

    Args:
        network: on the device of `numerics`.
        task: gives loss and metric.
        examples: of a held-out split, on the same device.
        numerics: of the forward pass.
        counters: seed and replicate, for a network that draws random numbers.

    Returns:
        Mean loss and accuracy.
    """
    losses, accuracies, sizes = [], [], []
    pieces = zip(
        examples.inputs.split(MEASURED_AT_ONCE),
        examples.targets.split(MEASURED_AT_ONCE),
        strict=True,
    )
    with torch.no_grad():
        for piece, (inputs, targets) in enumerate(pieces):
            place = numerics.device
            with (
                seeded(*counters, MEASURING, piece, device=place)
                if counters
                else nullcontext()
            ):
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
