"""One step of a rule on tensors that lie anywhere.

Knows tensors as places relative to an array of scratch numbers; refuses to know whose
they are. Loads and stores are unchecked, as everywhere here: the caller holds tensors
that are dense, of the scratch's type and alive.
"""

import numpy as np

from neuralopt.machine.bytecode import GRADIENT, PARAMETER
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
def place_in(places, operand, begin, gradient):
    """Where an operand's elements from `begin` on lie; a block has no beginning."""
    if operand == GRADIENT:
        return gradient
    if operand > 0:
        return places[operand] + begin
    return -(operand + 1) * BLOCK


def _entry(sources):
    @entry
    def take_steps(memory, code, places, work, spare, state, rate, decay, negate):
        """A step of a rule on pieces of tensors.

        memory: blocks, of which those of constants and scalars hold their values, and
        from `spare` on room for one more. code: (lines, 5), as in Bytecode. places:
        (tensors, rows), where each row of each tensor begins, relative to memory.
        work: (pieces, 4): tensor, first and last element, and the number of the
        tensor's first element among all, for random bits. state: the hash of seed,
        replicate and step. rate, decay: in memory's type. negate: the gradients.
        """
        assert sources  # so that numba looks at it
        last = len(code) - 1
        for piece in range(len(work)):
            rows, first = places[work[piece, 0]], work[piece, 3]
            for begin in range(work[piece, 1], work[piece, 2], BLOCK):
                count = min(BLOCK, work[piece, 2] - begin)
                gradient = rows[GRADIENT] + begin
                if negate:
                    for i in range(count):
                        store(memory, spare + i, -load(memory, gradient + i))
                    gradient = np.int64(spare)
                for line in range(last):
                    operate(
                        memory,
                        code[line, 0],
                        place_in(rows, code[line, 1], begin, gradient),
                        place_in(rows, code[line, 2], begin, gradient),
                        place_in(rows, code[line, 3], begin, gradient),
                        count,
                        state,
                        code[line, 4],
                        first + begin,
                        rate,
                    )
                value = place_in(rows, code[last, 2], begin, gradient)
                parameter = rows[PARAMETER] + begin
                descend(memory, parameter, value, count, rate, decay)

    return take_steps


take_steps = _entry(SOURCES)
