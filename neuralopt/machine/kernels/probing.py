"""Values of rules on given gradients, without any training.

Knows rules and numbers; refuses to know what the values are looked at for.
"""

from neuralopt.machine.bytecode import FIRST_STATE, GRADIENT, PARAMETER
from neuralopt.machine.kernels.compiling import SOURCES, compiled, entry
from neuralopt.machine.kernels.layout import ALIGNMENT
from neuralopt.machine.kernels.memory import load, number, store
from neuralopt.machine.kernels.operations import operate
from neuralopt.machine.kernels.random_bits import absorb


@compiled
def place_of(operand, blocks):
    """Where a row or a block begins."""
    if operand >= 0:
        return operand * ALIGNMENT
    return blocks - (operand + 1) * ALIGNMENT


def _entry(sources):
    @entry
    def probe(memory, rules, gradients, weights, key, values):
        """Values of every rule at each step, in as many runs as there are gradients.

        memory: room for all rows and blocks of the largest rule, each of ALIGNMENT
        elements. gradients: (steps, runs, elements), at most ALIGNMENT elements.
        weights: (elements,). key: the hash of seed and replicate. values: (rules,
        steps, runs, elements), written.
        """
        assert sources  # so that numba looks at it
        steps, runs, elements = gradients.shape
        for rule in range(len(rules.spans)):
            span, code = rules.spans[rule], rules.code
            blocks = (FIRST_STATE + span[2]) * ALIGNMENT
            last = span[1] - 1  # the change of the parameter, which is left out
            for run in range(runs):
                for i in range(blocks):
                    store(memory, i, number(memory, 0))
                for step in range(steps):
                    for i in range(elements):
                        store(memory, GRADIENT * ALIGNMENT + i, gradients[step, run, i])
                        store(memory, PARAMETER * ALIGNMENT + i, weights[i])
                    for block in range(span[4] + span[6]):
                        value = (
                            rules.constants[span[3] + block]
                            if block < span[4]
                            else rules.tables[
                                span[5] + step * span[6] + block - span[4]
                            ]
                        )
                        for i in range(ALIGNMENT):
                            place = blocks + block * ALIGNMENT + i
                            store(memory, place, number(memory, value))
                    state = absorb(key, step)
                    for line in range(span[0], last):
                        out, x, y = code[line, 1], code[line, 2], code[line, 3]
                        operate(
                            memory,
                            code[line, 0],
                            place_of(out, blocks),
                            place_of(x, blocks),
                            place_of(y, blocks),
                            elements,
                            state,
                            code[line, 4],
                            0,
                            weights[0],
                        )
                    source = place_of(code[last, 2], blocks)
                    for i in range(elements):
                        values[rule, step, run, i] = load(memory, source + i)

    return probe


probe = _entry(SOURCES)
