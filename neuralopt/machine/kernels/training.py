"""Whole trainings: one child after another, each in one core's cache."""

import math

import numpy as np

from neuralopt.machine.bytecode import FIRST_STATE, GRADIENT, PARAMETER
from neuralopt.machine.kernels.compiling import SOURCES, compiled, entry, once
from neuralopt.machine.kernels.convolution import (
    backward_convolutions,
    forward_convolutions,
    prepare_convolutions,
)
from neuralopt.machine.kernels.interpreter import (
    consecutive_rows,
    fill,
    fill_constants,
    fill_scalars,
    run_early_passes,
    run_lines,
)
from neuralopt.machine.kernels.layers import backward_layers, forward_layers
from neuralopt.machine.kernels.layout import (
    ALIGNMENT,
    BLOCK,
    BLOCKS,
    LAST_PASS,
    ROW,
    ROWS,
    ZERO,
)
from neuralopt.machine.kernels.losses import loss_sum, output_deltas, right_answers
from neuralopt.machine.kernels.memory import like, load, number, store
from neuralopt.machine.kernels.random_bits import absorb


@once
def run_rule(memory, network, rules, rule, rows, rate, state, places, loss):
    """One step of a rule on all parameters. state: the hash of all counters so far."""
    length, blocks = network.places[ROW], network.places[BLOCKS]
    first, last = rules.spans[rule, 0], rules.spans[rule, 1]
    if rules.spans[rule, LAST_PASS]:
        first = run_early_passes(
            memory, rules, rule, rows, blocks, BLOCK, length, state, rate, places, loss
        )
    for start in range(0, length, BLOCK):
        count = min(BLOCK, length - start)
        run_lines(
            memory, rules.code, first, last, rows, blocks, BLOCK, start, count, state,
            rate,
        )  # fmt: skip


@once
def prepare(memory, network, rules, rule, initial):
    """Initial parameters, no gradient, states of zero, and the rule's constants."""
    row, others = network.places[ROW], rules.spans[rule, ROWS]
    fill(memory, 0, (FIRST_STATE + others) * row, 0.0)
    fill(memory, network.places[ZERO], ALIGNMENT, 0.0)
    for i in range(len(initial)):
        store(memory, PARAMETER * row + i, load(initial, i))
    fill_constants(memory, rules, rule, network.places[BLOCKS], BLOCK)


@once
def all_finite(memory, start, count):
    wrong = 0
    for i in range(start, start + count):
        x = load(memory, i)
        wrong += x - x != like(x, 0)
    return wrong == 0


@compiled
def reparametrize(memory, network, scales):
    """Make of each weight w = s u the u that a rule sees, and its gradient."""
    row = network.places[ROW]
    gradient, parameter = row * GRADIENT, row * PARAMETER
    for i in range(len(scales)):
        scale = load(scales, i)
        store(memory, gradient + i, load(memory, gradient + i) * scale)
        store(memory, parameter + i, load(memory, parameter + i) / scale)


@compiled
def restore_weights(memory, network, scales):
    """Make of each u the weight again."""
    parameter = network.places[ROW] * PARAMETER
    for i in range(len(scales)):
        w = load(memory, parameter + i) * load(scales, i)
        store(memory, parameter + i, w)


@once
def train_steps(
    memory, network, data, rules, rule, rows, rate, scales, replicate, losses, begin,
    end, places,
):  # fmt: skip
    """Train from step `begin` to `end` - 1, or to the first loss that is not finite.

    rows: where rows begin. scales: factor of each parameter, or nothing. replicate: the
    hash of seed and replicate. losses: (steps,), written: the mean loss of each step.
    places: of the parameters, as `tensors.whole` takes them. Returns whether the losses
    are finite.
    """
    for step in range(begin, end):
        forward_convolutions(memory, network, data.columns, step, True)
        forward_layers(memory, network, data.columns, step)
        # In the type of memory, so that what overflows there is infinite.
        total = number(memory, loss_sum(memory, network, data, step, network.batch))
        losses[step] = total / number(memory, network.batch)
        if not math.isfinite(losses[step]):
            return False
        output_deltas(memory, network, data, step)
        backward_layers(memory, network, data.rows, step)
        backward_convolutions(memory, network)
        fill_scalars(memory, rules, rule, step, network.places[BLOCKS], BLOCK)
        if len(scales):
            reparametrize(memory, network, scales)
        run_rule(
            memory, network, rules, rule, rows, rate, absorb(replicate, step), places,
            number(memory, losses[step]),
        )  # fmt: skip
        if len(scales):
            restore_weights(memory, network, scales)
    return True


@once
def measure(memory, network, held, first, count):
    """Mean loss and share of right answers of `count` examples from a group on."""
    loss, right, group, left = 0.0, 0, first, count
    while left > 0:
        batch = min(left, network.lanes)
        forward_convolutions(memory, network, held.columns, group, False)
        forward_layers(memory, network, held.columns, group)
        loss += loss_sum(memory, network, held, group, batch)
        right += right_answers(memory, network, held, group, batch)
        left -= batch
        group += 1
    return loss / count, right / count


def _entry(sources):
    @entry
    def train(
        memory, network, data, held, splits, rules, initial, scales, replicate, chosen,
        rates, stops, losses, measures, finished, first, last, places,
    ):  # fmt: skip
        """Train children first to last - 1, all of one replicate, one after another.

        memory: room for one child, its values are overwritten. splits: (splits, 2), the
        first group of each held-out split and the number of its examples. initial:
        parameters. scales: their factors, or nothing. chosen: number of each child's
        rule. rates: learning rates. Numbers are of memory's type. stops: steps after
        which is measured, rising, the last one the end: the first split, and at the end
        all. losses: (children, steps), NaN where not run. measures: (children, stops,
        splits, 2), loss and accuracy, NaN where not measured. finished: (children,),
        whether all losses and the last weights are finite; otherwise nothing is
        measured at the end. places: (parameters, 4), first element, rows, columns and
        kind of each parameter.
        """
        assert sources  # so that numba looks at it
        rows = consecutive_rows(rules, network.places[ROW])
        for child in range(first, last):
            losses[child] = np.nan
            measures[child] = np.nan
            prepare(memory, network, rules, chosen[child], initial)
            prepare_convolutions(memory, network)
            begin = 0
            for stop in range(len(stops)):
                ended = stop + 1 == len(stops)
                alive = train_steps(
                    memory, network, data, rules, chosen[child], rows, rates[child],
                    scales, replicate, losses[child], begin, stops[stop], places,
                )  # fmt: skip
                begin = stops[stop]
                if alive and ended:
                    parameters = PARAMETER * network.places[ROW]
                    alive = all_finite(memory, parameters, len(initial))
                finished[child] = alive
                if not alive:
                    break
                for split in range(len(splits) if ended else 1):
                    loss, right = measure(
                        memory, network, held, splits[split, 0], splits[split, 1]
                    )
                    into = measures[child, stop, split]
                    into[0], into[1] = loss, right

    return train


train = _entry(SOURCES)
