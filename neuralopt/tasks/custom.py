"""Custom tasks: any network, data, loss and metric."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from neuralopt.tasks.custom_checks import (
    Measure,
    check_default_targets,
    check_training,
)
from neuralopt.tasks.custom_data import Data, read_splits
from neuralopt.tasks.custom_description import describe
from neuralopt.tasks.network import ConvNet, Mlp
from neuralopt.tasks.recipe import Recipe
from neuralopt.tasks.task import Examples, Split, fingerprint

PLAIN = Recipe()


def share_of_right_classes(
    outputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Accuracy of class scores (batch, classes) for class numbers (batch,)."""
    return (outputs.argmax(-1) == targets).double().mean()


@dataclass(frozen=True, slots=True, eq=False)
class CustomTask:
    """A `Task` made by `make_task`."""

    name: str
    fingerprint: str
    batch_size: int
    splits: Mapping[Split, Examples]
    make_network: Callable[[], nn.Module]
    mean_loss: Measure
    metric: Measure
    to_quality: Callable[[float], float]
    recipe: Recipe = field(default_factory=Recipe)
    layers: Mlp | ConvNet | None = None

    def examples(self, split: Split) -> Examples:
        return self.splits[split]

    def network(self) -> nn.Module:
        return self.make_network()

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.mean_loss(outputs, targets)

    def accuracy(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.metric(outputs, targets)

    def quality(self, loss: float) -> float:
        quality = 0.0 if math.isnan(loss) else self.to_quality(loss)
        if not 0.0 <= quality <= 1.0:
            raise ValueError(
                f"task {self.name}: quality({loss}) is {quality}: it must lie in [0, 1]"
            )
        return quality


def exponential(loss: float) -> float:
    """exp(-loss), 1 below 0."""
    return math.exp(-max(loss, 0.0))


def make_task(
    name: str,
    network: Callable[[], nn.Module],
    data: Data,
    *,
    batch_size: int = 64,
    loss: Measure = nn.functional.cross_entropy,
    metric: Measure = share_of_right_classes,
    quality: Callable[[float], float] = exponential,
    recipe: Recipe = PLAIN,
) -> CustomTask:
    """Make a task of any network, for searches and comparisons.

    Data are read once, when the task is made, and kept as tensors on the CPU. They are:

    - a pair of tensors, (inputs, targets);
    - a map-style torch Dataset of (input, target), tensors or numbers;
    - a DataLoader. If it only shuffles or restricts a map-style dataset, the dataset's
      examples are read in their own order, with the loader's collate_fn. Shuffling
      itself does not matter: engines shuffle the training split, by the seed. The
      batches of other loaders are joined, those of one pass; if their sampler may draw
      an example twice, only data in splits may come from them;
    - batches, an iterable of such pairs;
    - a mapping of each split (training, validation, selection, test) to one of these;
    - a function that returns one of these: without arguments, or with one, the name of
      a split, which it is called with four times.

    The global generators of torch, NumPy and Python are seeded while data are read.
    Data without splits are divided into 60%, 15%, 15% and 10% by one fixed permutation.

    The network may draw random numbers in training, as dropout does, from torch's
    default generator and from its first step on. They follow from (seed, replicate,
    step), so that all rules meet the same ones. Random changes of the inputs belong
    there too: those of a dataset would be drawn once.

    For Ray, everything must be importable.

    Args:
        name: of the task, for tables and messages.
        network: makes a new network, initialised from torch's default generator.
        data: as above. Inputs are floats, or int64 numbers of tokens.
        batch_size: examples of a step.
        loss: mean loss of (outputs, targets) of a batch, a scalar.
        metric: of (outputs, targets), a scalar that is shown with the loss.
        quality: of a mean loss on a held-out split, in [0, 1], higher is better.
        recipe: clipping, weight decay and the like, the same for every rule.

    Returns:
        The task.

    Raises:
        ValueError: the data are of another kind, a split is missing or empty, the
            training split has no whole batch, examples hold NaN or do not suit network
            and loss, the network is not new and the same at every call, has parameters
            that are not real floats, or draws from other generators than torch's, or
            loss or metric is not a scalar.

    Example:
        >>> images = torch.rand(300, 8), torch.arange(300) % 3
        >>> task = make_task("toy", lambda: nn.Linear(8, 3), images)
        >>> {split: len(task.examples(split)) for split in task.splits}
        {'training': 180, 'validation': 45, 'selection': 45, 'test': 30}
    """
    if batch_size < 1:
        raise ValueError(f"task {name}: batch_size is {batch_size}: give 1 or more")
    splits = read_splits(name, data)
    if len(splits["training"]) < batch_size:
        raise ValueError(
            f"task {name}: {len(splits['training'])} training examples are fewer "
            f"than a batch of {batch_size}"
        )
    check_default_targets(name, loss, splits)
    module, weights = check_training(name, network, splits, batch_size, loss, metric)
    sources = [describe(each) for each in (network, loss, metric, quality)]
    digest = hashlib.sha256("\n".join(sources).encode()).hexdigest()
    description = f"{name} {module} {batch_size} {digest} {weights}"
    if not recipe.plain:
        description += f" {recipe.description}"
    hashed = fingerprint(description, splits)
    return CustomTask(
        name, hashed, batch_size, splits, network, loss, metric, quality, recipe
    )
