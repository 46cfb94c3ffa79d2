"""Operations on long rows, each a block of numbers for every step."""

from neuralopt.machine.bytecode import FIRST_WHOLE, OPCODES
from neuralopt.machine.kernels.compiling import SOURCES, entry
from neuralopt.machine.kernels.memory import load, number
from neuralopt.machine.kernels.operations import operate
from neuralopt.machine.kernels.random_bits import absorb
from neuralopt.machine.kernels.tensors import whole

DROP, NOISE = OPCODES["drop"], OPCODES["noise"]


def _entry(sources):
    @entry
    def compute(memory, lines, groups, shape, key, places, losses):
        """Write the rows of lines, from the first to the last.

        memory: rows of steps x runs x elements, row 0 of zeros. lines: (lines, 6), as
        in `values.Line`. groups: (groups, 3), first and last line, and whether all
        lines are done for a step before the next one. shape: steps, runs, elements.
        key: the hash of seed and replicate, for random bits, which all runs share.
        places: (runs, 3), rows, columns and kind of each run's parameter. losses:
        (steps,).
        """
        assert sources  # so that numba looks at it
        steps, runs, elements = shape[0], shape[1], shape[2]
        block = runs * elements
        width = steps * block
        rate = load(memory, 0)
        for group in range(len(groups)):
            by_step = groups[group, 2]
            count = block if by_step else width
            for step in range(steps if by_step else 1):
                for line in range(groups[group, 0], groups[group, 1]):
                    opcode, stream = lines[line, 0], lines[line, 5]
                    out = lines[line, 1] * width + step * block
                    x = (lines[line, 2] >> 1) * width + step * block
                    y = (lines[line, 3] >> 1) * width + step * block
                    z = (lines[line, 4] >> 1) * width + step * block
                    if lines[line, 2] & 1:
                        x = x - block if step > 0 else 0
                    if lines[line, 3] & 1:
                        y = y - block if step > 0 else 0
                    if lines[line, 4] & 1:
                        z = z - block if step > 0 else 0
                    if opcode >= FIRST_WHOLE:
                        for start in range(0, count, elements):
                            run = start % block // elements
                            whole(
                                memory, opcode, out + start, x + start, y + start,
                                places[run, 0], places[run, 1], places[run, 2],
                                number(memory, losses[step + start // block]),
                            )  # fmt: skip
                    elif opcode in (DROP, NOISE):
                        for start in range(0, count, elements):
                            state = absorb(key, step + start // block)
                            operate(
                                memory, opcode, out + start, x + start, y + start,
                                z + start, elements, state, stream, 0, rate,
                            )  # fmt: skip
                    else:
                        operate(
                            memory, opcode, out, x, y, z, count, key, stream, 0, rate
                        )

    return compute


compute = _entry(SOURCES)
