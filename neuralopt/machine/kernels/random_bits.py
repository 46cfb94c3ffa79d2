"""The random bits of `neuralopt.counter_hash`, compiled."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from neuralopt.counter_hash import GOLDEN32, MURMUR
from neuralopt.machine.kernels.compiling import compiled, inlined, intrinsic
from neuralopt.machine.kernels.functions import cos_of_turns, log
from neuralopt.machine.kernels.memory import number, sqrt

MIX1, MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
GOLDEN64 = np.uint64(0x9E3779B97F4A7C15)
SHIFT30, SHIFT27, SHIFT31 = np.uint64(30), np.uint64(27), np.uint64(31)


@compiled
def absorb(state, counter):
    """The hash of counters, one counter later (`counter_hash.counter_key`), uint64."""
    state = state + np.uint64(counter) + GOLDEN64
    state = (state ^ (state >> SHIFT30)) * MIX1
    state = (state ^ (state >> SHIFT27)) * MIX2
    return state ^ (state >> SHIFT31)


@intrinsic
def random_bits(typing: Any, key: Any, element: Any) -> Any:
    """24 random bits of an element (`counter_hash.counter_bits`), an int32."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        integer = ir.IntType(32)
        low = builder.trunc(values[0], integer)
        high = builder.trunc(builder.lshr(values[0], values[0].type(32)), integer)
        word = builder.trunc(values[1], integer)
        for half in (low, high):
            word = builder.add(builder.mul(word, integer(GOLDEN32)), half)
            for shift, factor in MURMUR:
                word = builder.xor(word, builder.lshr(word, integer(shift)))
                word = builder.mul(word, integer(factor))
            word = builder.xor(word, builder.lshr(word, integer(16)))
        return builder.lshr(word, integer(8))

    return types.int32(types.uint64, types.int64), code


@inlined
def uniform(memory, key, element):
    """A multiple of 2**-24 in [0, 1), in the type of memory."""
    return number(memory, random_bits(key, element)) * number(memory, 2.0**-24)


@inlined
def normal(memory, key, other, element):
    """N(0, 1) by Box and Muller 1958."""
    radius = uniform(memory, key, element) + number(memory, 2.0**-25)
    angle = cos_of_turns(uniform(memory, other, element))
    return sqrt(number(memory, -2.0) * log(radius)) * angle
