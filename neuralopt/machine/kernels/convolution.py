"""Convolutions of 3 x 3 with batch normalisation, activation and pooling.

Images are planes of pixels, each pixel a row of examples. Images that windows move over
have a border of one pixel of zeros.

The mean and variance of a batch are each channel's own (Ioffe and Szegedy 2015), as
torch.nn.BatchNorm2d has them: the biased variance normalises, the unbiased one joins
the running variance, which is used in evaluation.
"""

from typing import Any

from neuralopt.machine.bytecode import GRADIENT, PARAMETER
from neuralopt.machine.kernels.compiling import compiled, inlined
from neuralopt.machine.kernels.functions import exp, tanh
from neuralopt.machine.kernels.gathering import correlate, gathering_product
from neuralopt.machine.kernels.layout import (
    CENTRED,
    CHANNELS,
    CHANNELS_IN,
    HEIGHT,
    INPUT,
    INPUT_DELTAS,
    KERNEL,
    MEAN,
    POOL,
    RELU,
    ROW,
    RUNNING_MEAN,
    RUNNING_VARIANCE,
    SCALE,
    SHIFT,
    SIDE,
    SLOPES,
    STATISTICS,
    TABLE,
    TANH,
    TARGET,
    TARGET_DELTAS,
    TARGET_LINE,
    TARGET_PLANE,
    VARIANCE,
    WIDTH,
)
from neuralopt.machine.kernels.memory import like, load, number, select, sqrt, store
from neuralopt.machine.kernels.products import row_product, row_sum

EPSILON, MOMENTUM = 1e-5, 0.1
"""Of torch.nn.BatchNorm2d."""


@compiled
def prepare_convolutions(memory, network):
    """Borders of zeros, and running statistics of untrained channels."""
    lanes = network.lanes
    for layer in range(len(network.convolutions)):
        row = network.convolutions[layer]
        bordered = (row[HEIGHT] + 2) * (row[WIDTH] + 2) * lanes
        for i in range(row[CHANNELS_IN] * bordered):
            store(memory, row[INPUT] + i, number(memory, 0))
        for i in range(row[CHANNELS] * bordered):
            store(memory, row[SLOPES] + i, number(memory, 0))
        for i in range(row[CHANNELS]):
            statistics = row[STATISTICS] + i
            store(memory, statistics + RUNNING_MEAN * row[CHANNELS], number(memory, 0))
            store(
                memory, statistics + RUNNING_VARIANCE * row[CHANNELS], number(memory, 1)
            )


@compiled
def forward_convolutions(memory, network, columns, group, training):
    """What the last convolution makes of a group of examples.

    training: with the statistics of this batch, which join the running ones.
    """
    lanes = network.lanes
    if len(network.convolutions) == 0:
        return
    row = network.convolutions[0]
    pixels, line = row[HEIGHT] * row[WIDTH] * lanes, row[WIDTH] * lanes
    source = group * row[CHANNELS_IN] * pixels
    for channel in range(row[CHANNELS_IN]):
        plane = (row[HEIGHT] + 2) * (row[WIDTH] + 2) * lanes
        target = row[INPUT] + channel * plane + line + 3 * lanes
        for y in range(row[HEIGHT]):
            for i in range(line):
                x = load(columns, source + channel * pixels + y * line + i)
                store(memory, target + y * (line + 2 * lanes) + i, x)
    for layer in range(len(network.convolutions)):
        row = network.convolutions[layer]
        convolve(memory, network, row)
        for channel in range(row[CHANNELS]):
            if training:
                batch_statistics(memory, network, row, channel)
            else:
                running_statistics(memory, network, row, channel)
            if network.activation == RELU:
                pool_rectified(memory, network, row, channel)
            else:
                pool_smooth(memory, network, row, channel)


