"""Fully connected layers, forwards and backwards."""

import numpy as np

from neuralopt.machine.bytecode import GRADIENT, PARAMETER
from neuralopt.machine.kernels.compiling import compiled, once
from neuralopt.machine.kernels.functions import exp, tanh
from neuralopt.machine.kernels.layout import (
    ALIGNMENT,
    BIAS,
    DELTAS,
    FEATURE_DELTAS,
    FEATURES,
    RELU,
    ROW,
    TANH,
    TRANSPOSED,
    VALUES,
    WEIGHT,
    ZERO,
)
from neuralopt.machine.kernels.memory import like, load, select, store
from neuralopt.machine.kernels.products import product, row_sum, transpose


@compiled
def activate(memory, start, count, activation):
    """Apply an activation to `count` elements in place."""
    if activation == RELU:
        for i in range(start, start + count):
            z = load(memory, i)
            store(memory, i, select(z < like(z, 0), like(z, 0), z))  # NaN stays
    elif activation == TANH:
        for i in range(start, start + count):
            store(memory, i, tanh(load(memory, i)))
    else:
        for i in range(start, start + count):
            z = load(memory, i)
            store(memory, i, like(z, 1) / (like(z, 1) + exp(-z)))


@compiled
def multiply_by_slope(memory, deltas, values, count, activation):
    """Multiply deltas by the activation's derivative, known from its values."""
    if activation == RELU:
        for i in range(count):
            d, a = load(memory, deltas + i), load(memory, values + i)
            store(memory, deltas + i, select(a > like(a, 0), d, like(d, 0)))
    elif activation == TANH:
        for i in range(count):
            d, a = load(memory, deltas + i), load(memory, values + i)
            store(memory, deltas + i, d * (like(a, 1) - a * a))
    else:
        for i in range(count):
            d, a = load(memory, deltas + i), load(memory, values + i)
            store(memory, deltas + i, d * (a * (like(a, 1) - a)))


@compiled
def forward_layers(memory, network, columns, group):
    """Values of all layers, for a group of examples or for what convolutions made."""
    widths, layers, lanes = network.widths, network.layers, network.lanes
    weights = network.places[ROW] * PARAMETER
    count, one = len(layers), np.int64(1)  # of a literal, numba would compile a copy
    for layer in range(count):
        inputs, outputs = widths[layer], widths[layer + 1]
        weight, bias = weights + layers[layer, WEIGHT], weights + layers[layer, BIAS]
        values = layers[layer, VALUES]
        if layer == 0 and len(network.convolutions) == 0:
            product(memory, values, lanes, outputs, lanes, inputs, weight, inputs, one,
                    columns, group * inputs * lanes, lanes, bias, one)  # fmt: skip
        else:
            below = layers[layer - 1, VALUES] if layer else network.places[FEATURES]
            product(memory, values, lanes, outputs, lanes, inputs, weight, inputs, one,
                    memory, below, lanes, bias, one)  # fmt: skip
        if layer + 1 < count:
            activate(memory, values, outputs * lanes, network.activation)


@once
def backward_layers(memory, network, rows, group):
    """Gradients of the layers' parameters from the deltas of the outputs.

    Where convolutions come first, the deltas of what they made too.
    """
    widths, layers, places = network.widths, network.layers, network.places
    lanes, batch, zero = network.lanes, network.batch, places[ZERO]
    weights, gradients = places[ROW] * PARAMETER, places[ROW] * GRADIENT
    one, none = np.int64(1), np.int64(0)
    for layer in range(len(layers) - 1, -1, -1):
        inputs, outputs = widths[layer], widths[layer + 1]
        weight, bias = layers[layer, WEIGHT], layers[layer, BIAS]
        deltas = layers[layer, DELTAS]
        width = (inputs + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        if layer == 0 and len(network.convolutions) == 0:
            product(memory, gradients + weight, inputs, outputs, inputs, batch,
                    deltas, lanes, one, rows, group * batch * width, width,
                    zero, none)  # fmt: skip
        else:
            values, below = places[FEATURES], places[FEATURE_DELTAS]
            if layer:
                values, below = layers[layer - 1, VALUES], layers[layer - 1, DELTAS]
            transpose(memory, values, lanes, places[TRANSPOSED], width)
            product(memory, gradients + weight, inputs, outputs, inputs, batch,
                    deltas, lanes, one, memory, places[TRANSPOSED], width,
                    zero, none)  # fmt: skip
            product(memory, below, lanes, inputs, lanes, outputs, weights + weight, one,
                    inputs, memory, deltas, lanes, zero, none)  # fmt: skip
            if layer:
                count = inputs * lanes
                multiply_by_slope(memory, below, values, count, network.activation)
        for row in range(outputs):
            total = row_sum(memory, deltas + row * lanes, lanes)
            store(memory, gradients + bias + row, total)
