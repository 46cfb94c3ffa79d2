"""Operations of tensor scope: one parameter's elements at a time.

Sums are taken in float64, in the order of the elements.
"""

import numpy as np

from neuralopt.language.primitives import KINDS
from neuralopt.language.tensors import COEFFICIENTS, SMALLEST_NORM
from neuralopt.machine.bytecode import OPCODES
from neuralopt.machine.kernels.compiling import compiled
from neuralopt.machine.kernels.memory import load, number, store

NORM, RMS, MEAN = OPCODES["norm"], OPCODES["rms"], OPCODES["mean"]
MAXIMUM, ORTHOGONALIZE = OPCODES["maximum"], OPCODES["orthogonalize"]
ROW_MEANS, COLUMN_MEANS = OPCODES["rows"], OPCODES["columns"]
FAN_IN, FAN_OUT, LOSS = OPCODES["fan_in"], OPCODES["fan_out"], OPCODES["loss"]
KIND_OPCODES = tuple(OPCODES[kind] for kind in KINDS)
A, B, C = COEFFICIENTS


@compiled
def _fill(memory, out, count, value):
    for i in range(count):
        store(memory, out + i, number(memory, value))


@compiled
def _sum_of_squares(memory, x, count):
    total = 0.0
    for i in range(count):
        value = np.float64(load(memory, x + i))
        total += value * value
    return total


@compiled
def _total(memory, x, count):
    total = 0.0
    for i in range(count):
        total += np.float64(load(memory, x + i))
    return total


@compiled
def _largest(memory, x, count):
    largest = np.float64(load(memory, x))
    for i in range(1, count):
        value = np.float64(load(memory, x + i))
        if value > largest or value != value:
            largest = value
        if largest != largest:
            break
    return largest


@compiled
def _column_means(memory, out, x, height, width):
    means = np.zeros(width)
    for row in range(height):
        for column in range(width):
            means[column] += np.float64(load(memory, x + row * width + column))
    for row in range(height):
        for column in range(width):
            mean = number(memory, means[column] / height)
            store(memory, out + row * width + column, mean)


@compiled
def _product(found, x, y):
    """found <- x y, of matrices (m, k) and (k, n).

    Four rows of y at a time, so that a row of the result is loaded and stored less.
    """
    depth = x.shape[1]
    whole = depth - depth % 4
    for i in range(x.shape[0]):
        row = found[i]
        row[:] = 0
        for k in range(0, whole, 4):
            a, b, c, d = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            first, second, third, fourth = y[k], y[k + 1], y[k + 2], y[k + 3]
            for j in range(len(row)):
                both = a * first[j] + b * second[j]
                row[j] += both + (c * third[j] + d * fourth[j])
        for k in range(whole, depth):
            a, first = x[i, k], y[k]
            for j in range(len(row)):
                row[j] += a * first[j]


@compiled
def _orthogonalize(memory, out, x, height, width, steps):
    """Newton and Schulz, in memory's type, on the matrix or its transpose."""
    count, kind = height * width, memory.dtype
    scale = number(
        memory, max(np.sqrt(_sum_of_squares(memory, x, count)), SMALLEST_NORM)
    )
    upright = height > width
    low, long = min(height, width), max(height, width)
    found, flipped = np.empty((low, long), kind), np.empty((long, low), kind)
    gram, polynomial = np.empty((low, low), kind), np.empty((low, low), kind)
    change = np.empty((low, long), kind)
    a, b, c = number(memory, A), number(memory, B), number(memory, C)
    for row in range(height):
        for column in range(width):
            value = load(memory, x + row * width + column) / scale
            if upright:
                found[column, row] = value
            else:
                found[row, column] = value
    for _ in range(steps):
        for i in range(low):
            for j in range(long):
                flipped[j, i] = found[i, j]
        _product(gram, found, flipped)
        _product(polynomial, gram, gram)
        for i in range(low):
            for j in range(low):
                polynomial[i, j] = b * gram[i, j] + c * polynomial[i, j]
        _product(change, polynomial, found)
        for i in range(low):
            for j in range(long):
                found[i, j] = a * found[i, j] + change[i, j]
    for row in range(height):
        for column in range(width):
            value = found[column, row] if upright else found[row, column]
            store(memory, out + row * width + column, value)


@compiled
def whole(memory, opcode, out, x, y, height, width, kind, loss):
    """One operation of tensor scope on the matrix of one parameter.

    out, x: where its first elements are in memory; they may be the same. y: where a
    number is, the steps of orthogonalize. kind: of the parameter, an index of KINDS.
    loss: of this step, in memory's type.
    """
    count = height * width
    if count == 0:
        return
    if opcode == NORM:
        _fill(memory, out, count, np.sqrt(_sum_of_squares(memory, x, count)))
    elif opcode == RMS:
        _fill(memory, out, count, np.sqrt(_sum_of_squares(memory, x, count) / count))
    elif opcode == MEAN:
        _fill(memory, out, count, _total(memory, x, count) / count)
    elif opcode == MAXIMUM:
        _fill(memory, out, count, _largest(memory, x, count))
    elif opcode == ROW_MEANS:
        for row in range(height):
            start = row * width
            _fill(memory, out + start, width, _total(memory, x + start, width) / width)
    elif opcode == COLUMN_MEANS:
        _column_means(memory, out, x, height, width)
    elif opcode == ORTHOGONALIZE:
        _orthogonalize(memory, out, x, height, width, int(load(memory, y)))
    elif opcode == FAN_OUT:
        _fill(memory, out, count, height)
    elif opcode == FAN_IN:
        _fill(memory, out, count, width)
    elif opcode == LOSS:
        _fill(memory, out, count, loss)
    else:
        _fill(memory, out, count, 1 if opcode == KIND_OPCODES[kind] else 0)
