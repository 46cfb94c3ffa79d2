"""Read examples of a custom task from tensors, a dataset, a loader or batches."""

import logging
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeGuard

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from neuralopt.tasks.custom_loaders import in_order
from neuralopt.tasks.task import Examples

Tensors = tuple[torch.Tensor, torch.Tensor]
"""Inputs (count, ...) and targets (count, ...)."""
Source = Tensors | Dataset[Any] | DataLoader[Any] | Iterable[Tensors]
"""Examples: tensors, a map-style dataset of (input, target), a loader, or batches."""

ACCEPTED = (
    "give a pair of tensors (inputs, targets), a Dataset, a DataLoader, a mapping of "
    "splits to these, or a function that returns one of these"
)

SEED = 0
"""Of what is drawn while data are read."""

PATIENCE_SECONDS, REPEAT_SECONDS = 5.0, 30.0
"""A line of progress is logged after so long, and then every so often."""

LOGGER = logging.getLogger("neuralopt")


@contextmanager
def seeded() -> Iterator[None]:
    """Seed the global generators of torch, NumPy and Python; restore them afterwards.

    What a dataset draws as it is read, such as a random crop, is then the same at every
    reading.
    """
    python = random.getstate()
    numpy = np.random.get_state()  # noqa: NPY002  users' code draws from it
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002  users' code draws from it
        random.seed(SEED)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002  users' code draws from it


def read_examples(where: str, source: object) -> Examples:
    """Read one source, and check what it holds.

    Args:
        where: what the source is, for messages.
        source: a pair of tensors, a dataset, a loader or batches.

    Returns:
        The examples, on the CPU, float16 and bfloat16 as float32.

    Raises:
        ValueError: the source is none of these or is empty, its examples are not
            tensors or numbers, their shapes differ, they hold NaN, or a dataset gives
            others at each reading.
    """
    inputs, targets = _read(where, source)
    if len(inputs) != len(targets):
        raise ValueError(f"{where}: {len(inputs)} inputs, {len(targets)} targets")
    if not len(inputs):
        raise ValueError(f"{where} is empty: there are no examples in it")
    return Examples(
        _checked(f"{where}: inputs", inputs), _checked(f"{where}: targets", targets)
    )


def _read(where: str, source: object) -> Tensors:
    if _is_pair(source):
        return source
    if isinstance(source, DataLoader):
        return _read_loader(where, source)
    if isinstance(source, Dataset):
        return _read_dataset(where, source)
    text = isinstance(source, (str, bytes))
    if isinstance(source, Iterable) and not text and not _is_array(source):
        return _joined(where, source)
    raise ValueError(f"{where} is {_told(source)}: {ACCEPTED}")


def _is_pair(source: object) -> TypeGuard[Tensors]:
    return (
        isinstance(source, (tuple, list))
        and len(source) == 2
        and all(isinstance(each, torch.Tensor) and each.ndim for each in source)
    )


def _is_array(source: object) -> bool:
    arrays = (np.ndarray, torch.Tensor)
    if isinstance(source, (tuple, list)):
        return any(isinstance(each, np.ndarray) for each in source)
    return isinstance(source, arrays)


def _read_loader(where: str, loader: DataLoader[Any]) -> Tensors:
    """Read a loader's examples in an order that does not change.

    A loader that only shuffles, or only restricts, its dataset is read in the dataset's
    order: engines shuffle the training split themselves. What another sampler draws is
    taken in one pass.
    """
    source = in_order(loader)
    if isinstance(source, Dataset):
        return _read_dataset(where, source)
    return _joined(where, source or loader)


def _read_dataset(where: str, dataset: Dataset[Any]) -> Tensors:
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise ValueError(
            f"{where} is {_told(dataset)}, which has no length: give a DataLoader of it"
        )
    if type(dataset) is TensorDataset and len(dataset.tensors) == 2:
        return dataset.tensors
    if len(dataset):
        _check_first_item(where, dataset)
    progress = _Progress(where, len(dataset))
    items = []
    for number in range(len(dataset)):
        items.append(_item(f"{where}[{number}]", dataset[number]))
        progress.show(len(items))
    if not items:
        raise ValueError(f"{where} is empty: there are no examples in it")
    columns = zip(*items, strict=True)
    inputs, targets = (
        _stacked(where, what, column)
        for what, column in zip(("input", "target"), columns, strict=True)
    )
    return inputs, targets


