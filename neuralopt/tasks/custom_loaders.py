"""Tell which examples a DataLoader visits, and read them in their dataset's order."""

from typing import Any

from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    default_collate,
)


def in_order(loader: DataLoader[Any]) -> Dataset[Any] | DataLoader[Any] | None:
    """Return the examples of a loader in the order of its dataset.

    Args:
        loader: of a map-style dataset.

    Returns:
        The dataset, or a loader that has the same collate_fn. None where the loader's
        sampler does more than to shuffle or to restrict: it may draw an example twice.
    """
    sampler = _sampler(loader)
    indices = None if sampler is None else _indices(sampler)
    dataset = loader.dataset
    if indices is None or isinstance(dataset, IterableDataset):
        return None
    count = len(dataset)  # type: ignore[arg-type]  # map-style, samplers ask it too
    if len({index % count for index in indices}) < len(indices):
        return None
    if indices != list(range(count)):
        dataset = Subset(dataset, indices)
    if loader.collate_fn is default_collate and not loader.num_workers:
        return dataset
    batches = loader.batch_sampler
    return DataLoader(
        dataset,
        batches.batch_size if isinstance(batches, BatchSampler) else None,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
    )


def check_no_repeats(where: str, loader: DataLoader[Any]) -> None:
    """Check that no example can come into two splits.

    Args:
        where: what the loader is, for the message.
        loader: of data that are to be divided. The examples of an IterableDataset are
            what it yields in one pass; they are not checked.

    Raises:
        ValueError: its sampler may draw an example twice, or is of an unknown kind.
    """
    if isinstance(loader.dataset, IterableDataset) or in_order(loader) is not None:
        return
    sampler = _sampler(loader)
    kind = type(loader.batch_sampler if sampler is None else sampler).__name__
    raise ValueError(
        f"{where} is a DataLoader with a {kind}, which may draw an example twice, so "
        "that one of the test split could be trained on: give its Dataset, or data in "
        "splits"
    )


def _sampler(loader: DataLoader[Any]) -> Sampler[Any] | None:
    """What chooses a loader's examples, or None if its batches are chosen otherwise."""
    batches: object = loader.batch_sampler
    if batches is None:
        return loader.sampler  # type: ignore[return-value]  # torch says Iterable
    if type(batches) is not BatchSampler:
        return None
    return batches.sampler  # type: ignore[return-value]  # torch says Iterable


def _indices(sampler: Sampler[Any]) -> list[int] | None:
    """The examples that a sampler visits, or None if they depend on what it draws."""
    kind = type(sampler)
    if kind is SequentialSampler:
        return list(range(len(sampler)))  # type: ignore[arg-type]  # it has a length
    if isinstance(sampler, RandomSampler) and kind is RandomSampler:
        count = len(sampler.data_source)
        permutes = not sampler.replacement and sampler.num_samples == count
        return list(range(count)) if permutes else None
    if isinstance(sampler, SubsetRandomSampler) and kind is SubsetRandomSampler:
        return [int(index) for index in sampler.indices]
    return None
