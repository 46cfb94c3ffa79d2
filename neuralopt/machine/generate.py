"""Writes `kernels/operations.py`: the operations of the table as compiled loops.

Knows source text alone. The text is committed, because numba can't cache code that has
no file. Run after a change of the table:

    python -m neuralopt.machine.generate
"""

from collections.abc import Iterator
from pathlib import Path

from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine.bytecode import OPCODES

OPERATIONS = Path(__file__).parent / "kernels" / "operations.py"

BEGINNING = '''\
"""The operations of the language on blocks of numbers.

Written by neuralopt.machine.generate from the table of primitives: do not edit.
"""

from neuralopt.machine.kernels.compiling import compiled
from neuralopt.machine.kernels.functions import (
    cos,
    dropped,
    exp,
    exp2,
    log,
    maximum,
    minimum,
    power,
    remainder,
    sign,
    tanh,
)
from neuralopt.machine.kernels.memory import load, sqrt, store, widest_vectors
from neuralopt.machine.kernels.random_bits import absorb, normal, uniform


@compiled
def operate(memory, opcode, out, x, y, count, state, stream, first, rate):
    """One instruction on `count` elements, of which `first` is the first.

    out, x, y: where they are in memory. state: the hash of all counters
    up to the step.
    """
    widest_vectors()
'''

BITS = {
    "uniform": "uniform(memory, {0}, first + i)",
    "normal": "normal(memory, {0}, {1}, first + i)",
}
"""Random bits of each kind for element i, from the keys of a stream's two lanes."""


def generated() -> str:
    """The text of `kernels/operations.py`."""
    return BEGINNING + "".join(f"{line}\n" for line in _operations())


def _operations() -> Iterator[str]:
    for name, opcode in OPCODES.items():
        yield f"    {'if' if opcode == 0 else 'elif'} opcode == {opcode}:  # {name}"
        yield from _body(name)


def _body(name: str) -> Iterator[str]:
    if name in PRIMITIVES and PRIMITIVES[name].draw:
        yield "        key = absorb(absorb(state, stream), 0)"
        if PRIMITIVES[name].draw == "normal":
            yield "        other = absorb(absorb(state, stream), 1)"
    yield "        for i in range(count):"
    if name == "copy":
        yield "            store(memory, out + i, load(memory, x + i))"
        return
    yield "            a = load(memory, x + i)"
    if name == "descend":
        yield "            store(memory, out + i, load(memory, out + i) - rate * a)"
        return
    primitive = PRIMITIVES[name]
    if primitive.arity == 2:
        yield "            b = load(memory, y + i)"
    if primitive.draw:
        bits = BITS[primitive.draw].format("key", "other")
        yield f"            bits = {bits}"
    names = (parameter.name for parameter in primitive.parameters)
    value = primitive.kernel.format(**dict(zip(names, "ab", strict=False)), bits="bits")
    yield f"            store(memory, out + i, {value})"


def main() -> None:
    OPERATIONS.write_text(generated(), "utf-8")


if __name__ == "__main__":
    main()
