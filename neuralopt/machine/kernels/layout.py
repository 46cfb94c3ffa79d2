"""Where everything lies in the one array of numbers that is a child's memory.

Examples lie side by side: activations are (width, batch), so
that a vector holds one unit's values for several examples, for any widths.
Weights are (out, in) and flat, as torch has them, and random bits are numbered so.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from neuralopt.machine.bytecode import Bytecode

ALIGNMENT = 16
"""Elements; every region of memory begins at a multiple of it, and the number of
elements of a row, and of examples side by side, is one."""

BLOCK = 512
"""Elements that an instruction of a rule treats at a time: all its registers stay in
the first-level cache, and the choice of the instruction costs little."""

RELU, TANH, SIGMOID = 0, 1, 2
ACTIVATIONS = {"relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}
CROSS_ENTROPY, SQUARED_ERROR, REGRESSION = 0, 1, 2
OBJECTIVES = {
    "cross_entropy": CROSS_ENTROPY,
    "squared_error": SQUARED_ERROR,
    "regression": REGRESSION,
}

WEIGHT, BIAS, VALUES, DELTAS = range(4)
"""Columns of `Network.layers`."""

ROW, BLOCKS, ZERO, TRANSPOSED, SUMS, FEATURES, FEATURE_DELTAS = range(7)
"""Entries of `Network.places`."""

(
    CHANNELS_IN, CHANNELS, HEIGHT, WIDTH, POOL,  # of the images that come in
    KERNEL, SCALE, SHIFT,  # in a row of parameters
    INPUT, CENTRED, SLOPES, INPUT_DELTAS, STATISTICS,  # in memory
    TARGET, TARGET_PLANE, TARGET_LINE, TARGET_DELTAS,  # where pooled values go
    TABLE,  # its first entry in `Network.tables`
) = range(18)  # fmt: skip
"""Columns of `Network.convolutions`."""

MEAN, VARIANCE, RUNNING_MEAN, RUNNING_VARIANCE = range(4)
"""Rows of a convolution's statistics, each a number for every channel."""

SIDE = 3
"""Pixels of a convolution's window, which never leaves its image and a border of 1."""

Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Floats = np.ndarray[tuple[int, ...], np.dtype[Any]]


class Network(NamedTuple):
    """Where a network and its rule stand in memory.

    Convolutions first, if any, then fully connected layers.
    widths: of the fully connected layers. layers: (layers, 4), of each the beginning of
    its weights and of its bias in a row of parameters, and of its values and deltas,
    (width, lanes), in memory.
    places: length of a row; first block; a zero; room for one layer's values
    transposed, and for three sums of every example; the first layer's inputs, and their
    deltas, where they are not examples.
    convolutions: (convolutions, 18), see above. tables: places that windows reach.
    batch: examples a step. lanes: the next multiple of ALIGNMENT, filled with zeros.
    """

    widths: Integers
    layers: Integers
    places: Integers
    convolutions: Integers
    tables: Integers
    activation: int
    objective: int
    batch: int
    lanes: int


class Examples(NamedTuple):
    """Groups of examples, one after another in flat arrays.

    columns: of each group the inputs (width, lanes). rows: the same inputs (batch,
    width padded to ALIGNMENT), for training fully connected layers alone. targets:
    class numbers (lanes,). values: the targets of a regression (lanes,), or nothing.
    """

    columns: Floats
    rows: Floats
    targets: Integers
    values: Floats


ROWS, LAST_PASS = 2, 7
"""Columns of `Rules.spans`."""


class Rules(NamedTuple):
    """Bytecode of several rules, one after another.

    code: (lines, 6), as in Bytecode. spans: (rules, 8): first and last line, rows of
    states and scratch, first constant and how many, first number in tables and how many
    a step, lines before the last pass.
    """

    code: Integers
    spans: Integers
    constants: Floats
    tables: Floats


@dataclass(frozen=True, slots=True)
class Shape:
    """A network, told in numbers.

    widths: of the fully connected layers, the first that of their inputs.
    image: channels, height and width of an example, where convolutions come first.
    convolutions: channels and pooling (1, or 2 for halves) of each.
    """

    widths: tuple[int, ...]
    activation: str = "relu"
    objective: str = "cross_entropy"
    image: tuple[int, int, int] = (0, 0, 0)
    convolutions: tuple[tuple[int, int], ...] = ()


