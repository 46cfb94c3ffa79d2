"""One step of many rules, each on rows of its own.

Knows rows as places relative to an array of scratch numbers; refuses to know whose they
are. Loads and stores are unchecked, as everywhere here: the caller holds rows that are
dense, of the scratch's type and alive.
"""

from neuralopt.machine.bytecode import PARAMETER
from neuralopt.machine.kernels.compiling import SOURCES, compiled, entry
from neuralopt.machine.kernels.layout import BLOCK
from neuralopt.machine.kernels.memory import load, number, store
from neuralopt.machine.kernels.operations import operate


@compiled
def descend(memory, parameter, value, count, rate, decay):
    """w <- w - rate * (value + decay * w), element by element."""
    if decay == number(memory, 0):  # an infinite w has no decay either
        for i in range(count):
            w = load(memory, parameter + i)
            store(memory, parameter + i, w - rate * load(memory, value + i))
        return
    for i in range(count):
        w = load(memory, parameter + i)
        change = load(memory, value + i) + decay * w
        store(memory, parameter + i, w - rate * change)


@compiled
def place_in(rows, operand, start):
    """Where an operand's elements from `start` on lie; a block has no beginning."""
    if operand >= 0:
        return rows[operand] + start
    return -(operand + 1) * BLOCK


@compiled
def fill_blocks(memory, rules, rule, step):
    """Constants of a rule, and its scalars at a step, each all over its block."""
    span = rules.spans[rule]
    for block in range(span[4] + span[6]):
        if block < span[4]:
            value = number(memory, rules.constants[span[3] + block])
        else:
            place = span[5] + step * span[6] + block - span[4]
            value = number(memory, rules.tables[place])
        for i in range(block * BLOCK, (block + 1) * BLOCK):
            store(memory, i, value)


def _entry(sources):
    @entry
    def step_rows(
        memory, rules, places, chosen, rates, decay, length, state, step
    ):  # fmt: skip
        """A step of each network's rule.

        memory: room for the blocks of the largest rule. places: (networks, rows), where
        gradient, parameter and each state begin, relative to memory. chosen: number of
        each network's rule. rates, decay: in memory's type. length: elements of a row.
        state: the hash of seed, replicate and step, for random bits.
        """
        assert sources  # so that numba looks at it
        filled = -1
        for network in range(len(chosen)):
            rule, rows, code = chosen[network], places[network], rules.code
            if rule != filled:
                fill_blocks(memory, rules, rule, step)
                filled = rule
            first, last = rules.spans[rule, 0], rules.spans[rule, 1] - 1
            for start in range(0, length, BLOCK):
                count = min(BLOCK, length - start)
                for line in range(first, last):
                    operate(
                        memory,
                        code[line, 0],
                        place_in(rows, code[line, 1], start),
                        place_in(rows, code[line, 2], start),
                        place_in(rows, code[line, 3], start),
                        count,
                        state,
                        code[line, 4],
                        start,
                        rates[network],
                    )
                value = place_in(rows, code[last, 2], start)
                parameter = rows[PARAMETER] + start
                descend(memory, parameter, value, count, rates[network], decay)

    return step_rows


step_rows = _entry(SOURCES)
