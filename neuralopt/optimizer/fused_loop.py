"""Emit and compile a rule's step as one loop over elements.

The source for numba is emitted from checked instructions, never from a user's text.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from neuralopt.language import Expression, simplify
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine import Instruction, StraightLine, straight_line
from neuralopt.machine.emit import (
    element_operations,
    random_bits,
    register,
    shared_scalars,
    states,
)

Loop = Callable[..., None]
"""loop(memory, places, pieces, scalars, state, rate, decay): a step on many tensors.

memory: any array, of the tensors' type. places: int64 (tensors, rows), where gradient,
parameter and each state begin, in elements from memory's first. pieces: int64
(pieces, 4): tensor, first and last element, and the number of the tensor's first
element among all of the model, for random bits. scalars: those of the step
(`Program.clock`), then `constants_of`, in memory's type. state: uint64, the hash of
seed, replicate and step. rate, decay: in memory's type. Nothing is checked: the caller
holds tensors that are dense, of one type and alive.
"""


@lru_cache(maxsize=1 << 8)
def compiled_loop(expression: Expression, decaying: bool, maximize: bool) -> Loop:
    """Return the loop of an expression's canonical form; the first call compiles it.

    Args:
        expression: the rule.
        decaying: whether there is weight decay.
        maximize: whether gradients are followed uphill.

    Returns:
        A `Loop` of the rule.

    Raises:
        ImportError: numba is not installed.
    """
    from neuralopt.machine.kernels import operations
    from neuralopt.machine.kernels.compiling import anew

    canonical = simplify(expression)
    source = loop_source(straight_line(canonical), decaying, maximize)
    # The table's templates call what the file of compiled operations imports.
    namespace = dict(vars(operations))
    exec(  # noqa: S102  emitted here from checked instructions
        compile(source, f"<loop of {canonical}>", "exec"), namespace
    )
    loop: Loop = anew(namespace["loop"])
    return loop


def constants_of(expression: Expression) -> tuple[float, ...]:
    """Return the constants that a loop reads, in their order among its scalars.

    Args:
        expression: the rule.

    Returns:
        Values of float64.
    """
    return tuple(_constants(straight_line(simplify(expression))).values())


def loop_source(code: StraightLine, decaying: bool, maximize: bool) -> str:
    """Return Python source of a `Loop` for numba.

    Args:
        code: the rule.
        decaying: whether there is weight decay.
        maximize: whether gradients are followed uphill.

    Returns:
        The source of one function, ``loop``.
    """
    scalars = [*shared_scalars(code), *(f"c{number}" for number in _constants(code))]
    rows = ["g", "w", *states(code)]
    value = _name(code, code.result)
    if decaying:
        value = f"({value} + decay * w)"
    lines = ["def loop(memory, places, pieces, scalars, state, rate, decay):"]
    lines += ["    widest_vectors()"]
    lines += [f"    {name} = scalars[{n}]" for n, name in enumerate(scalars)]
    for instruction in code.draws:
        for lane, key in enumerate(_keys(instruction)):
            lines += [f"    {key} = absorb(absorb(state, {instruction.index}), {lane})"]
    lines += ["    for piece in range(len(pieces)):"]
    lines += ["        tensor, first = pieces[piece, 0], pieces[piece, 3]"]
    lines += [f"        at_{row} = places[tensor, {n}]" for n, row in enumerate(rows)]
    lines += ["        for i in range(pieces[piece, 1], pieces[piece, 2]):"]
    body = [f"{row} = load(memory, at_{row} + i)" for row in rows]
    if maximize:
        body += ["g = -g"]
    body += _element_lines(code)
    body += [f"store(memory, at_w + i, w - rate * {value})"]
    for state, number in zip(states(code), code.states, strict=True):
        body += [f"store(memory, at_{state} + i, {_name(code, number)})"]
    lines += [f"            {line}" for line in body]
    return "\n".join([*lines, ""])


def _element_lines(code: StraightLine) -> Iterator[str]:
    """Assignments of all element registers that are not leaves or loads."""
    for instruction in element_operations(code):
        primitive = PRIMITIVES[instruction.operation]
        names = [_name(code, number) for number in instruction.arguments]
        bits = random_bits(primitive.draw, _keys(instruction))
        yield f"r{instruction.target} = {primitive.fill('kernel', names, bits)}"


def _keys(instruction: Instruction) -> tuple[str, ...]:
    """Names of the two keys of an instruction's random bits."""
    return tuple(f"key{instruction.index}_{lane}" for lane in range(2))


def _name(code: StraightLine, number: int) -> str:
    """The name of a register; of a constant, a name too, so that its type is known."""
    if code.instructions[number].value is not None:
        return f"c{number}"
    return register(code, number)


def _constants(code: StraightLine) -> dict[int, float]:
    """Registers of the constants that element instructions read, and their values."""
    read = [n for i in code.instructions if i.element for n in i.arguments]
    values = {n: code.instructions[n].value for n in (*read, code.result, *code.states)}
    return {number: value for number, value in values.items() if value is not None}
