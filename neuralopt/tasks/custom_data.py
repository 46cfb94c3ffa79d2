"""Divide a custom task's data into splits, or take the splits that the user gives."""

import inspect
from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from typing import Any, TypeGuard

import torch
from torch.utils.data import DataLoader, Dataset

from neuralopt.catalog import hint
from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.tasks.custom_loaders import check_no_repeats
from neuralopt.tasks.custom_sources import Source, read_examples, seeded
from neuralopt.tasks.task import SPLITS, Examples, Split

SHARES: Mapping[Split, float] = {
    "training": 0.6,
    "validation": 0.15,
    "selection": 0.15,
    "test": 0.1,
}
"""Of the examples, if the data are not divided already."""

Data = Source | Mapping[Split, Source] | Callable[..., Any]


def read_splits(task: str, data: object) -> dict[Split, Examples]:
    """Read all examples of a task, once, and divide them into splits.

    The global generators of torch, NumPy and Python are seeded while data are read and
    restored afterwards, so that equal data give equal splits.

    Args:
        task: its name, for messages.
        data: see `make_task`.

    Returns:
        The examples of every split, on the CPU, float16 and bfloat16 as float32.

    Raises:
        ValueError: the data are of another kind, a split is missing or empty, examples
            are not tensors or numbers, their shapes differ, they hold NaN, a dataset
            gives others at each reading, or a loader of data that are not divided may
            draw an example twice.
    """
    where = f"task {task}: data"
    with seeded():
        if _is_function(data):
            where, data = _called(where, data)
        if not isinstance(data, Mapping):
            if isinstance(data, DataLoader):
                check_no_repeats(where, data)
            return _divided(where, read_examples(where, data))
        for split in data:
            if split not in SPLITS:
                known = hint(str(split), SPLITS)
                raise ValueError(f"{where} has an unknown split {split!r}: {known}")
        for split in SPLITS:
            if split not in data:
                raise ValueError(
                    f"task {task}: there are no examples for {split}: give all of "
                    f"{', '.join(SPLITS)}, or data that are not divided"
                )
        return {
            split: read_examples(f"{where}[{split!r}]", data[split]) for split in SPLITS
        }


def _is_function(data: object) -> TypeGuard[Callable[..., object]]:
    return callable(data) and not isinstance(data, (Dataset, DataLoader, Mapping))


def _called(where: str, function: Callable[..., object]) -> tuple[str, object]:
    """Call the user's function, once or for every split."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some compiled functions have no signature
        parameters = inspect.signature(lambda split: None).parameters
    required = [
        each
        for each in parameters.values()
        if each.default is each.empty
        and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    names = [each.name for each in required]
    if len(required) > 1 or any(e.kind is e.KEYWORD_ONLY for e in required):
        raise ValueError(
            f"{where} is a function of {', '.join(names)}: let it take nothing, or the "
            "name of a split"
        )
    if required:
        return where, {split: function(split) for split in SPLITS}
    if "split" in parameters:
        return where, {split: function(split=split) for split in SPLITS}
    return f"{where}()", function()


def _divided(where: str, whole: Examples) -> dict[Split, Examples]:
    """Divide examples by one fixed permutation."""
    count = len(whole)
    order = torch.from_numpy(counter_order(counter_key(0), count))
    ends = [round(share * count) for share in accumulate(SHARES.values())]
    splits: dict[Split, Examples] = {}
    for split, (start, stop) in zip(SPLITS, pairwise([0, *ends]), strict=True):
        if start == stop:
            raise ValueError(
                f"{where}: {count} examples are too few to be divided into "
                f"{', '.join(SPLITS)}: there are no examples for {split}"
            )
        chosen = order[start:stop]
        splits[split] = Examples(whole.inputs[chosen], whole.targets[chosen])
    return splits
