"""Random tensors from `neuralopt.counter_hash`, bit for bit and without state."""

import math
from collections.abc import Callable

import torch

from neuralopt.counter_hash import GOLDEN32, MASK32, MURMUR, counter_key

Draw = Callable[[str, int], torch.Tensor]
"""(kind, stream) -> random numbers of the shape of the gradient."""


def counter_bits(
    key: tuple[int, int], start: int, count: int, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """32-bit words of elements start ... start + count - 1, int64 (count,)."""
    # int64 products wrap; their low 32 bits are those of the unsigned product.
    word = torch.arange(start, start + count, device=device) & MASK32
    for half in key:
        word = (word * GOLDEN32 + half) & MASK32
        for shift, factor in MURMUR:
            word = ((word ^ (word >> shift)) * factor) & MASK32
        word = word ^ (word >> 16)
    return word


def uniform(
    key: tuple[int, int],
    start: int,
    count: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Multiples of 2**-24 in [0, 1), (count,); the same in float32 and float64.

    A narrower dtype can't hold them: see `draw`.
    """
    return (counter_bits(key, start, count, device) >> 8).to(dtype) * 2.0**-24


def normal(
    keys: tuple[tuple[int, int], tuple[int, int]],
    start: int,
    count: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """N(0, 1) by Box and Muller 1958 from the uniforms of two keys, (count,)."""
    radius = uniform(keys[0], start, count, dtype, device) + 2.0**-25
    angle = uniform(keys[1], start, count, dtype, device)
    return torch.sqrt(-2.0 * torch.log(radius)) * torch.cos(2.0 * math.pi * angle)


def draw(
    kind: str,
    counters: tuple[int, int, int, int],
    like: torch.Tensor,
    start: int = 0,
) -> torch.Tensor:
    """Random numbers of a stream at a step, in the shape of `like`.

    Args:
        kind: ``uniform`` or ``normal``.
        counters: seed, replicate, step and stream.
        like: a tensor of the shape, type and device of the result.
        start: number of the first element among all elements of the model.

    Returns:
        A tensor of the dtype of `like`; uniforms are at least float32, because they are
        compared with a probability and 24 bits overflow float16.
    """
    lanes = counter_key(*counters, 0), counter_key(*counters, 1)
    exact = torch.promote_types(like.dtype, torch.float32)
    place = start, like.numel(), exact, like.device
    if kind == "uniform":
        return uniform(lanes[0], *place).view(like.shape)
    return normal(lanes, *place).to(like.dtype).view(like.shape)