def _check_first_item(where: str, dataset: Dataset[Any]) -> None:
    """Check that the first item follows from the seed, by reading it twice."""
    read = []
    for _ in range(2):
        with seeded():
            read.append(_item(f"{where}[0]", dataset[0]))
    for one, other in zip(*read, strict=True):
        alike = (one.shape, one.dtype) == (other.shape, other.dtype)
        if alike and one.layout == other.layout == torch.strided:
            alike = torch.equal(one.nan_to_num(), other.nan_to_num())
        if not alike:
            raise ValueError(
                f"{where}[0] is another one at each reading: draw random numbers from "
                "the global generators of torch, NumPy or random, which are seeded"
            )


def _item(where: str, item: object) -> Tensors:
    """An example of a dataset as two tensors, without a dimension of examples."""
    numbers = (bool, int, float, torch.Tensor, np.ndarray, np.generic)
    if not (
        isinstance(item, (tuple, list))
        and len(item) == 2
        and all(isinstance(each, numbers) for each in item)
    ):
        raise ValueError(
            f"{where} is {_told(item)}: items are (input, target), tensors or numbers"
        )
    one, other = (torch.as_tensor(each) for each in item)
    return one, other


def _stacked(where: str, what: str, column: tuple[torch.Tensor, ...]) -> torch.Tensor:
    first = column[0]
    for number, each in enumerate(column):
        if (each.shape, each.dtype) != (first.shape, first.dtype):
            raise ValueError(
                f"{where}[{number}]: the {what} is {_told(each)}, that of item 0 is "
                f"{_told(first)}: give all one shape and dtype"
            )
    return torch.stack(column)


def _joined(where: str, source: Iterable[object]) -> Tensors:
    """Join the batches of one pass."""
    progress = _Progress(where, 0)
    batches: list[Tensors] = []
    count = 0
    for number, batch in enumerate(source):
        if not _is_pair(batch):
            raise ValueError(
                f"{where}: batch {number} is {_told(batch)}: batches are pairs of "
                "tensors (inputs, targets)"
            )
        inputs, targets = batch
        if batches and (
            (inputs.shape[1:], inputs.dtype)
            != (batches[0][0].shape[1:], batches[0][0].dtype)
            or (targets.shape[1:], targets.dtype)
            != (batches[0][1].shape[1:], batches[0][1].dtype)
        ):
            raise ValueError(
                f"{where}: batch {number} is {_told(batch)}, batch 0 is "
                f"{_told(batches[0])}: give all examples one shape and dtype"
            )
        batches.append((inputs, targets))
        count += len(inputs)
        progress.show(count)
    if not batches:
        raise ValueError(f"{where} is empty: there are no examples in it")
    return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])


def _checked(where: str, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        raise ValueError(f"{where} are {_told(tensor)}: give dense real numbers")
    tensor = tensor.detach().cpu()
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    if tensor.is_floating_point():
        wrong = tensor.isnan().flatten(1).any(1) if tensor.ndim > 1 else tensor.isnan()
        if wrong.any():
            numbers = wrong.nonzero().flatten().tolist()
            raise ValueError(
                f"{where} hold NaN in {len(numbers)} examples, the first is number "
                f"{numbers[0]}: leave these out"
            )
    return tensor


def _told(value: object) -> str:
    """What a value is, in a few words of one line."""
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        shape = f"({', '.join(map(str, value.shape))})"
        layout = "" if value.layout == torch.strided else "sparse "
        return f"a {layout}{kind} tensor {shape}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array {value.shape} (torch.from_numpy makes a tensor of it)"
    if isinstance(value, (tuple, list)):
        if len(value) > 3:
            return f"a {type(value).__name__} of {len(value)}"
        return f"({', '.join(map(_told, value))})"
    if isinstance(value, Mapping):
        return f"a {type(value).__name__} of {', '.join(map(str, value))[:60]}"
    text = " ".join(repr(value).split())
    if isinstance(value, (str, bytes, int, float)) or value is None:
        return text if len(text) < 60 else f"{text[:60]}..."
    return f"a {type(value).__name__}"


class _Progress:
    """Logs a line now and then while data are read."""

    def __init__(self, where: str, total: int) -> None:
        self.where, self.total = where, total
        self.due = time.monotonic() + PATIENCE_SECONDS

    def show(self, done: int) -> None:
        """Log how many examples were read, if it is time to."""
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + REPEAT_SECONDS
        of_all = f" of {self.total:,}" if self.total else ""
        LOGGER.warning("%s: read %s%s examples", self.where, f"{done:,}", of_all)
