"""A task of one's own: any network, tensors, a loss and a metric.

Knows how a user's splits become a Task; refuses to know where they come from.
"""

import hashlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, pairwise

import torch
from torch import nn

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.tasks.recipe import Recipe
from neuralopt.tasks.task import SPLITS, Examples, Split, fingerprint

SHARES: Mapping[Split, float] = {
    "training": 0.6,
    "validation": 0.15,
    "selection": 0.15,
    "test": 0.1,
}
"""Of the examples, where they are not divided already."""

Tensors = tuple[torch.Tensor, torch.Tensor]
"""Inputs (count, ...) and targets (count, ...)."""
Data = Tensors | Mapping[Split, Tensors] | Callable[[Split], Iterable[Tensors]]
PLAIN = Recipe()
Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(outputs, targets) of a batch -> a scalar."""


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
    layers: None = None

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
    """A task of any network, for searches and comparisons.

    network: makes a new one, initialised from torch's global generator.
    data: a pair of tensors, which is divided into four splits by one fixed permutation;
    or pairs by split (training, validation, selection, test); or a function that yields
    batches of a split, which are joined.
    loss: mean loss of (outputs, targets), a scalar. metric: shown beside it. quality:
    of a mean loss on a held-out split, in [0, 1], higher is better. recipe: clipping,
    weight decay and the like, the same for every rule.

    For Ray, everything must be importable.
    Raises ValueError if a split is empty, the training split has no whole batch, the
    network is not new and the same at every training or draws random numbers, or loss
    and metric are no scalars.

    >>> images = torch.rand(300, 8), torch.arange(300) % 3
    >>> task = make_task("toy", lambda: nn.Linear(8, 3), images)
    >>> {split: len(task.examples(split)) for split in task.splits}
    {'training': 180, 'validation': 45, 'selection': 45, 'test': 30}
    """
    if isinstance(data, tuple):
        _check_lengths(name, "data", data)
    splits = {split: Examples(*tensors) for split, tensors in _splits_of(data).items()}
    for split in SPLITS:
        examples = splits.get(split)
        if examples is None or not len(examples):
            raise ValueError(f"task {name}: there are no examples for {split}")
        _check_lengths(name, split, _tensors(examples))
    if batch_size < 1:
        raise ValueError(f"task {name}: batch_size is {batch_size}: give 1 or more")
    if len(splits["training"]) < batch_size:
        raise ValueError(
            f"task {name}: {len(splits['training'])} training examples are fewer "
            f"than a batch of {batch_size}"
        )
    whole = splits["training"]
    first = whole.inputs[:batch_size], whole.targets[:batch_size]
    module, weights = _checked_network(name, network)
    _try(name, module, first, loss, metric)
    sources = [_source(each) for each in (network, loss, metric, quality)]
    digest = hashlib.sha256("\n".join(sources).encode()).hexdigest()
    description = f"{name} {module} {batch_size} {digest} {weights}"
    if not recipe.plain:
        description += f" {recipe}"
    hashed = fingerprint(description, splits)
    return CustomTask(
        name, hashed, batch_size, splits, network, loss, metric, quality, recipe
    )


def _checked_network(
    name: str, network: Callable[[], nn.Module]
) -> tuple[nn.Module, str]:
    """A new network and a hash of its weights; ValueError unless two are alike."""
    with torch.random.fork_rng(devices=[]):
        made = []
        for _ in range(2):
            torch.manual_seed(0)
            made.append(network())
    one, other = made
    tensors = [{t.data_ptr() for t in each.state_dict().values()} for each in made]
    if one is other or tensors[0] & tensors[1] - {0}:
        raise ValueError(
            f"task {name}: the network is the same object at every training, which "
            "would begin where the last one ended: make a new one at every call"
        )
    if _weights(one) != _weights(other) or str(one) != str(other):
        raise ValueError(
            f"task {name}: the network is not the same at every training: draw its "
            "weights from torch's own generator alone"
        )
    return one, _weights(one)


def _try(
    name: str, module: nn.Module, batch: Tensors, loss: Measure, metric: Measure
) -> None:
    """Train on one batch, and measure; ValueError for what no training could use."""
    inputs, targets = batch
    before = torch.get_rng_state()
    outputs = module.train()(inputs)
    if not torch.equal(before, torch.get_rng_state()):
        torch.set_rng_state(before)
        raise ValueError(
            f"task {name}: the network draws random numbers as it trains "
            "(dropout?), so that no training could be repeated: leave that out"
        )
    values = {"loss": loss(outputs, targets), "metric": metric(outputs, targets)}
    for what, value in values.items():
        found: object = value
        if not isinstance(found, torch.Tensor) or found.numel() != 1:
            raise ValueError(f"task {name}: {what} gives {found!r}: return a scalar")
    if not values["loss"].requires_grad:
        raise ValueError(
            f"task {name}: the loss depends on no parameter that could be trained: "
            "give the network some, and let the loss use its outputs"
        )
    values["loss"].reshape(()).backward()
    with torch.no_grad():
        metric(module.eval()(inputs), targets)


def _check_lengths(name: str, what: str, tensors: Tensors) -> None:
    inputs, targets = map(len, tensors)
    if inputs != targets:
        raise ValueError(f"task {name}: {what}: {inputs} inputs, {targets} targets")


def _tensors(examples: Examples) -> Tensors:
    return examples.inputs, examples.targets


def _splits_of(data: Data) -> Mapping[Split, Tensors]:
    if isinstance(data, Mapping):
        return data
    if callable(data):
        batches = {split: list(data(split)) for split in SPLITS}
        return {
            split: (torch.cat([x for x, _ in some]), torch.cat([y for _, y in some]))
            for split, some in batches.items()
            if some
        }
    inputs, targets = data
    order = torch.from_numpy(counter_order(counter_key(0), len(inputs)))
    ends = [round(share * len(inputs)) for share in accumulate(SHARES.values())]
    return {
        split: (inputs[order[start:stop]], targets[order[start:stop]])
        for split, (start, stop) in zip(SPLITS, pairwise([0, *ends]), strict=True)
    }


def _source(function: Callable[..., object]) -> str:
    """What a function is, as text that changes when it does.

    Not seen: what it calls, and values that it finds around it.
    """
    if isinstance(function, partial):
        pieces = (
            _source(function.func),
            function.args,
            sorted(function.keywords.items()),
        )
        return " ".join(map(str, pieces))
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        kind = getattr(function, "__qualname__", type(function).__qualname__)
        return f"{kind} {sorted(getattr(function, '__dict__', {}).items())}"


def _weights(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for tensor in module.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
