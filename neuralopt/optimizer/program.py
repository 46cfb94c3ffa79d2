"""Compile a rule to straight-line torch code.

The source is emitted from checked instructions, never from a user's text, and is kept
for reading (`Program.source`).
"""

from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from neuralopt.language import Expression, simplify
from neuralopt.language import ieee754 as scalar_functions
from neuralopt.language.primitive import Extent
from neuralopt.language.primitives import KINDS, PRIMITIVES, WHOLE
from neuralopt.machine import Instruction, StraightLine, straight_line
from neuralopt.machine.emit import (
    element_operations,
    host_call,
    moving_registers,
    register,
    registers,
    scalar_operations,
    shared_scalars,
    states,
    tuple_of,
    uses,
    wrapped,
)
from neuralopt.machine.extents import extents, for_kind, state_extents
from neuralopt.optimizer.matrices import zeros
from neuralopt.optimizer.orthogonal import orthogonalize

FLOAT16_MAXIMUM = 65504.0
"""A Python float up to here fits every floating-point type of torch."""

Scalars = tuple[float, ...]
States = tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A rule as two functions.

    Attributes:
        expression: the rule in canonical form.
        source: the text of both functions.
        extents: of each tensor of memory that the rule has.
        needs_total_steps: whether it uses T or progress.
        needs_loss: whether it uses the loss.
        has_tensor_scope: whether a value depends on all elements of a parameter, so
            that g, w and the states are the parameter's matrix (..., rows, columns).
        draws: kind and stream of each random draw.
        scalars: a function of t, T and progress; all that is one number a step.
        step: a function of g, w, the scalars, the states, a `Draw` and, if it is
            needed, the loss, a tensor of as many dimensions as g that broadcasts with
            it; the rule's value, of the shape of g, and the new states. Nothing that it
            returns shares memory with g or w, except that the value may be g or w
            itself.
        on_device: what `scalars` computes, of t as a tensor; and of T, if it is needed.
    """

    expression: Expression
    source: str
    extents: tuple[Extent, ...]
    needs_total_steps: bool
    needs_loss: bool
    has_tensor_scope: bool
    draws: tuple[tuple[str, int], ...]
    scalars: Callable[[float, float, float], Scalars]
    step: Callable[..., tuple[torch.Tensor, States]]
    on_device: Callable[..., tuple[Any, ...]]

    @property
    def states(self) -> int:
        """How many tensors of memory the rule has."""
        return len(self.extents)

    def initial_states(self, like: torch.Tensor) -> States:
        """Return the memory that a rule begins with.

        Args:
            like: a tensor, such as the parameter; a matrix (..., rows, columns) if the
                rule has tensor scope.

        Returns:
            `states` tensors of zeros, of the type and device of `like`. Their shape is
            that of `like`, except that it is 1 in those of the last two dimensions in
            which a state of tensor scope does not vary.
        """
        return tuple(zeros(like, extent) for extent in self.extents)

    def clock(
        self, step: int | torch.Tensor, total_steps: int | None
    ) -> tuple[Any, ...]:
        """Return the scalars of a step.

        Args:
            step: number of the step, from 0; a tensor where torch.compile traces it.
            total_steps: steps planned for this training; None if unknown.

        Returns:
            What `scalars` returns for this step; progress is at most 1.

        Raises:
            ValueError: the rule uses T or progress, and total_steps is None.
        """
        if total_steps is None:
            if self.needs_total_steps:
                raise ValueError(
                    f"the rule {self.expression} uses T or progress: "
                    "give total_steps, the number of steps of this training"
                )
            if isinstance(step, torch.Tensor):
                return self.on_device(step)
            return self.scalars(float(step), 0.0, 0.0)
        if isinstance(step, torch.Tensor):
            total = [float(total_steps)] if self.needs_total_steps else []
            return self.on_device(step, *total)
        # Floats: integers of Python have no -0, no infinity and no end of digits.
        progress = min(1.0, step / total_steps)
        return self.scalars(float(step), float(total_steps), progress)


@lru_cache(maxsize=1 << 12)
def programs_of(expression: Expression) -> Mapping[str, Program]:
    """Return the programs of a rule for all kinds of parameters.

    Args:
        expression: the rule.

    Returns:
        A program for each name of `neuralopt.language.primitives.KINDS`: one and the
        same if the rule does not tell kinds apart.
    """
    code = straight_line(simplify(expression))
    if not code.has_kinds:
        return dict.fromkeys(KINDS, compile_rule(expression))
    return {kind: compile_rule(expression, kind) for kind in KINDS}


def only_program(programs: Mapping[str, Program]) -> Program | None:
    """Return the program that parameters of all kinds have.

    Args:
        programs: of each kind, as `programs_of` returns them.

    Returns:
        The program; None if kinds have different ones.
    """
    first, *others = programs.values()
    return first if all(each is first for each in others) else None


@lru_cache(maxsize=1 << 12)
def compile_rule(expression: Expression, kind: str = "matrix") -> Program:
    """Return the program of an expression's canonical form.

    Args:
        expression: the rule.
        kind: of the parameters that it is for, a name of
            `neuralopt.language.primitives.KINDS`; a rule that does not tell kinds apart
            has the same program for all.

    Returns:
        The program; the same one for the same arguments, while it is cached.

    Raises:
        ValueError: the kind is not a name of KINDS.
    """
    canonical = simplify(expression)
    code = for_kind(straight_line(canonical), kind)
    source = torch_source(code)
    namespace: dict[str, object] = {
        "torch": torch,
        "functions": scalar_functions,
        "orthogonalize": orthogonalize,
    }
    device = device_source(code, functions="functions.")
    exec(  # noqa: S102  emitted here from checked instructions
        compile(f"{source}\n\n{device}", f"<rule {canonical}>", "exec"), namespace
    )
    return Program(
        canonical,
        source,
        state_extents(code),
        code.needs_total_steps,
        code.needs_loss,
        code.has_tensor_scope,
        tuple((PRIMITIVES[i.operation].draw, i.index or 0) for i in code.draws),
        namespace["scalars"],  # type: ignore[arg-type]
        namespace["step"],  # type: ignore[arg-type]
        namespace["on_device"],  # type: ignore[arg-type]
    )


NUMBER = "torch.tensor({}, dtype=g.dtype, device=g.device)"
"""A scalar as a tensor; torch.full would refuse one that overflows the dtype."""


def torch_source(
    code: StraightLine,
    functions: str = "functions.",
    number: str = NUMBER,
    prefix: str = "",
) -> str:
    """Return Python source of the functions `scalars` and `step` of a Program.

    Args:
        code: the rule.
        functions: prefix of the names of `neuralopt.language.ieee754`.
        number: how a scalar ``{}`` becomes a tensor.
        prefix: of the names of both functions.

    Returns:
        The source of both functions.
    """
    shared = tuple_of(shared_scalars(code))
    found = extents(code)
    lines = [f"def {prefix}scalars(t, T, progress):"]
    for instruction in scalar_operations(code):
        value = host_call(code, instruction, functions)
        lines.append(f"    r{instruction.target} = {value}")
    lines += [f"    return {shared}", "", ""]
    loss = ", loss" if code.needs_loss else ""
    lines += [f"def {prefix}step(g, w, scalars, states, draw{loss}):"]
    if shared != "()":
        lines.append(f"    {shared} = scalars")
    if code.states:
        lines.append(f"    {tuple_of(states(code))} = states")
    lines += [f"    {line}" for line in _element_lines(code, number, found)]
    result = register(code, code.result)
    if not code.instructions[code.result].element:
        result = _stored_value(code, code.result)
    elif found[code.result] != "element":
        result = f"{result}.expand_as(g).clone()"
    stored = tuple_of([_stored_value(code, number) for number in code.states])
    lines += [f"    return {result}, {stored}"]
    return "\n".join([*map(wrapped, lines), ""])


def device_source(code: StraightLine, prefix: str = "", functions: str = "") -> str:
    """Return Python source of `on_device`, which is `scalars` for a step t on a device.

    on_device(t) takes t as a tensor; for a rule that needs total_steps it is
    on_device(t, T). What does not depend on t is computed on the host.

    Args:
        code: the rule.
        prefix: of the function's name.
        functions: prefix of the names of `neuralopt.language.ieee754`.

    Returns:
        The source of one function.
    """
    planned = code.needs_total_steps
    lines = [
        f"def {prefix}on_device(t{', T' if planned else ''}):",
        "    t = t.double()",
    ]
    if uses(code, "progress"):
        lines.append("    progress = torch.clamp(t / T, max=1.0)")
    moving = moving_registers(code)
    for instruction in scalar_operations(code):
        if instruction.target in moving:
            value = _device_call(code, instruction, moving)
        else:
            value = host_call(code, instruction, functions)
        lines.append(f"    r{instruction.target} = {value}")
    lines.append(f"    return {tuple_of(shared_scalars(code))}")
    return "\n".join([*map(wrapped, lines), ""])


def _device_call(
    code: StraightLine, instruction: Instruction, moving: Collection[int]
) -> str:
    """An operation on numbers that are tensors where they are `moving`."""
    primitive = PRIMITIVES[instruction.operation]
    arguments = registers(code, instruction)
    for position in (*primitive.tensor_arguments, *primitive.bounded_arguments):
        if instruction.arguments[position] not in moving:
            arguments[position] = f"torch.full_like(t, {arguments[position]})"
    return primitive.fill("torch", arguments)


def _element_lines(
    code: StraightLine, number: str, found: Sequence[Extent | None]
) -> Iterator[str]:
    """Assignments of element registers (r), of draws (d) and of scalars that torch
    needs as tensors (c); `found` are the extents of registers.
    """
    known: set[int] = set()

    def tensors(numbers: Iterable[int]) -> Iterator[str]:
        for scalar in numbers:
            if scalar not in known:
                known.add(scalar)
                yield f"c{scalar} = {number.format(register(code, scalar))}"

    for instruction in element_operations(code):
        primitive, arguments = PRIMITIVES[instruction.operation], instruction.arguments
        texts = registers(code, instruction)
        if instruction.operation in WHOLE:
            if arguments and not code.instructions[arguments[0]].element:
                yield from tensors(arguments[:1])
                texts[0] = f"c{arguments[0]}"
            if arguments and found[arguments[0]] != "element":
                texts[0] = f"{texts[0]}.expand_as(g)"
        positions = _scalars_as_tensors(code, instruction)
        yield from tensors(arguments[position] for position in positions)
        for position in positions:
            texts[position] = f"c{arguments[position]}"
        bits = f"d{instruction.index}"
        if primitive.draw:
            yield f'{bits} = draw("{primitive.draw}", {instruction.index})'
        yield f"r{instruction.target} = {primitive.fill('torch', texts, bits)}"
    whole = (code.result, *code.states)
    yield from tensors(n for n in whole if not code.instructions[n].element)


def _scalars_as_tensors(code: StraightLine, instruction: Instruction) -> list[int]:
    """Positions of the arguments that are scalars which torch needs as tensors."""
    primitive = PRIMITIVES[instruction.operation]
    sources = [code.instructions[number] for number in instruction.arguments]
    positions = [*primitive.tensor_arguments]
    for position in primitive.bounded_arguments:
        value = sources[position].value
        if value is None or abs(value) > FLOAT16_MAXIMUM:
            positions.append(position)
    return [position for position in positions if not sources[position].element]


def _stored_value(code: StraightLine, number: int) -> str:
    """What a state keeps: never the user's own tensor, always a tensor."""
    name = register(code, number)
    if not code.instructions[number].element:
        return f"c{number}.expand_as(g).clone()"
    return f"{name}.clone()" if name in ("g", "w", "loss") else name
