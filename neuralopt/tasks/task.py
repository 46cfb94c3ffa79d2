"""What a child is trained on: a network, data in four splits, a loss and a quality.

Knows data and networks; refuses to know rules and how training is done.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import torch
from torch import nn

from neuralopt.tasks.network import ConvNet, Mlp, mean_loss
from neuralopt.tasks.recipe import Recipe

Split = Literal["training", "validation", "selection", "test"]
"""Parts of a task's data. A search trains on `training` and scores on `validation`;
`selection` ranks what was found; `test` is for the last word and is never searched."""

SPLITS: tuple[Split, ...] = ("training", "validation", "selection", "test")


@dataclass(frozen=True, slots=True)
class Examples:
    """What is given and what is wanted, example by example.

    inputs: (count, ...), floats, or int64 numbers of tokens, which no engine may turn
    into floats. targets: (count, ...), as the task's loss takes them: class numbers
    (count,), numbers of the next tokens (count, time), values.
    """

    inputs: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)


class Task(Protocol):
    """A small training problem.

    name: as in TASKS. fingerprint: changes whenever data, network or recipe do.
    batch_size: examples a step; an epoch is every whole batch of the training split.
    layers: the network as data, for engines that train it by hand, or None.
    recipe: what stands around every rule of this task.
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
        """The examples of a split, always the same tensors in the same order."""
        ...

    def network(self) -> nn.Module:
        """A new network, initialised from torch's global generator."""
        ...

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch, a scalar."""
        ...

    def accuracy(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Share of the examples that are right, a scalar."""
        ...

    def quality(self, loss: float) -> float:
        """The quality, in [0, 1], of a mean loss on a held-out split."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """A task of classes, scored by exp(-loss).

    Of the cross-entropy that is the geometric mean probability of the right class.
    Unlike the share of right answers it does not tie among the best of a few hundred
    examples; it ranks two seeds alike far more often, and the learning rate is chosen
    by it too.
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
        return (outputs.argmax(-1) == targets).double().mean()

    def quality(self, loss: float) -> float:
        return 0.0 if math.isnan(loss) else math.exp(-max(loss, 0.0))


def fingerprint(description: str, splits: Mapping[Split, Examples]) -> str:
    """A hash of a task's description and of all its data, 16 hexadecimal digits."""
    digest = hashlib.sha256(description.encode())
    for split in SPLITS:
        examples = splits[split]
        for tensor in (examples.inputs, examples.targets):
            digest.update(f"{split} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().reshape(-1).data)  # no copy
    return digest.hexdigest()[:16]


def with_recipe(task: Task, **changes: float | str | None) -> Task:
    """The task with another recipe: fields of Recipe, None for what the task has.

    Raises ValueError for a value out of range, or if a class of the user's own, no
    dataclass, can't be changed.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    recipe = replace(task.recipe, **given)  # type: ignore[arg-type]
    if recipe == task.recipe:
        return task
    hashed = hashlib.sha256(f"{task.fingerprint} {recipe}".encode()).hexdigest()[:16]
    try:
        changed: Task = replace(  # type: ignore[type-var]
            task, recipe=recipe, fingerprint=hashed
        )
    except TypeError:
        raise ValueError(
            f"task {task.name!r} has a recipe of its own: change it there"
        ) from None
    return changed
