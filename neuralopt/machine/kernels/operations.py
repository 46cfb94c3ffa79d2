"""The operations of the language on blocks of numbers.

Written by neuralopt.machine.generate from the table of primitives: do not edit.
"""

from neuralopt.machine.kernels.compiling import compiled
from neuralopt.machine.kernels.descent import descend
from neuralopt.machine.kernels.functions import (
    cos,
    dropped,
    exp,
    exp2,
    less,
    less_equal,
    log,
    maximum,
    minimum,
    power,
    remainder,
    sign,
    tanh,
    where,
)
from neuralopt.machine.kernels.memory import load, number, sqrt, store, widest_vectors
from neuralopt.machine.kernels.random_bits import absorb, normal, uniform


@compiled
def operate(memory, opcode, out, x, y, z, count, state, stream, first, rate):
    """One instruction on `count` elements, of which `first` is the first.

    out, x, y, z: where they are in memory. state: the hash of all counters
    up to the step.
    """
    widest_vectors()
    if opcode == 0:  # less
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, less(a, b))
    elif opcode == 1:  # less_equal
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, less_equal(a, b))
    elif opcode == 2:  # add
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a + b)
    elif opcode == 3:  # subtract
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a - b)
    elif opcode == 4:  # multiply
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a * b)
    elif opcode == 5:  # divide
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, a / b)
    elif opcode == 6:  # remainder
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, remainder(a, b))
    elif opcode == 7:  # negative
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, -a)
    elif opcode == 8:  # power
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, power(a, b))
    elif opcode == 9:  # sign
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, sign(a))
    elif opcode == 10:  # exp
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, exp(a))
    elif opcode == 11:  # exp2
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, exp2(a))
    elif opcode == 12:  # cos
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, cos(a))
    elif opcode == 13:  # tanh
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, tanh(a))
    elif opcode == 14:  # abs
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, abs(a))
    elif opcode == 15:  # log
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, log(abs(a)))
    elif opcode == 16:  # sqrt
        for i in range(count):
            a = load(memory, x + i)
            store(memory, out + i, sqrt(abs(a)))
    elif opcode == 17:  # min
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, minimum(a, b))
    elif opcode == 18:  # max
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, maximum(a, b))
    elif opcode == 19:  # clip
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            store(memory, out + i, minimum(maximum(a, -b), b))
    elif opcode == 20:  # where
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            c = load(memory, z + i)
            store(memory, out + i, where(a, b, c))
    elif opcode == 21:  # drop
        key = absorb(absorb(state, stream), 0)
        for i in range(count):
            a = load(memory, x + i)
            b = load(memory, y + i)
            bits = uniform(memory, key, first + i)
            store(memory, out + i, dropped(a, b, bits))
    elif opcode == 22:  # noise
        key = absorb(absorb(state, stream), 0)
        other = absorb(absorb(state, stream), 1)
        for i in range(count):
            a = load(memory, x + i)
            bits = normal(memory, key, other, first + i)
            store(memory, out + i, a * bits)
    elif opcode == 23:  # copy
        for i in range(count):
            store(memory, out + i, load(memory, x + i))
    elif opcode == 24:  # descend
        descend(memory, out, x, count, rate, number(memory, 0))
