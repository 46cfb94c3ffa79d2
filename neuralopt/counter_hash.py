"""Random bits as a hash of (seed, replicate, step, stream, element).

All random numbers of the package come from here. A counter-based generator (Salmon et
al. 2011) has no state to save and draws the same bits in any order, on any number of
threads. The key of a step is mixed with the finaliser of SplitMix64 (Steele et al.
2014) in Python integers; each element then passes twice through the 32-bit finaliser of
MurmurHash3 (Appleby 2011), which torch, kernels and exported files repeat bit by bit.
"""

import numpy as np
import numpy.typing as npt

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
GOLDEN32 = 0x9E3779B9
MURMUR = ((16, 0x85EBCA6B), (13, 0xC2B2AE35))


def counter_key(*counters: int) -> tuple[int, int]:
    """Hash counters to a key of two 32-bit words.

    Args:
        counters: Integers, such as (seed, replicate, step, stream, lane).

    Returns:
        The low and the high word.

    Example:
        >>> counter_key(0, 0, 0, 0, 0) == counter_key(0, 0, 0, 0, 0)
        True
    """
    state = 0
    for counter in counters:
        state = (state + counter + 0x9E3779B97F4A7C15) & MASK64
        state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & MASK64
        state = ((state ^ state >> 27) * 0x94D049BB133111EB) & MASK64
        state ^= state >> 31
    return state & MASK32, state >> 32


def key_word(*counters: int) -> np.uint64:
    """Return the key of some counters as one 64-bit word, the form that kernels take.

    Args:
        counters: Integers, as for `counter_key`.
    """
    low, high = counter_key(*counters)
    return np.uint64(high << 32 | low)


def counter_bits(
    key: tuple[int, int], count: int, start: int = 0
) -> npt.NDArray[np.uint64]:
    """Return the random 32-bit words of a range of elements.

    Args:
        key: A key that `counter_key` returned.
        count: Number of elements.
        start: Number of the first element; elements are taken modulo 2**32.

    Returns:
        uint64 (count,), each below 2**32.
    """
    word = np.arange(start, start + count, dtype=np.uint64) & np.uint64(MASK32)
    for half in key:
        word = (word * np.uint64(GOLDEN32) + np.uint64(half)) & np.uint64(MASK32)
        for shift, factor in MURMUR:
            word ^= word >> np.uint64(shift)
            word = (word * np.uint64(factor)) & np.uint64(MASK32)
        word ^= word >> np.uint64(16)
    return word


def counter_uniform(
    key: tuple[int, int], count: int, start: int = 0
) -> npt.NDArray[np.float64]:
    """Return random floats, uniform in [0, 1) and multiples of 2**-24.

    Args:
        key: A key that `counter_key` returned.
        count: Number of elements.
        start: Number of the first element.

    Returns:
        float64 (count,).
    """
    words = counter_bits(key, count, start) >> np.uint64(8)
    return words.astype(np.float64) * 2.0**-24


def counter_order(key: tuple[int, int], count: int) -> npt.NDArray[np.int64]:
    """Return a random permutation of range(count).

    Args:
        key: A key that `counter_key` returned.
        count: Number of elements.

    Returns:
        int64 (count,).
    """
    return np.argsort(counter_bits(key, count), kind="stable").astype(np.int64)
