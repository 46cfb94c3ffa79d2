"""Values of rules on given gradients, without any training."""

from neuralopt.machine.bytecode import FIRST_STATE, GRADIENT, PARAMETER
from neuralopt.machine.kernels.compiling import SOURCES, entry
from neuralopt.machine.kernels.interpreter import (
    consecutive_rows,
    fill,
    fill_constants,
    fill_scalars,
    place_of,
    run_lines,
)
from neuralopt.machine.kernels.layout import ALIGNMENT
from neuralopt.machine.kernels.memory import load, store
from neuralopt.machine.kernels.random_bits import absorb


def _entry(sources):
    @entry
    def probe(memory, rules, gradients, weights, key, values):
        """Values of every rule at each step, in as many runs as there are gradients.

        memory: room for all rows and blocks of the largest rule, each of as many
        elements as there are, padded. gradients: (steps, runs, elements), at most BLOCK
        elements. weights: (elements,). key: the hash of seed and replicate. values:
        (rules, steps, runs, elements), written.
        """
        assert sources  # so that numba looks at it
        steps, runs, elements = gradients.shape
        width = (elements + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        rows = consecutive_rows(rules, width)
        for rule in range(len(rules.spans)):
            span, code = rules.spans[rule], rules.code
            blocks = (FIRST_STATE + span[2]) * width
            last = span[1] - 1  # the change of the parameter, which is left out
            source = place_of(rows, blocks, width, code[last, 2], 0)
            fill_constants(memory, rules, rule, blocks, width)
            for run in range(runs):
                fill(memory, 0, blocks, 0.0)
                for step in range(steps):
                    for i in range(elements):
                        store(memory, rows[GRADIENT] + i, gradients[step, run, i])
                        store(memory, rows[PARAMETER] + i, weights[i])
                    fill_scalars(memory, rules, rule, step, blocks, width)
                    run_lines(
                        memory, code, span[0], last, rows, blocks, width, 0,
                        elements, absorb(key, step), weights[0],
                    )  # fmt: skip
                    for i in range(elements):
                        values[rule, step, run, i] = load(memory, source + i)

    return probe


probe = _entry(SOURCES)
