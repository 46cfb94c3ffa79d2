"""Losses of the outputs, their derivatives, and how many answers are right."""

from neuralopt.machine.kernels.compiling import compiled, once
from neuralopt.machine.kernels.functions import exp, log
from neuralopt.machine.kernels.layout import (
    CROSS_ENTROPY,
    DELTAS,
    REGRESSION,
    SUMS,
    VALUES,
)
from neuralopt.machine.kernels.memory import load, number, select, store

TOLERANCE = 0.5
"""As in `tasks.network`, which this room does not import; a test compares them."""


@compiled
def loss_sum(memory, network, examples, group, batch):
    """The sum of the losses of a group, of which `batch` are examples."""
    if network.objective == CROSS_ENTROPY:
        return cross_entropy(memory, network, examples.targets, group, batch)
    if network.objective == REGRESSION:
        return squared_distance(memory, network, examples.values, group, batch)
    return squared_error(memory, network, examples.targets, group, batch)


@once
def output_deltas(memory, network, examples, group):
    """Derivatives of the mean loss by the outputs; `loss_sum` comes before."""
    if network.objective == CROSS_ENTROPY:
        softmax_deltas(memory, network, examples.targets, group)
    elif network.objective == REGRESSION:
        squared_distance_deltas(memory, network, examples.values, group)
    else:
        squared_error_deltas(memory, network, examples.targets, group)


@once
def right_answers(memory, network, examples, group, batch):
    """How many of a group's answers are right, as `tasks.network` has it."""
    if network.objective == REGRESSION:
        return right_values(memory, network, examples.values, group, batch)
    return right_classes(memory, network, examples.targets, group, batch)


@compiled
def cross_entropy(memory, network, targets, group, batch):
    """The sum of the losses of a group, of which `batch` are examples.

    Leaves exp(output - largest) of every output in the deltas of the last layer, and
    of each example the largest output, the sum of those, and its logarithm.
    """
    last, lanes = len(network.layers) - 1, network.lanes
    outputs, deltas = network.layers[last, VALUES], network.layers[last, DELTAS]
    top, total = network.places[SUMS], network.places[SUMS] + lanes
    logarithm = total + lanes
    for i in range(lanes):
        store(memory, top + i, load(memory, outputs + i))
        store(memory, total + i, number(memory, 0))
    for row in range(1, network.widths[last + 1]):
        z = outputs + row * lanes
        for i in range(lanes):
            a, b = load(memory, z + i), load(memory, top + i)
            store(memory, top + i, select(a > b, a, b))
    for row in range(network.widths[last + 1]):
        z, d = outputs + row * lanes, deltas + row * lanes
        for i in range(lanes):
            e = exp(load(memory, z + i) - load(memory, top + i))
            store(memory, d + i, e)
            store(memory, total + i, load(memory, total + i) + e)
    for i in range(lanes):
        store(memory, logarithm + i, log(load(memory, total + i)))
    loss = 0.0
    for i in range(batch):
        chosen = load(memory, outputs + load(targets, group * lanes + i) * lanes + i)
        loss += (load(memory, top + i) - chosen) + load(memory, logarithm + i)
    return loss


@once
def softmax_deltas(memory, network, targets, group):
    """Make of the exponentials the derivatives of the mean loss by the outputs."""
    last, lanes, batch = len(network.layers) - 1, network.lanes, network.batch
    deltas, scale = network.layers[last, DELTAS], network.places[SUMS] + lanes
    share = number(memory, 1) / number(memory, batch)
    for i in range(lanes):
        store(memory, scale + i, share / load(memory, scale + i))
    for row in range(network.widths[last + 1]):
        d = deltas + row * lanes
        for i in range(lanes):
            store(memory, d + i, load(memory, d + i) * load(memory, scale + i))
        for i in range(batch, lanes):  # no examples
            store(memory, d + i, number(memory, 0))
    for i in range(batch):
        place = deltas + load(targets, group * lanes + i) * lanes + i
        store(memory, place, load(memory, place) - share)


@compiled
def squared_error(memory, network, targets, group, batch):
    """Mean over the classes of the squared distance to 1 or 0, summed over examples."""
    last, lanes = len(network.layers) - 1, network.lanes
    outputs, classes = network.layers[last, VALUES], network.widths[last + 1]
    total = 0.0
    for row in range(classes):
        for i in range(batch):
            z = load(memory, outputs + row * lanes + i)
            wanted = number(memory, load(targets, group * lanes + i) == row)
            total += (z - wanted) * (z - wanted)
    return total / classes


@once
def squared_error_deltas(memory, network, targets, group):
    last, lanes, batch = len(network.layers) - 1, network.lanes, network.batch
    outputs, deltas = network.layers[last, VALUES], network.layers[last, DELTAS]
    classes = network.widths[last + 1]
    share = number(memory, 2) / number(memory, batch * classes)
    for row in range(classes):
        for i in range(lanes):
            z = load(memory, outputs + row * lanes + i)
            wanted = number(memory, load(targets, group * lanes + i) == row)
            here = (z - wanted) * share
            store(memory, deltas + row * lanes + i,
                  select(i < batch, here, number(memory, 0)))  # fmt: skip


@compiled
def squared_distance(memory, network, values, group, batch):
    """Squared distance of the one output to its target, summed over examples."""
    last, lanes = len(network.layers) - 1, network.lanes
    outputs, total = network.layers[last, VALUES], 0.0
    for i in range(batch):
        far = load(memory, outputs + i) - load(values, group * lanes + i)
        total += far * far
    return total


@compiled
def squared_distance_deltas(memory, network, values, group):
    last, lanes, batch = len(network.layers) - 1, network.lanes, network.batch
    outputs, deltas = network.layers[last, VALUES], network.layers[last, DELTAS]
    share = number(memory, 2) / number(memory, batch)
    for i in range(lanes):
        far = load(memory, outputs + i) - load(values, group * lanes + i)
        store(memory, deltas + i, select(i < batch, far * share, number(memory, 0)))


@compiled
def right_values(memory, network, values, group, batch):
    """How many of the group's outputs are no further than 0.5 from their targets."""
    last, lanes = len(network.layers) - 1, network.lanes
    outputs, right = network.layers[last, VALUES], 0
    for i in range(batch):
        far = load(memory, outputs + i) - load(values, group * lanes + i)
        right += abs(far) <= TOLERANCE
    return right


@once
def right_classes(memory, network, targets, group, batch):
    """How many of the group's examples have their largest output where it belongs."""
    last, lanes = len(network.layers) - 1, network.lanes
    outputs, right = network.layers[last, VALUES], 0
    for i in range(batch):
        best = 0
        for row in range(1, network.widths[last + 1]):
            here = load(memory, outputs + row * lanes + i)
            if here > load(memory, outputs + best * lanes + i):
                best = row
        right += best == load(targets, group * lanes + i)
    return right