@compiled
def convolve(memory, network, row):
    """All windows of a convolution, before normalisation."""
    lanes, terms = network.lanes, row[CHANNELS_IN] * SIDE * SIDE
    kernel = network.places[ROW] * PARAMETER + row[KERNEL]
    windows = row[TABLE] + 2 * terms + 2 * row[CHANNELS] * SIDE * SIDE
    pixels = row[HEIGHT] * row[WIDTH]
    for pixel in range(pixels):
        window = row[INPUT] + network.tables[windows + pixel]
        gathering_product(memory, row[CENTRED] + pixel * lanes, pixels * lanes,
                          row[CHANNELS], lanes, terms, kernel, terms, window,
                          network.tables, row[TABLE], row[TABLE] + terms)  # fmt: skip


@compiled
def clear_tails(memory, network, start, count):
    """Zero where there are no examples, in `count` pixels."""
    for pixel in range(count):
        for i in range(network.batch, network.lanes):
            store(memory, start + pixel * network.lanes + i, number(memory, 0))


@compiled
def batch_statistics(memory, network, row, channel):
    """Centre a channel; its mean and variance, and the running ones."""
    pixels = row[HEIGHT] * row[WIDTH]
    start, count = row[CENTRED] + channel * pixels * network.lanes, pixels
    length, examples = count * network.lanes, count * network.batch
    statistics = row[STATISTICS] + channel
    if network.batch < network.lanes:
        clear_tails(memory, network, start, count)
    mean = row_sum(memory, start, length) / number(memory, examples)
    for i in range(start, start + length):
        store(memory, i, load(memory, i) - mean)
    if network.batch < network.lanes:
        clear_tails(memory, network, start, count)
    squares = row_product(memory, start, start, length)
    variance = squares / number(memory, examples)
    store(memory, statistics + MEAN * row[CHANNELS], mean)
    store(memory, statistics + VARIANCE * row[CHANNELS], variance)
    share = number(memory, MOMENTUM)
    unbiased = squares / number(memory, examples - 1)
    place = statistics + RUNNING_MEAN * row[CHANNELS]
    before = load(memory, place)
    store(memory, place, before * (like(mean, 1) - share) + share * mean)
    place = statistics + RUNNING_VARIANCE * row[CHANNELS]
    before = load(memory, place)
    store(memory, place, before * (like(mean, 1) - share) + share * unbiased)


@compiled
def running_statistics(memory, network, row, channel):
    """Centre a channel by its running mean; the running statistics are to be used."""
    length = row[HEIGHT] * row[WIDTH] * network.lanes
    start, statistics = row[CENTRED] + channel * length, row[STATISTICS] + channel
    mean = load(memory, statistics + RUNNING_MEAN * row[CHANNELS])
    variance = load(memory, statistics + RUNNING_VARIANCE * row[CHANNELS])
    store(memory, statistics + VARIANCE * row[CHANNELS], variance)
    for i in range(start, start + length):
        store(memory, i, load(memory, i) - mean)


@compiled
def inverse_deviation(memory, row, channel):
    variance = load(memory, row[STATISTICS] + VARIANCE * row[CHANNELS] + channel)
    return like(variance, 1) / sqrt(variance + number(memory, EPSILON))


@compiled
def normalisation(memory, network, row, channel):
    """What a centred number is multiplied by, and what is added then."""
    parameters = network.places[ROW] * PARAMETER
    scale = load(memory, parameters + row[SCALE] + channel)
    shift = load(memory, parameters + row[SHIFT] + channel)
    return scale * inverse_deviation(memory, row, channel), shift


@inlined
def rectified(z, activation):
    return select(z < like(z, 0), like(z, 0), z)  # NaN stays


@inlined
def itself(z, activation):
    """What rectified values are compared by: where two are 0, both have no slope."""
    return z


@inlined
def rectified_slope(value, activation):
    return select(value > like(value, 0), like(value, 1), like(value, 0))


@compiled
def smooth(z, activation):
    if activation == TANH:
        return tanh(z)
    return like(z, 1) / (like(z, 1) + exp(-z))


@compiled
def smooth_slope(value, activation):
    if activation == TANH:
        return like(value, 1) - value * value
    return value * (like(value, 1) - value)