def padded(count: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-count // ALIGNMENT) * ALIGNMENT


def network_of(shape: Shape, batch: int, rows: int, blocks: int) -> tuple[Network, int]:
    """A network's places, for rules of so many rows and blocks, and their size.

    rows: of states and scratch.
    """
    layout = _Layout(padded(batch))
    convolutions, parameters = _convolution_parameters(shape)
    layers = []
    for inputs, outputs in itertools.pairwise(shape.widths):
        bias = parameters + inputs * outputs
        layers.append([parameters, bias, 0, 0])
        parameters = bias + outputs
    row = padded(parameters)
    layout.take((2 + rows) * row)
    places = [row, layout.take(blocks * BLOCK), layout.take(ALIGNMENT)]
    widest = padded(max(shape.widths))
    places += [layout.take(widest * layout.lanes), layout.take(3 * layout.lanes)]
    features = padded(shape.widths[0]) if convolutions else 0
    places += [layout.take(features * layout.lanes) for _ in range(2)]
    for layer, width in zip(layers, shape.widths[1:], strict=True):
        size = padded(width) * layout.lanes
        layer[VALUES], layer[DELTAS] = layout.take(size), layout.take(size)
    tables = _place_convolutions(layout, convolutions, places)
    network = Network(
        np.array(shape.widths, np.int64),
        np.array(layers, np.int64),
        np.array(places, np.int64),
        np.array(convolutions, np.int64).reshape(-1, TABLE + 1),
        np.array(tables, np.int64),
        ACTIVATIONS[shape.activation],
        OBJECTIVES[shape.objective],
        batch,
        layout.lanes,
    )
    return network, layout.size


class _Layout:
    """Hands out regions one after another."""

    def __init__(self, lanes: int) -> None:
        self.lanes, self.size = lanes, 0

    def take(self, size: int) -> int:
        start, self.size = self.size, self.size + padded(size)
        return start


def _convolution_parameters(shape: Shape) -> tuple[list[list[int]], int]:
    """Sizes and parameters of each convolution, and how many parameters they have."""
    channels_in, height, width = shape.image
    rows, parameters = [], 0
    for channels, pool in shape.convolutions:
        scale = parameters + channels * channels_in * SIDE * SIDE
        row = [0] * (TABLE + 1)
        row[CHANNELS_IN], row[CHANNELS] = channels_in, channels
        row[HEIGHT], row[WIDTH], row[POOL] = height, width, pool
        row[KERNEL], row[SCALE], row[SHIFT] = parameters, scale, scale + channels
        rows.append(row)
        parameters = scale + 2 * channels
        channels_in, height, width = channels, height // pool, width // pool
    return rows, parameters


def _place_convolutions(
    layout: _Layout, rows: list[list[int]], places: list[int]
) -> list[int]:
    """Fill in where each convolution lies, and make the tables."""
    tables: list[int] = []
    lanes = layout.lanes
    for row in rows:
        pixels, bordered = row[HEIGHT] * row[WIDTH], _bordered(row)
        row[INPUT] = layout.take(row[CHANNELS_IN] * bordered * lanes)
        row[CENTRED] = layout.take(row[CHANNELS] * pixels * lanes)
        row[SLOPES] = layout.take(row[CHANNELS] * bordered * lanes)
        row[INPUT_DELTAS] = layout.take(row[CHANNELS_IN] * pixels * lanes)
        row[STATISTICS] = layout.take(4 * row[CHANNELS])
        row[TABLE] = len(tables)
        tables += itertools.chain(*_tables(row, lanes))
    for row, following in itertools.zip_longest(rows, rows[1:]):
        if following is None:
            width = row[WIDTH] // row[POOL]
            row[TARGET], row[TARGET_LINE] = places[FEATURES], width * lanes
            row[TARGET_PLANE] = row[HEIGHT] // row[POOL] * width * lanes
            row[TARGET_DELTAS] = places[FEATURE_DELTAS]
        else:
            line = (following[WIDTH] + 2) * lanes
            row[TARGET], row[TARGET_LINE] = following[INPUT] + line + lanes, line
            row[TARGET_PLANE] = _bordered(following) * lanes
            row[TARGET_DELTAS] = following[INPUT_DELTAS]
    return tables


def _bordered(row: Sequence[int]) -> int:
    """Pixels of an image and of a border of 1."""
    return (row[HEIGHT] + 2) * (row[WIDTH] + 2)


def _tables(row: Sequence[int], lanes: int) -> list[list[int]]:
    """Places that a convolution's windows reach, in six tables.

    Of the terms of a product: the forward pass's numbers and vectors, the backward
    pass's numbers and vectors. Then of each pixel in a bordered image: the first place
    of its window, and its own.
    """
    line, plane = (row[WIDTH] + 2) * lanes, _bordered(row) * lanes
    window = list(itertools.product(range(SIDE), repeat=2))
    inputs, outputs = range(row[CHANNELS_IN]), range(row[CHANNELS])
    terms = len(inputs) * SIDE * SIDE
    pixels = list(itertools.product(range(row[HEIGHT]), range(row[WIDTH])))
    return [
        list(range(terms)),
        [c * plane + y * line + x * lanes for c in inputs for y, x in window],
        [c * terms + y * SIDE + x for c in outputs for y, x in window],
        [
            c * plane + (SIDE - 1 - y) * line + (SIDE - 1 - x) * lanes
            for c in outputs
            for y, x in window
        ],
        [y * line + x * lanes for y, x in pixels],
        [(y + 1) * line + (x + 1) * lanes for y, x in pixels],
    ]


def rules_of(
    codes: Sequence[Bytecode], total_steps: int, steps: int | None = None
) -> Rules:
    """Several rules for a training of so many steps, of which the first are run."""
    spans, tables = [], [np.empty(0)]
    line = constant = entry = 0
    for code in codes:
        lines, constants = len(code.code), len(code.constants)
        rows = code.states + code.scratch
        span = line, line + lines, rows, constant, constants, entry
        spans.append((*span, len(code.scalars), code.last_pass))
        tables.append(code.table(total_steps, steps).ravel())
        line, constant = line + lines, constant + constants
        entry += len(tables[-1])
    return Rules(
        np.concatenate([code.code for code in codes]),
        np.array(spans, np.int64),
        np.array([value for code in codes for value in code.constants]),
        np.concatenate(tables),
    )


def aligned(shape: tuple[int, ...], dtype: Any) -> Floats:
    """Zeros that begin at a multiple of 64 bytes, as vectors like it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    found: Floats = room[start : start + size].view(dtype).reshape(shape)
    return found
