"""One step of many rules, each on rows of its own.

Loads and stores are unchecked: the caller holds rows that are dense, of the type of the
memory of blocks, and alive.
"""

from neuralopt.machine.bytecode import PARAMETER
from neuralopt.machine.kernels.compiling import SOURCES, entry
from neuralopt.machine.kernels.descent import descend
from neuralopt.machine.kernels.interpreter import (
    fill_constants,
    fill_scalars,
    place_of,
    run_early_passes,
    run_lines,
)
from neuralopt.machine.kernels.layout import BLOCK, LAST_PASS


def _entry(sources):
    @entry
    def step_rows(
        memory, rules, places, chosen, rates, decay, length, state, step, parameters,
        losses,
    ):  # fmt: skip
        """A step of each network's rule.

        memory: room for the blocks of the largest rule. places: (networks, rows), where
        gradient, parameter and each state begin, relative to memory. chosen: number of
        each network's rule. rates, decay: in memory's type. length: elements of a row.
        state: the hash of seed, replicate and step, for random bits. parameters:
        (parameters, 4), first element, rows, columns and kind of each. losses: of each
        network, in memory's type.
        """
        assert sources  # so that numba looks at it
        filled = -1
        for network in range(len(chosen)):
            rule, rows, code = chosen[network], places[network], rules.code
            if rule != filled:
                fill_constants(memory, rules, rule, 0, BLOCK)
                fill_scalars(memory, rules, rule, step, 0, BLOCK)
                filled = rule
            first, last = rules.spans[rule, 0], rules.spans[rule, 1] - 1
            if rules.spans[rule, LAST_PASS]:
                first = run_early_passes(
                    memory, rules, rule, rows, 0, BLOCK, length, state, rates[network],
                    parameters, losses[network],
                )  # fmt: skip
            for start in range(0, length, BLOCK):
                count = min(BLOCK, length - start)
                run_lines(
                    memory, code, first, last, rows, 0, BLOCK, start, count, state,
                    rates[network],
                )  # fmt: skip
                value = place_of(rows, 0, BLOCK, code[last, 2], start)
                parameter = rows[PARAMETER] + start
                descend(memory, parameter, value, count, rates[network], decay)

    return step_rows


step_rows = _entry(SOURCES)
