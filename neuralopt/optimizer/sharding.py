"""Parameters that are distributed over processes (DTensor, as FSDP2 makes them).

An element-wise rule takes its step on the local part. Exported files carry the sources
of these functions.
"""

import math
from collections.abc import Callable
from typing import Any

import torch


def is_sharded(parameter: torch.Tensor) -> bool:
    """Whether it is a DTensor."""
    return hasattr(parameter, "to_local")


def local(tensor: Any) -> torch.Tensor:
    """The part of a DTensor that this process has; another tensor as it is."""
    part: torch.Tensor = tensor.to_local() if is_sharded(tensor) else tensor
    return part


def first_element(parameter: Any) -> int:
    """Number of the first local element among those of the parameter.

    Raises:
        RuntimeError: the local elements are not one range.
    """
    if not is_sharded(parameter):
        return 0
    first, rows = 0, parameter.shape[0]
    for dimension, placement in enumerate(parameter.placements):
        if placement.is_replicate():
            continue
        if not placement.is_shard(0) or type(placement).__name__ != "Shard":
            raise RuntimeError(
                f"random bits need parameters sharded by rows, not {placement}"
            )
        share = -(-rows // parameter.device_mesh.size(dimension))
        skipped = min(rows, share * parameter.device_mesh.get_local_rank(dimension))
        first, rows = first + skipped, min(share, rows - skipped)
    return int(first * math.prod(parameter.shape[1:]))


def mean_over(parameter: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function: the mean over a whole parameter of numbers of its local elements."""
    if not is_sharded(parameter):
        return torch.mean

    def mean(numbers: torch.Tensor) -> torch.Tensor:
        from torch.distributed.tensor import DTensor, Partial, Replicate

        placements = [
            Replicate() if placement.is_replicate() else Partial()
            for placement in parameter.placements
        ]
        total = DTensor.from_local(numbers.sum(), parameter.device_mesh, placements)
        share: torch.Tensor = total.full_tensor() / parameter.numel()
        return share

    return mean


def check_whole(parameter: torch.Tensor, rule: bool) -> None:
    """Check that a step which reduces over a tensor sees the tensor.

    Args:
        parameter: about to be updated.
        rule: whether the rule itself reduces, not only caution.

    Raises:
        RuntimeError: it is flattened (FSDP1), or sharded and the rule reduces.
    """
    if getattr(parameter, "_is_flat_param", False):
        raise RuntimeError(
            "this step needs whole tensors, not flattened ones: use fully_shard (FSDP2)"
        )
    if rule and is_sharded(parameter):
        raise RuntimeError(
            "this rule reduces over whole tensors: it can't update a DTensor"
        )
