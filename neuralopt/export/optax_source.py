"""Emit a rule as straight-line jax.numpy code.

Under jit, XLA rewrites some of that: it multiplies constants with each other first, by
a reciprocal where a tensor is divided by a number, and makes exp(x) * exp(y) one exp.
That changes rounding, and more where only one of the two forms overflows. Divisions of
two numbers are kept from it: t / T would miss 1 at the end of a training.
"""

from collections.abc import Collection, Iterator

from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine import Instruction, StraightLine
from neuralopt.machine.emit import (
    element_operations,
    host_call,
    moving_registers,
    register,
    scalar_operations,
    shared_scalars,
    states,
    tuple_of,
    uses,
    wrapped,
)

FLOAT32_MAXIMUM = 3.4028234663852886e38


def jax_source(code: StraightLine) -> str:
    """Return Python source of `scalars`, if the rule has any, and of `step`.

    scalars(t, T) returns all that is one number a step, for an array t and a float T;
    either is left out if nothing depends on it. What does not depend on t is computed
    by the functions of `neuralopt.language.ieee754`, in Python floats.

    step takes `step_parameters` and returns the rule's value and the new states, each
    an array of the shape of g or one number.

    Args:
        code: the rule.

    Returns:
        The source, one or two functions.
    """
    shared = tuple_of(shared_scalars(code))
    lines = []
    if shared != "()":
        lines += [f"def scalars({', '.join(clock_parameters(code))}):"]
        lines += [f"    {line}" for line in _scalar_lines(code)]
        lines += [f"    return {shared}", "", ""]
    lines += [f"def step({', '.join(step_parameters(code))}):"]
    if shared != "()":
        lines.append(f"    {shared} = [number(x, g) for x in numbers]")
    if code.states:
        lines.append(f"    {tuple_of(states(code))} = states")
    lines += [f"    {line}" for line in _element_lines(code)]
    kept = tuple_of([_argument(code, target, "g") for target in code.states])
    lines.append(f"    return {_argument(code, code.result, 'g')}, {kept}")
    return "\n".join([*map(wrapped, lines), ""])


def clock_parameters(code: StraightLine) -> list[str]:
    """Return which of t and T the function `scalars` takes.

    Args:
        code: the rule.

    Returns:
        Names of the parameters, in their order.
    """
    moving = uses(code, "t", "progress")
    return ["t"] * moving + ["T"] * code.needs_total_steps


def step_parameters(code: StraightLine) -> list[str]:
    """Return the parameters that the function `step` takes.

    g and w are arrays; numbers is what `scalars` returns; states are arrays; keys and
    start are of the random bits, for each stream and of the first element.

    Args:
        code: the rule.

    Returns:
        Names of the parameters, in their order.
    """
    return [
        "g",
        *["w"] * uses(code, "w"),
        *["numbers"] * bool(shared_scalars(code)),
        *["states"] * bool(code.states),
        *["keys", "start"] * bool(code.draws),
    ]


def _scalar_lines(code: StraightLine) -> Iterator[str]:
    """Assignments of all scalar registers that are not constants, t or T."""
    if uses(code, "progress"):
        yield "progress = jnp.minimum(t / number(T, t), 1.0)"
    moving = moving_registers(code)
    for instruction in scalar_operations(code):
        if instruction.target in moving:
            value = _moving_call(code, instruction, moving)
        else:
            value = host_call(code, instruction)
        yield f"r{instruction.target} = {value}"


def _element_lines(code: StraightLine) -> Iterator[str]:
    """Assignments of draws (d) and of element registers (r)."""
    for instruction in element_operations(code):
        if kind := PRIMITIVES[instruction.operation].draw:
            index = instruction.index
            yield f'd{index} = draw("{kind}", keys[{index}], start, g)'
        yield f"r{instruction.target} = {_call(code, instruction, 'g')}"


def _moving_call(
    code: StraightLine, instruction: Instruction, moving: Collection[int]
) -> str:
    """An operation on numbers that depend on t, of registers `moving`, and others."""
    if instruction.operation == "divide" and instruction.arguments[1] not in moving:
        x, y = instruction.arguments
        return f"{_argument(code, x, 't')} / {_as_array(code, y, 't')}"
    return _call(code, instruction, "t")


def _call(code: StraightLine, instruction: Instruction, like: str) -> str:
    """An operation that has an array among its arguments, of the type of `like`."""
    arguments = [_argument(code, number, like) for number in instruction.arguments]
    primitive = PRIMITIVES[instruction.operation]
    return primitive.fill("jax", arguments, f"d{instruction.index}")


def _argument(code: StraightLine, number: int, like: str) -> str:
    """Return a register's text; an array for a constant that overflows float32.

    JAX would warn of such a constant next to an array of that type.
    """
    value = code.instructions[number].value
    if value is not None and abs(value) > FLOAT32_MAXIMUM:
        return _as_array(code, number, like)
    return register(code, number)


def _as_array(code: StraightLine, number: int, like: str) -> str:
    value = code.instructions[number].value
    text = register(code, number) if value is None else repr(value)
    return f"number({text}, {like})"
