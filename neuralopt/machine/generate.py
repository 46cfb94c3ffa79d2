"""Write `kernels/operations.py`, the operations of the table as compiled loops.

The text is committed, because numba can't cache code that has no file. Run after a
change of the table:

    python -m neuralopt.machine.generate
"""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine.bytecode import FIRST_WHOLE, OPCODES
from neuralopt.machine.emit import random_bits

KERNELS = Path(__file__).parent / "kernels"
OPERATIONS = KERNELS / "operations.py"
MODULES = ("compiling", "descent", "functions", "memory", "random_bits")
"""Files of `kernels` whose functions the operations may call."""

TITLE = '''\
"""The operations of the language on blocks of numbers.

Written by neuralopt.machine.generate from the table of primitives: do not edit.
"""

'''

BEGINNING = '''\
@compiled
def operate(memory, opcode, out, x, y, z, count, state, stream, first, rate):
    """One instruction on `count` elements, of which `first` is the first.

    out, x, y, z: where they are in memory. state: the hash of all counters
    up to the step.
    """
    widest_vectors()
'''


def generated() -> str:
    """Return the text of `kernels/operations.py`.

    Raises:
        ValueError: a template calls a function that no file of `kernels` defines.
    """
    body = BEGINNING + "".join(f"{line}\n" for line in _operations())
    return f"{TITLE}{_imports(body)}\n\n{body}"


def _imports(body: str) -> str:
    """Return imports of all names that the text uses and does not bind."""
    tree = ast.parse(body)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    used = {node.id for node in names} - bound - set(vars(builtins))
    lines = []
    for module in MODULES:
        found = sorted(used & _defined(KERNELS / f"{module}.py"))
        used -= {*found}
        if found:
            lines += _import_lines(f"neuralopt.machine.kernels.{module}", found)
    if used:
        raise ValueError(
            f"a kernel template calls {', '.join(sorted(used))}, which "
            f"{', '.join(MODULES)} do not define: write it in kernels/functions.py"
        )
    return "".join(f"{line}\n" for line in lines)


def _import_lines(module: str, names: list[str]) -> list[str]:
    """Return the lines of an import, as ruff formats them."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 88:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _defined(path: Path) -> set[str]:
    """Return the names that a file defines, those that it imports excepted."""
    defined = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    return defined


def _operations() -> Iterator[str]:
    for name, opcode in OPCODES.items():
        if opcode >= FIRST_WHOLE:
            return
        yield f"    {'if' if opcode == 0 else 'elif'} opcode == {opcode}:  # {name}"
        yield from _body(name)


def _body(name: str) -> Iterator[str]:
    draw = PRIMITIVES[name].draw if name in PRIMITIVES else ""
    if draw:
        yield "        key = absorb(absorb(state, stream), 0)"
    if draw == "normal":
        yield "        other = absorb(absorb(state, stream), 1)"
    if name == "descend":
        yield "        descend(memory, out, x, count, rate, number(memory, 0))"
        return
    yield "        for i in range(count):"
    if name == "copy":
        yield "            store(memory, out + i, load(memory, x + i))"
        return
    yield "            a = load(memory, x + i)"
    primitive = PRIMITIVES[name]
    for value, place in list(zip("abc", "xyz", strict=True))[1 : primitive.arity]:
        yield f"            {value} = load(memory, {place} + i)"
    if draw:
        yield f"            bits = {random_bits(draw, ('key', 'other'))}"
    value = primitive.fill("kernel", "abc"[: primitive.arity], "bits")
    yield f"            store(memory, out + i, {value})"


def main() -> None:
    """Write the file."""
    OPERATIONS.write_text(generated(), "utf-8")


if __name__ == "__main__":
    main()
