"""The interpreter of bytecode: rules on elements that lie anywhere in one memory.

Rows (gradient, parameter, states) begin where the caller says. Blocks lie one after
another from a place `blocks` on, each `width` elements long: constants, scalars, then
intermediate results. Loads and stores are unchecked.
"""

import numpy as np

from neuralopt.machine.bytecode import FIRST_STATE, FIRST_WHOLE
from neuralopt.machine.kernels.compiling import compiled, once
from neuralopt.machine.kernels.layout import LAST_PASS, ROWS
from neuralopt.machine.kernels.memory import load, number, store
from neuralopt.machine.kernels.operations import operate
from neuralopt.machine.kernels.tensors import whole


@compiled
def fill(memory, start, count, value):
    """Write one number to all places of a region."""
    for i in range(start, start + count):
        store(memory, i, number(memory, value))


@compiled
def consecutive_rows(rules, length):
    """Where rows begin that lie one after another, as many as any rule has, int64."""
    rows = np.empty(FIRST_STATE + rules.spans[:, ROWS].max(), np.int64)
    for row in range(len(rows)):
        rows[row] = row * length
    return rows


@compiled
def place_of(rows, blocks, width, operand, start):
    """Where an operand's elements from `start` on lie; a block has no beginning."""
    if operand >= 0:
        return load(rows, operand) + start
    return blocks - (operand + 1) * width


@once
def fill_constants(memory, rules, rule, blocks, width):
    """Write a rule's constants, each all over its block."""
    span = rules.spans[rule]
    for i in range(span[4]):
        fill(memory, blocks + i * width, width, rules.constants[span[3] + i])


@once
def fill_scalars(memory, rules, rule, step, blocks, width):
    """Write a rule's scalars at a step, each all over its block."""
    span = rules.spans[rule]
    first = blocks + span[4] * width
    for i in range(span[6]):
        value = rules.tables[span[5] + step * span[6] + i]
        fill(memory, first + i * width, width, value)


@once
def run_lines(
    memory, code, first, last, rows, blocks, width, start, count, state, rate
):  # fmt: skip
    """Run lines first to last - 1 on `count` elements, of which `start` is the first.

    state: the hash of all counters up to the step, for random bits. rate: in memory's
    type.
    """
    for line in range(first, last):
        operate(
            memory,
            code[line, 0],
            place_of(rows, blocks, width, code[line, 1], start),
            place_of(rows, blocks, width, code[line, 2], start),
            place_of(rows, blocks, width, code[line, 3], start),
            place_of(rows, blocks, width, code[line, 4], start),
            count,
            state,
            code[line, 5],
            start,
            rate,
        )


@compiled
def run_early_passes(
    memory, rules, rule, rows, blocks, width, length, state, rate, places, loss
):  # fmt: skip
    """Run a rule's lines up to the last one of tensor scope; return the line after it.

    length: elements of a row. places: (parameters, 4), as `tensors.whole` takes them.
    loss: of this step, in memory's type.
    """
    code, line = rules.code, rules.spans[rule, 0]
    begin = line + rules.spans[rule, LAST_PASS]
    while line < begin:
        end = line
        while code[end, 0] < FIRST_WHOLE:
            end += 1
        if end > line:
            for start in range(0, length, width):
                count = min(width, length - start)
                run_lines(
                    memory, code, line, end, rows, blocks, width, start, count, state,
                    rate,
                )  # fmt: skip
        for parameter in range(len(places)):
            first = places[parameter, 0]
            whole(
                memory,
                code[end, 0],
                place_of(rows, blocks, width, code[end, 1], first),
                place_of(rows, blocks, width, code[end, 2], first),
                place_of(rows, blocks, width, code[end, 3], first),
                places[parameter, 1],
                places[parameter, 2],
                places[parameter, 3],
                loss,
            )
        line = end + 1
    return begin