def _pooling(activated: Any) -> Any:
    """A pass that normalises, activates and pools a channel into what comes next.

    The largest of a square passes; NaN is larger than all numbers.
    """

    @compiled
    def normalise_and_pool(memory, network, row, channel):
        lanes, activation = network.lanes, network.activation
        scale, shift = normalisation(memory, network, row, channel)
        line = row[WIDTH] * lanes
        start = row[CENTRED] + channel * row[HEIGHT] * line
        target = row[TARGET] + channel * row[TARGET_PLANE]
        if row[POOL] == 1:
            for y in range(row[HEIGHT]):
                source, out = start + y * line, target + y * row[TARGET_LINE]
                for i in range(line):
                    z = load(memory, source + i) * scale + shift
                    store(memory, out + i, activated(z, activation))
            return
        for y in range(row[HEIGHT] // 2):
            for x in range(row[WIDTH] // 2):
                source = start + 2 * (y * line + x * lanes)
                out = target + y * row[TARGET_LINE] + x * lanes
                below = source + line
                for i in range(lanes):
                    a = load(memory, source + i) * scale + shift
                    b = load(memory, source + lanes + i) * scale + shift
                    c = load(memory, below + i) * scale + shift
                    d = load(memory, below + lanes + i) * scale + shift
                    a = select((b > a) | (b != b), b, a)
                    c = select((d > c) | (d != d), d, c)
                    a = select((c > a) | (c != c), c, a)
                    store(memory, out + i, activated(a, activation))

    return normalise_and_pool


def _unpooling(activated: Any, slope: Any, compared: Any) -> Any:
    """A pass that finds the slopes of a channel's normalised pixels.

    Of the equal ones in a square the first is taken, as torch takes it. One corner of
    the squares at a time: more stores in a loop, and LLVM would not vectorise it.
    """

    @compiled
    def corner(memory, network, row, sources, deltas, out, scale, shift, one, other):
        """one, other: whether the corner is in the right column, the lower line."""
        lanes, activation = network.lanes, network.activation
        line = row[WIDTH] * lanes
        own = sources + other * line + one * lanes
        right, below = lanes * (1 - 2 * one), line * (1 - 2 * other)
        # Earlier corners win where values are equal.
        for i in range(lanes):
            z = load(memory, own + i) * scale + shift
            a = compared(z, activation)
            z = load(memory, own + right + i) * scale + shift
            b = compared(z, activation)
            z = load(memory, own + below + i) * scale + shift
            c = compared(z, activation)
            z = load(memory, own + right + below + i) * scale + shift
            d = compared(z, activation)
            wins = (a > b) | ((a == b) & (one == 0))
            wins &= (a > c) | ((a == c) & (other == 0))
            wins &= (a > d) | ((a == d) & (other == 0))
            a = activated(load(memory, own + i) * scale + shift, activation)
            delta = load(memory, deltas + i) * slope(a, activation)
            store(memory, out + i, select(wins, delta, like(a, 0)))

    @compiled
    def unpool(memory, network, row, channel):
        lanes, pool, activation = network.lanes, row[POOL], network.activation
        scale, shift = normalisation(memory, network, row, channel)
        line, bordered = row[WIDTH] * lanes, (row[WIDTH] + 2) * lanes
        start = row[CENTRED] + channel * row[HEIGHT] * line
        slopes = row[SLOPES] + channel * bordered_plane(network, row) + bordered + lanes
        height, width = row[HEIGHT] // pool, row[WIDTH] // pool
        deltas = row[TARGET_DELTAS] + channel * height * width * lanes
        if pool == 1:
            for y in range(height):
                source, out = start + y * line, slopes + y * bordered
                for i in range(line):
                    z = load(memory, source + i) * scale + shift
                    delta = load(memory, deltas + y * line + i)
                    here = delta * slope(activated(z, activation), activation)
                    store(memory, out + i, here)
            return
        if row[HEIGHT] % 2 or row[WIDTH] % 2:  # a last line or column is in no square
            for y in range(row[HEIGHT]):
                for i in range(line):
                    store(memory, slopes + y * bordered + i, number(memory, 0))
        for y in range(height):
            for x in range(width):
                source = start + 2 * (y * line + x * lanes)
                place = deltas + (y * width + x) * lanes
                for other in range(2):
                    for one in range(2):
                        out = slopes + (2 * y + other) * bordered
                        out += (2 * x + one) * lanes
                        corner(memory, network, row, source, place, out, scale, shift,
                               one, other)  # fmt: skip

    return unpool


pool_rectified, pool_smooth = _pooling(rectified), _pooling(smooth)
unpool_rectified = _unpooling(rectified, rectified_slope, itself)
unpool_smooth = _unpooling(smooth, smooth_slope, smooth)


@compiled
def backward_convolutions(memory, network):
    """Gradients of the convolutions' parameters from the deltas of what they made."""
    lanes, row_length = network.lanes, network.places[ROW]
    gradients, weights = row_length * GRADIENT, row_length * PARAMETER
    for layer in range(len(network.convolutions) - 1, -1, -1):
        row = network.convolutions[layer]
        for channel in range(row[CHANNELS]):
            if network.activation == RELU:
                unpool_rectified(memory, network, row, channel)
            else:
                unpool_smooth(memory, network, row, channel)
            unnormalise(memory, network, row, channel)
        terms, outputs = row[CHANNELS_IN] * SIDE * SIDE, row[CHANNELS] * SIDE * SIDE
        pixels, plane = row[HEIGHT] * row[WIDTH], bordered_plane(network, row)
        windows = row[TABLE] + 2 * terms + 2 * outputs
        correlate(memory, gradients + row[KERNEL], row[CHANNELS], terms, pixels, lanes,
                  row[SLOPES], plane, row[INPUT], network.tables, row[TABLE] + terms,
                  windows + pixels, windows)  # fmt: skip
        if layer:
            numbers = row[TABLE] + 2 * terms
            for pixel in range(pixels):
                window = row[SLOPES] + network.tables[windows + pixel]
                gathering_product(memory, row[INPUT_DELTAS] + pixel * lanes,
                                  pixels * lanes, row[CHANNELS_IN], lanes, outputs,
                                  weights + row[KERNEL], SIDE * SIDE, window,
                                  network.tables, numbers,
                                  numbers + outputs)  # fmt: skip


@compiled
def bordered_plane(network, row):
    return (row[HEIGHT] + 2) * (row[WIDTH] + 2) * network.lanes


@compiled
def unnormalise(memory, network, row, channel):
    """Slopes of a channel before normalisation, and gradients of scale and shift."""
    lanes, height = network.lanes, row[HEIGHT]
    line, bordered = row[WIDTH] * lanes, (row[WIDTH] + 2) * lanes
    start = row[CENTRED] + channel * height * line
    slopes = row[SLOPES] + channel * bordered_plane(network, row) + bordered + lanes
    inverse = inverse_deviation(memory, row, channel)
    total = shared = like(inverse, 0)
    for y in range(height):
        total += row_sum(memory, slopes + y * bordered, line)
        shared += row_product(memory, slopes + y * bordered, start + y * line, line)
    gradients = network.places[ROW] * GRADIENT
    store(memory, gradients + row[SHIFT] + channel, total)
    store(memory, gradients + row[SCALE] + channel, shared * inverse)
    scale = load(memory, network.places[ROW] * PARAMETER + row[SCALE] + channel)
    scale = scale * inverse
    examples = number(memory, height * row[WIDTH] * network.batch)
    mean = total / examples
    share = shared * inverse * inverse / examples
    for y in range(height):
        for i in range(line):
            place = slopes + y * bordered + i
            centred = load(memory, start + y * line + i)
            store(memory, place, (load(memory, place) - mean - centred * share) * scale)
        if network.batch < lanes:
            clear_tails(memory, network, slopes + y * bordered, row[WIDTH])
