"""What each register of a rule has a value for, and rules for one kind of parameter."""

import math
from collections.abc import Mapping
from functools import reduce

from neuralopt.language.primitive import Extent
from neuralopt.language.primitives import KINDS, PRIMITIVES
from neuralopt.machine.straightline import Instruction, StraightLine

LARGER: Mapping[tuple[Extent, Extent], Extent] = {
    ("tensor", "rows"): "rows",
    ("tensor", "columns"): "columns",
    ("rows", "columns"): "element",
}
"""Extents of an operation on two arguments of different extents, none of them
``element``."""


def extents(code: StraightLine) -> tuple[Extent | None, ...]:
    """Return the extent of each register; None for one number a step.

    A state has the extent of what it holds from step to step, so that a moving average
    of row means takes the memory of a column.

    Args:
        code: the rule.

    Returns:
        An extent for each instruction.
    """
    least: Extent = "tensor" if code.has_tensor_scope else "element"
    states = [least for _ in code.states]
    while True:
        found: list[Extent | None] = []
        for instruction in code.instructions:
            found.append(_extent(instruction, found, states))
        kept = [found[register] or "element" for register in code.states]
        if kept == states:
            return tuple(found)
        states = [_larger(*pair) for pair in zip(kept, states, strict=True)]


def _extent(
    instruction: Instruction, found: list[Extent | None], states: list[Extent]
) -> Extent | None:
    if not instruction.element:
        return None
    if instruction.operation == "load":
        return states[instruction.index or 0]
    if instruction.operation in ("g", "w"):
        return "element"
    primitive = PRIMITIVES[instruction.operation]
    if primitive.scope == "tensor":
        return primitive.extent
    if primitive.draw:
        return "element"
    given = [found[register] for register in instruction.arguments]
    return reduce(_larger, [each for each in given if each is not None])


def _larger(one: Extent, other: Extent) -> Extent:
    if one == other:
        return one
    return LARGER.get((one, other)) or LARGER.get((other, one)) or "element"


def state_extents(code: StraightLine) -> tuple[Extent, ...]:
    """Return the extent of each state of a rule.

    Args:
        code: the rule.

    Returns:
        One extent for each state: ``element`` where a state is one number a step.
    """
    found = extents(code)
    return tuple(found[register] or "element" for register in code.states)


def for_kind(code: StraightLine, kind: str) -> StraightLine:
    """Return a rule for parameters of one kind, without what others need.

    Choices by kind are made; what nothing reads then is left out, and so are its
    states. Streams of random draws keep their numbers, so that a parameter's random
    bits are those that the whole rule has.

    Args:
        code: the rule.
        kind: a name of `neuralopt.language.primitives.KINDS`.

    Returns:
        Its instructions; `code` itself if it does not tell kinds apart.

    Raises:
        ValueError: the kind is not a name of KINDS.
    """
    if kind not in KINDS:
        raise ValueError(
            f"unknown kind of parameter {kind!r}: use one of {', '.join(KINDS)}"
        )
    if not code.has_kinds:
        return code
    return _needed(_chosen(code, kind))


def _chosen(code: StraightLine, kind: str) -> StraightLine:
    """Return the code with kinds as numbers, and choices by numbers made."""
    made: list[Instruction] = []
    places: list[int] = []  # of each old register, the new one
    for old in code.instructions:
        target = len(made)
        arguments = tuple(places[register] for register in old.arguments)
        given = [made[register] for register in arguments]
        values = [each.value for each in given if each.value is not None]
        new = old._replace(target=target, arguments=arguments)
        if old.operation in KINDS:
            new = _number(target, float(old.operation == kind))
        elif (
            arguments
            and len(values) == len(given)
            and (value := _value(old, values)) is not None
        ):
            new = _number(target, value)
        elif old.operation == "where" and given[0].value is not None:
            places.append(arguments[1] if given[0].value != 0 else arguments[2])
            continue
        elif _is_plain(old) and arguments:
            new = new._replace(element=any(each.element for each in given))
        places.append(target)
        made.append(new)
    states = tuple(places[register] for register in code.states)
    return StraightLine(tuple(made), places[code.result], states)


def _number(target: int, value: float) -> Instruction:
    return Instruction(target, "constant", value=value, element=False)


def _value(instruction: Instruction, arguments: list[float]) -> float | None:
    """The value of an operation on numbers, if it is finite, as constants are."""
    primitive = PRIMITIVES.get(instruction.operation)
    if primitive is None or primitive.scalar is None:
        return None
    value = primitive.scalar(*arguments)
    return value if math.isfinite(value) else None


def _is_plain(instruction: Instruction) -> bool:
    """Whether a value is one number where all its arguments are."""
    primitive = PRIMITIVES.get(instruction.operation)
    return primitive is not None and primitive.scalar is not None


def _needed(code: StraightLine) -> StraightLine:
    """Return the code without instructions and states that the result does not need."""
    instructions = code.instructions
    states: set[int] = set()
    while True:
        needed = {code.result, *(code.states[state] for state in states)}
        for instruction in reversed(instructions):
            if instruction.target in needed:
                needed.update(instruction.arguments)
        loads = (instructions[register] for register in needed)
        read = {each.index for each in loads if each.operation == "load"}
        found = {state for state in read if state is not None}
        if found <= states:
            break
        states |= found
    kept = [each for each in instructions if each.target in needed]
    places = {each.target: number for number, each in enumerate(kept)}
    numbers = {state: number for number, state in enumerate(sorted(states))}
    made = tuple(
        each._replace(
            target=places[each.target],
            arguments=tuple(places[register] for register in each.arguments),
            index=numbers[each.index]
            if each.operation == "load" and each.index is not None
            else each.index,
        )
        for each in kept
    )
    return StraightLine(
        made,
        places[code.result],
        tuple(places[code.states[state]] for state in sorted(states)),
    )
