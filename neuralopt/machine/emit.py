"""Parts of source code that every backend writes alike: names, calls and line breaks.

A backend (torch, the kernels, jax) turns straight-line code into Python source. Names
of registers are the same in all of them: ``g w t T progress`` for leaves, ``s0`` for
the first state, ``r7`` for the result of instruction 7, and constants as numbers.
"""

from collections.abc import Iterator, Sequence
from textwrap import fill

from neuralopt.language.primitives import CLOCK, PRIMITIVES
from neuralopt.machine.straightline import Instruction, StraightLine


def register(code: StraightLine, number: int) -> str:
    """The name of a register in source code; of a constant, the number."""
    instruction = code.instructions[number]
    if instruction.value is not None:
        text = repr(instruction.value)
        return f"({text})" if text.startswith("-") else text
    if instruction.operation == "load":
        return f"s{instruction.index}"
    return f"r{number}" if instruction.arguments else instruction.operation


def registers(code: StraightLine, instruction: Instruction) -> list[str]:
    """Names of the registers that an instruction reads."""
    return [register(code, number) for number in instruction.arguments]


def states(code: StraightLine) -> list[str]:
    """Names of the states, as they are before the step."""
    return [f"s{index}" for index in range(len(code.states))]


def scalar_operations(code: StraightLine) -> Iterator[Instruction]:
    """Instructions that compute one number a step from other numbers."""
    return (i for i in code.instructions if i.arguments and not i.element)


def element_operations(code: StraightLine) -> Iterator[Instruction]:
    """Instructions that compute a value for every element."""
    return (i for i in code.instructions if i.arguments and i.element)


def shared_scalars(code: StraightLine) -> list[str]:
    """Names of the scalars, constants excepted, that element operations, the result
    and the states read.
    """
    read = [n for i in code.instructions if i.element for n in i.arguments]
    scalars = {
        register(code, number): None
        for number in (*read, code.result, *code.states)
        if not code.instructions[number].element
        and code.instructions[number].value is None
    }
    return list(scalars)


def moving_registers(code: StraightLine) -> frozenset[int]:
    """Scalar registers that depend on t, and so differ from step to step."""
    moving: set[int] = set()
    for instruction in code.instructions:
        if not instruction.element and (
            instruction.operation in ("t", "progress")
            or not moving.isdisjoint(instruction.arguments)
        ):
            moving.add(instruction.target)
    return frozenset(moving)


def uses(code: StraightLine, *operations: str) -> bool:
    """Whether any instruction is one of these operations."""
    return any(i.operation in operations for i in code.instructions)


def has_clock(code: StraightLine) -> bool:
    """Whether anything depends on t, T or progress."""
    return uses(code, *CLOCK)


def host_call(code: StraightLine, instruction: Instruction, functions: str = "") -> str:
    """An operation on Python floats, which never raises.

    Args:
        code: the rule.
        instruction: an instruction on scalars.
        functions: prefix of the names of `neuralopt.language.ieee754`.
    """
    primitive = PRIMITIVES[instruction.operation]
    arguments = registers(code, instruction)
    if primitive.symbol in ("+", "-", "*"):  # Python's own never raise
        return primitive.fill("torch", arguments)
    assert primitive.scalar is not None
    name = primitive.scalar.__name__
    return f"{'' if name == 'abs' else functions}{name}({', '.join(arguments)})"


def random_bits(draw: str, keys: Sequence[str]) -> str:
    """Random bits of element ``first + i`` in a kernel.

    Args:
        draw: ``uniform`` or ``normal``.
        keys: names of the keys of the stream's two lanes.
    """
    used = ", ".join(keys[: 2 if draw == "normal" else 1])
    return f"{draw}(memory, {used}, first + i)"


def tuple_of(names: Sequence[str]) -> str:
    """Source of a tuple."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def wrapped(line: str) -> str:
    """A line of a function's body, broken inside its brackets where it is long."""
    return fill(line, 88, subsequent_indent=" " * 8, break_long_words=False)
