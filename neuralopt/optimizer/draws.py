"""Random tensors from `neuralopt.counter_hash`, bit for bit and without state.

The words are int32 of the same bits, whose products wrap as unsigned ones do. Keys may
be tensors: then torch can trace a draw without knowing the number of the step.
"""

import math
from collections.abc import Callable

import torch

from neuralopt.counter_hash import GOLDEN32, MURMUR, counter_key

Draw = Callable[[str, int], torch.Tensor]
"""(kind, stream) -> random numbers of the shape of the gradient."""

Word = int | torch.Tensor
"""32 bits: below 2**32, or a tensor of one int32."""
Key = tuple[Word, Word]

BLOCK = 1 << 16
"""Elements that are hashed at a time on the CPU, because they fit in its cache."""


def signed(word: int, bits: int = 32) -> int:
    """The number of the same bits in two's complement."""
    return (word + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def unsigned_shift(word: torch.Tensor, places: int, bits: int = 32) -> torch.Tensor:
    """Bits moved to the right, with zeros from the left."""
    return (word >> places) & ((1 << bits - places) - 1)


def tensor_key(
    seed: int, replicate: int, step: torch.Tensor, stream: int, lane: int
) -> Key:
    """`counter_key` of a step that is a tensor: two tensors of one int32."""
    low, high = counter_key(seed, replicate)
    state = torch.full_like(step, signed(high << 32 | low, 64), dtype=torch.int64)
    for counter in (step.long(), stream, lane):
        word = state + counter + signed(0x9E3779B97F4A7C15, 64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            word = (word ^ unsigned_shift(word, shift, 64)) * signed(factor, 64)
        state = word ^ unsigned_shift(word, 31, 64)
    return state.to(torch.int32), (state >> 32).to(torch.int32)


def stirred(word: torch.Tensor, key: Key) -> torch.Tensor:
    """Hash the numbers of elements, int32, in place."""
    for half in key:
        word.mul_(signed(GOLDEN32))
        word.add_(signed(half) if isinstance(half, int) else half)
        for shift, factor in MURMUR:
            word.bitwise_xor_(unsigned_shift(word, shift)).mul_(signed(factor))
        word.bitwise_xor_(unsigned_shift(word, 16))
    return word


def counter_bits(
    key: Key, start: Word, count: int, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """32-bit words of elements start ... start + count - 1, int32 (count,)."""
    words = torch.arange(count, dtype=torch.int64, device=device).to(torch.int32)
    words.add_(signed(start) if isinstance(start, int) else start)
    if torch.compiler.is_compiling() or not words.is_cpu:
        return stirred(words, key)
    for block in words.split(BLOCK):
        stirred(block, key)
    return words


def uniform(
    key: Key,
    start: Word,
    count: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Multiples of 2**-24 in [0, 1), (count,); the same in float32 and float64.

    A narrower dtype can't hold them: see `draw`.
    """
    words = counter_bits(key, start, count, device)
    return unsigned_shift(words, 8).to(dtype) * 2.0**-24


def normal(
    keys: tuple[Key, Key],
    start: Word,
    count: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """N(0, 1) by Box and Muller 1958 from the uniforms of two keys, (count,)."""
    radius = uniform(keys[0], start, count, dtype, device) + 2.0**-25
    angle = uniform(keys[1], start, count, dtype, device)
    return torch.sqrt(-2.0 * torch.log(radius)) * torch.cos(2.0 * math.pi * angle)


def keys_of(
    seed: int, replicate: int, step: int | torch.Tensor, stream: int
) -> tuple[Key, Key]:
    """The keys of both lanes of a stream; tensors if the step is one, or traced."""
    if torch.compiler.is_compiling() and not isinstance(step, torch.Tensor):
        step = torch.full((), step, dtype=torch.int64)
    if isinstance(step, torch.Tensor):
        lanes = [tensor_key(seed, replicate, step, stream, lane) for lane in (0, 1)]
    else:
        lanes = [counter_key(seed, replicate, step, stream, lane) for lane in (0, 1)]
    return lanes[0], lanes[1]


def drawn(
    kind: str, keys: tuple[Key, Key], like: torch.Tensor, start: Word
) -> torch.Tensor:
    """As `draw`, from the keys of both lanes."""
    exact = torch.promote_types(like.dtype, torch.float32)
    place = start, like.numel(), exact, like.device
    if kind == "uniform":
        return uniform(keys[0], *place).view(like.shape)
    return normal(keys, *place).to(like.dtype).view(like.shape)


def draw(
    kind: str,
    counters: tuple[int, int, int | torch.Tensor, int],
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
    return drawn(kind, keys_of(*counters), like, start)
