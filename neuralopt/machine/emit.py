"""Parts of source code that all backends share: names, calls and line breaks.

A backend (torch, the kernels, jax) turns straight-line code into Python source. Names
of registers are the same in all of them: ``g w t T progress`` for leaves, ``s0`` for
the first state, ``r7`` for the result of instruction 7, and constants as numbers.
"""

from collections.abc import Iterator, Sequence
from textwrap import fill

from neuralopt.language.primitives import CLOCK, PRIMITIVES, WHOLE
from neuralopt.machine.straightline import Instruction, StraightLine

SHAPES = frozenset(
    name for name in WHOLE if PRIMITIVES[name].is_leaf and PRIMITIVES[name].torch
)
"""Leaves that are computed from a parameter's shape."""


def register(code: StraightLine, number: int) -> str:
    """Return the name of a register in source code.

    Args:
        code: the rule.
        number: of the register.

    Returns:
        The name; for a constant, the number as text.
    """
    instruction = code.instructions[number]
    if instruction.value is not None:
        text = repr(instruction.value)
        return f"({text})" if text.startswith("-") else text
    if instruction.operation == "load":
        return f"s{instruction.index}"
    if instruction.arguments or instruction.operation in SHAPES:
        return f"r{number}"
    return instruction.operation


def registers(code: StraightLine, instruction: Instruction) -> list[str]:
    """Return the names of the registers that an instruction reads.

    Args:
        code: the rule.
        instruction: of the rule.

    Returns:
        One name for each argument.
    """
    return [register(code, number) for number in instruction.arguments]


def states(code: StraightLine) -> list[str]:
    """Return the names of the states, as they are before the step.

    Args:
        code: the rule.

    Returns:
        One name for each state.
    """
    return [f"s{index}" for index in range(len(code.states))]


def scalar_operations(code: StraightLine) -> Iterator[Instruction]:
    """Return the instructions that compute one number a step from other numbers.

    Args:
        code: the rule.

    Returns:
        Instructions, in order.
    """
    return (i for i in code.instructions if i.arguments and not i.element)


def element_operations(code: StraightLine) -> Iterator[Instruction]:
    """Return the instructions that compute a value for every element.

    Args:
        code: the rule.

    Returns:
        Instructions, in order.
    """
    return (
        i
        for i in code.instructions
        if i.element and (i.arguments or i.operation in SHAPES)
    )


def shared_scalars(code: StraightLine) -> list[str]:
    """Return the scalars that element operations, the result and the states read.

    Args:
        code: the rule.

    Returns:
        Names of the scalars, constants excepted, each once.
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
    """Return the scalar registers that depend on t, and so differ from step to step.

    Args:
        code: the rule.

    Returns:
        Numbers of the registers.
    """
    moving: set[int] = set()
    for instruction in code.instructions:
        if not instruction.element and (
            instruction.operation in ("t", "progress")
            or not moving.isdisjoint(instruction.arguments)
        ):
            moving.add(instruction.target)
    return frozenset(moving)


def uses(code: StraightLine, *operations: str) -> bool:
    """Return whether any instruction is one of these operations.

    Args:
        code: the rule.
        operations: names.

    Returns:
        True if at least one is used.
    """
    return any(i.operation in operations for i in code.instructions)


def has_clock(code: StraightLine) -> bool:
    """Return whether anything depends on t, T or progress.

    Args:
        code: the rule.

    Returns:
        True if one of them is used.
    """
    return uses(code, *CLOCK)


def host_call(code: StraightLine, instruction: Instruction, functions: str = "") -> str:
    """Return the source of an operation on Python floats, which never raises.

    Args:
        code: the rule.
        instruction: an instruction on scalars.
        functions: prefix of the names of `neuralopt.language.ieee754`.

    Returns:
        An expression.
    """
    primitive = PRIMITIVES[instruction.operation]
    arguments = registers(code, instruction)
    if primitive.symbol in ("+", "-", "*"):  # Python's own never raise
        return primitive.fill("torch", arguments)
    assert primitive.scalar is not None
    name = primitive.scalar.__name__
    return f"{'' if name == 'abs' else functions}{name}({', '.join(arguments)})"


def random_bits(draw: str, keys: Sequence[str]) -> str:
    """Return the source of the random bits of element ``first + i`` in a kernel.

    Args:
        draw: ``uniform`` or ``normal``.
        keys: names of the keys of the stream's two lanes.

    Returns:
        A call.
    """
    used = ", ".join(keys[: 2 if draw == "normal" else 1])
    return f"{draw}(memory, {used}, first + i)"


def tuple_of(names: Sequence[str]) -> str:
    """Return the source of a tuple.

    Args:
        names: of its items.

    Returns:
        The names in parentheses, separated by commas.
    """
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def wrapped(line: str) -> str:
    """Break a line of a function's body inside its brackets where it is long.

    Args:
        line: with its indentation.

    Returns:
        Lines of at most 88 columns, unless a word is longer.
    """
    return fill(line, 88, subsequent_indent=" " * 8, break_long_words=False)
