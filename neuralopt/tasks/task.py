"""Tasks: a network, data in four splits, a loss, a metric and a quality."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import torch
from torch import nn

from neuralopt.tasks.network import ConvNet, Mlp, mean_loss, right_share
from neuralopt.tasks.recipe import Recipe

Split = Literal["training", "validation", "selection", "test"]
"""A split of a task's data. A search trains on `training` and scores on `validation`;
`selection` ranks the rules that were found; `test` is for a final comparison."""

SPLITS: tuple[Split, ...] = ("training", "validation", "selection", "test")


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs and targets of a split.

    Attributes:
        inputs: (count, ...), floats, or int64 numbers of tokens, which engines do not
            convert.
        targets: (count, ...), as the task's loss takes them: class numbers (count,),
            numbers of the next tokens (count, time), or values.
    """

    inputs: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)


class Task(Protocol):
    """A small training problem.

    Attributes:
        name: as in TASKS.
        fingerprint: changes whenever data, network or recipe do.
        batch_size: examples of a step; an epoch is every whole batch of the training
            split.
        layers: the network as data, for engines that do not use torch's modules; or
            None.
        recipe: clipping, weight decay, schedule and the like, the same for every rule.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def layers(self) -> Mlp | ConvNet | None: ...
    @property
    def recipe(self) -> Recipe: ...

    def examples(self, split: Split) -> Examples:
        """Return the examples of a split, the same in the same order at every call."""
        ...

    def network(self) -> nn.Module:
        """Make a new network, initialised from torch's default generator."""
        ...

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of a batch, a scalar."""
        ...

    def accuracy(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the metric of a batch, such as its accuracy, a scalar."""
        ...

    def quality(self, loss: float) -> float:
        """Return the quality, in [0, 1], of a mean loss on a held-out split."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LayeredTask:
    """What tasks share whose network is given as layers; they add a quality.

    Attributes:
        splits: the examples of every split.

    The others are those of a Task.
    """

    name: str
    layers: Mlp | ConvNet
    batch_size: int
    splits: Mapping[Split, Examples]
    fingerprint: str
    recipe: Recipe = field(default_factory=Recipe)

    def examples(self, split: Split) -> Examples:
        return self.splits[split]

    def network(self) -> nn.Module:
        return self.layers.network()

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return mean_loss(self.layers.objective, outputs, targets)

    def accuracy(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return right_share(self.layers.objective, outputs, targets)


@dataclass(frozen=True, slots=True, eq=False)
class Classification(LayeredTask):
    """A task of classes, whose quality is exp(-loss).

    With the cross-entropy, this is the geometric mean probability of the right class.
    Unlike the accuracy, it does not tie among the best rules on a few hundred examples,
    and it ranks rules alike on two seeds far more often.
    """

    def quality(self, loss: float) -> float:
        return 0.0 if math.isnan(loss) else math.exp(-max(loss, 0.0))


MEAN_QUALITY = 0.1
"""Of a regression that answers the mean; guesses among ten classes have as much."""


@dataclass(frozen=True, slots=True, eq=False)
class Regression(LayeredTask):
    """A task of real targets, whose quality is 0.1 ** (loss / variance).

    It is 1 where every answer is the target, and 0.1 where every answer is the mean of
    the targets. The metric is the share of answers within TOLERANCE of their targets.

    Attributes:
        variance: of the targets, about 1.

    Raises:
        ValueError: the objective is not regression, the network has more outputs than
            one, or the variance is far from 1.
    """

    variance: float = 1.0

    def __post_init__(self) -> None:
        if self.layers.objective != "regression" or self.layers.widths[-1] != 1:
            raise ValueError(
                f"task {self.name}: {self.layers} is not for a regression: give it one "
                'output and objective="regression"'
            )
        if not 0.25 <= self.variance <= 4:
            raise ValueError(
                f"task {self.name}: its targets have a variance of {self.variance}: "
                "divide them by their standard deviation"
            )

    def quality(self, loss: float) -> float:
        if math.isnan(loss):
            return 0.0
        power: float = MEAN_QUALITY ** (max(loss, 0.0) / self.variance)
        return power


def fingerprint(description: str, splits: Mapping[Split, Examples]) -> str:
    """Return a hash of a task's description and data, 16 hexadecimal digits.

    Args:
        description: everything but the data that a score depends on.
        splits: the examples of every split.
    """
    digest = hashlib.sha256(description.encode())
    for split in SPLITS:
        examples = splits[split]
        for tensor in (examples.inputs, examples.targets):
            digest.update(f"{split} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().reshape(-1).data)  # no copy
    return digest.hexdigest()[:16]


def with_recipe(task: Task, **changes: float | str | None) -> Task:
    """Return the task with another recipe.

    Args:
        task: a dataclass, as tasks of this package are.
        changes: fields of Recipe; None keeps the task's own value.

    Raises:
        ValueError: a value is out of range, or the task is not a dataclass.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    recipe = replace(task.recipe, **given)  # type: ignore[arg-type]
    if recipe == task.recipe:
        return task
    digest = hashlib.sha256(f"{task.fingerprint} {recipe.description}".encode())
    try:
        changed: Task = replace(  # type: ignore[type-var]
            task, recipe=recipe, fingerprint=digest.hexdigest()[:16]
        )
    except TypeError:
        raise ValueError(
            f"task {task.name!r} has a recipe of its own: change it there"
        ) from None
    return changed
