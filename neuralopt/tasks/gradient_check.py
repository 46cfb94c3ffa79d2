"""Compare a task's gradients with finite differences of its loss, in float64."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from neuralopt.tasks.task import Task

STEP = torch.finfo(torch.float64).eps ** (1 / 3)
"""Of a central difference: there, what it leaves out of Taylor's series and rounding
are about equal, 4e-11 times the scale of the function each."""

SMALLEST = 1e-6
"""Gradients below this, times the loss if that is above 1, are compared by absolute
difference: rounding is all that is left of smaller ones."""


@dataclass(frozen=True, slots=True)
class CheckedTensor:
    """The check of one parameter tensor.

    Attributes:
        name: of the parameter in the network.
        checked: entries that were compared.
        error: the largest relative error |a - n| / max(|a|, |n|, `SMALLEST`) of a
            gradient a and a difference n.
        gradient: a, of the entry with this error.
        difference: n, of the same entry.
    """

    name: str
    checked: int
    error: float
    gradient: float
    difference: float


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """The check of a task's gradients.

    Attributes:
        task: its name.
        tensors: the check of each parameter tensor, in the network's order.
        tolerance: the largest relative error of a right gradient.
    """

    task: str
    tensors: tuple[CheckedTensor, ...]
    tolerance: float

    @property
    def worst(self) -> CheckedTensor:
        """The tensor with the largest error."""
        return max(self.tensors, key=lambda each: each.error)

    @property
    def right(self) -> bool:
        """Whether no error is above the tolerance."""
        return self.worst.error <= self.tolerance

    def __str__(self) -> str:
        worst = self.worst
        count = sum(each.checked for each in self.tensors)
        told = "agree" if self.right else "DISAGREE"
        return (
            f"{self.task}: gradients and differences {told} at {count} entries of "
            f"{len(self.tensors)} tensors; the largest relative error is "
            f"{worst.error:.1e}, in {worst.name}: {worst.gradient:.6g} against "
            f"{worst.difference:.6g}"
        )


def check_gradients(
    task: Task, *, seed: int = 0, entries: int = 10, tolerance: float = 1e-4
) -> GradientCheck:
    """Compare a task's gradients with central differences of its loss.

    A new network is made and converted to float64, and takes the first batch of the
    training split in training mode. Random numbers, as of dropout, are the same at
    every evaluation. Use it on a custom task whose network or loss has a backward pass
    of its own, a `detach`, or a change in place.

    Args:
        task: the task.
        seed: of the weights, of the entries and of the network's random numbers.
        entries: of each parameter tensor that are compared, at most; which ones is
            random.
        tolerance: the largest relative error of a right gradient.

    Returns:
        The check: `right`, and what was found in each tensor.

    Raises:
        ValueError: `entries` is not positive, or the loss is not finite.

    Example:
        >>> from neuralopt.tasks import load_task
        >>> check_gradients(load_task("regression"), entries=3).right
        True
    """
    if entries < 1:
        raise ValueError(f"entries is {entries}: compare 1 of each tensor or more")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = task.network().double().train()
        loss_of = _loss_of(task, network, seed)
        loss = loss_of()
        if not math.isfinite(loss.item()):
            raise ValueError(
                f"task {task.name}: the loss of the first batch is {loss.item()}: "
                "its gradients can't be checked"
            )
        parameters = {
            name: each
            for name, each in network.named_parameters()
            if each.requires_grad
        }
        gradients = torch.autograd.grad(
            loss,
            list(parameters.values()),
            allow_unused=True,
            materialize_grads=True,
        )
        floor = SMALLEST * max(1.0, abs(loss.item()))
        random = torch.Generator().manual_seed(seed)
        found = []
        for (name, parameter), gradient in zip(
            parameters.items(), gradients, strict=True
        ):
            places = torch.randperm(parameter.numel(), generator=random)[:entries]
            found.append(
                _checked(name, parameter, gradient, places.tolist(), loss_of, floor)
            )
    return GradientCheck(task.name, tuple(found), tolerance)


def _loss_of(task: Task, network: nn.Module, seed: int) -> Callable[[], torch.Tensor]:
    """The loss of the first training batch, with the same random numbers each time."""
    examples = task.examples("training")
    batch = [each[: task.batch_size] for each in (examples.inputs, examples.targets)]
    inputs, targets = (
        each.double() if each.is_floating_point() else each for each in batch
    )

    def loss() -> torch.Tensor:
        torch.manual_seed(seed)
        return task.loss(network(inputs), targets)

    return loss


@torch.no_grad()
def _checked(
    name: str,
    parameter: nn.Parameter,
    gradient: torch.Tensor,
    places: list[int],
    loss_of: Callable[[], torch.Tensor],
    floor: float,
) -> CheckedTensor:
    """Compare some entries of a tensor.

    Between the points of a difference the loss may have a kink, as a network of ReLUs
    has many. A gradient is right there if it is the slope on one side.
    """
    flat, slopes = parameter.view(-1), gradient.reshape(-1)
    middle, worst = loss_of().item(), (-1.0, 0.0, 0.0)
    for place in places:
        before = flat[place].item()
        step = STEP * max(1.0, abs(before))
        sides = []
        for moved in (before - step, before + step):
            flat[place] = moved
            sides.append(loss_of().item())
        flat[place] = before
        backward, forward = (middle - sides[0]) / step, (sides[1] - middle) / step
        known = slopes[place].item()
        found = min(
            (_error(known, each, floor), known, each)
            for each in ((backward + forward) / 2, backward, forward)
        )
        worst = max(worst, found)
    return CheckedTensor(name, len(places), *worst)


def _error(one: float, other: float, floor: float) -> float:
    """Relative error; infinite where a number is not finite."""
    error = abs(one - other) / max(abs(one), abs(other), floor)
    return error if math.isfinite(error) else math.inf
