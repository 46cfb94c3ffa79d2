"""Whole trainings: one child after another, each in one core's cache.

Knows the order of a training's splits; refuses to know tasks, torch and rules as
anything but integers.
"""

import math

import numpy as np

from neuralopt.machine.bytecode import FIRST_STATE, PARAMETER
from neuralopt.machine.kernels.compiling import SOURCES, compiled, entry, once
from neuralopt.machine.kernels.convolution import (
    backward_convolutions,
    forward_convolutions,
    prepare_convolutions,
)
from neuralopt.machine.kernels.layers import backward_layers, forward_layers
from neuralopt.machine.kernels.layout import ALIGNMENT, BLOCK, BLOCKS, ROW, ZERO
from neuralopt.machine.kernels.losses import loss_sum, output_deltas, right_answers
from neuralopt.machine.kernels.memory import like, load, number, store
from neuralopt.machine.kernels.operations import operate
from neuralopt.machine.kernels.random_bits import absorb


@compiled
def fill(memory, start, count, value):
    for i in range(start, start + count):
        store(memory, i, number(memory, value))


@once
def run_rule(memory, network, rules, rule, rate, state):
    """One step of a rule on all parameters. state: the hash of all counters so far."""
    row, blocks = network.places[ROW], network.places[BLOCKS] - BLOCK
    code, first, last = rules.code, rules.spans[rule, 0], rules.spans[rule, 1]
    for start in range(0, row, BLOCK):
        for line in range(first, last):
            out, x, y = code[line, 1], code[line, 2], code[line, 3]
            operate(
                memory,
                code[line, 0],
                out * row + start if out >= 0 else blocks - out * BLOCK,
                x * row + start if x >= 0 else blocks - x * BLOCK,
                y * row + start if y >= 0 else blocks - y * BLOCK,
                min(BLOCK, row - start),
                state,
                code[line, 4],
                start,
                rate,
            )


@once
def prepare(memory, network, rules, rule, initial):
    """Initial parameters, no gradient, states of zero, and the rule's constants."""
    row, span = network.places[ROW], rules.spans[rule]
    fill(memory, 0, (FIRST_STATE + span[2]) * row, 0.0)
    fill(memory, network.places[ZERO], ALIGNMENT, 0.0)
    for i in range(len(initial)):
        store(memory, PARAMETER * row + i, load(initial, i))
    for i in range(span[4]):
        value = rules.constants[span[3] + i]
        fill(memory, network.places[BLOCKS] + i * BLOCK, BLOCK, value)


@once
def prepare_step(memory, network, rules, rule, step):
    """The rule's scalars at a step."""
    span = rules.spans[rule]
    first = network.places[BLOCKS] + span[4] * BLOCK
    for i in range(span[6]):
        value = rules.tables[span[5] + step * span[6] + i]
        fill(memory, first + i * BLOCK, BLOCK, value)


@once
def all_finite(memory, start, count):
    wrong = 0
    for i in range(start, start + count):
        x = load(memory, i)
        wrong += x - x != like(x, 0)
    return wrong == 0


@once
def train_child(memory, network, data, rules, rule, rate, initial, replicate, losses):
    """Train to the end, or to the first loss that is not finite.

    replicate: the hash of seed and replicate. losses: (steps,), written: the mean loss
    of each step. Returns whether all losses and all weights at the end are finite.
    """
    prepare(memory, network, rules, rule, initial)
    prepare_convolutions(memory, network)
    for step in range(len(losses)):
        forward_convolutions(memory, network, data.columns, step, True)
        forward_layers(memory, network, data.columns, step)
        # In the type of memory, so that what overflows there is infinite.
        total = number(
            memory, loss_sum(memory, network, data.targets, step, network.batch)
        )
        losses[step] = total / number(memory, network.batch)
        if not math.isfinite(losses[step]):
            return False
        output_deltas(memory, network, data.targets, step)
        backward_layers(memory, network, data.rows, step)
        backward_convolutions(memory, network)
        prepare_step(memory, network, rules, rule, step)
        run_rule(memory, network, rules, rule, rate, absorb(replicate, step))
    return all_finite(memory, PARAMETER * network.places[ROW], len(initial))


@once
def measure(memory, network, held, first, count):
    """Mean loss and share of right answers of `count` examples from a group on."""
    loss, right, group, left = 0.0, 0, first, count
    while left > 0:
        batch = min(left, network.lanes)
        forward_convolutions(memory, network, held.columns, group, False)
        forward_layers(memory, network, held.columns, group)
        loss += loss_sum(memory, network, held.targets, group, batch)
        right += right_answers(memory, network, held.targets, group, batch)
        left -= batch
        group += 1
    return loss / count, right / count


def _entry(sources):
    @entry
    def train(
        memory, network, data, held, splits, rules, initial, replicate, chosen, rates,
        losses, measures, finished, first, last,
    ):  # fmt: skip
        """Train children first to last - 1, all of one replicate, one after another.

        memory: room for one child, its values of no matter. splits: (splits, 2), the
        first group of each held-out split and the number of its examples. initial:
        parameters. chosen: number of each child's rule. rates: learning rates, in
        memory's type. losses: (children, steps), NaN where not run. measures:
        (children, splits, 2), loss and accuracy. finished: (children,), whether all
        losses and weights are finite; otherwise nothing is measured.
        """
        assert sources  # so that numba looks at it
        for child in range(first, last):
            losses[child] = np.nan
            measures[child] = np.nan
            finished[child] = train_child(
                memory, network, data, rules, chosen[child], rates[child], initial,
                replicate, losses[child],
            )  # fmt: skip
            if finished[child]:
                for split in range(len(splits)):
                    loss, right = measure(
                        memory, network, held, splits[split, 0], splits[split, 1]
                    )
                    measures[child, split, 0], measures[child, split, 1] = loss, right

    return train


train = _entry(SOURCES)
