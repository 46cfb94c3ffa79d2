"""A rule compiled to straight-line torch code.

Knows how instructions become Python source; refuses to know optimizers and models. The
source is emitted from checked instructions, never from a user's text, and is kept for
reading (`Program.source`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import fill

import torch

from neuralopt.language import Expression, simplify
from neuralopt.language import ieee754 as scalar_functions
from neuralopt.language.primitives import CLOCK, PRIMITIVES
from neuralopt.machine import Instruction, StraightLine, straight_line
from neuralopt.optimizer.draws import Draw

AS_TENSORS = {"min": (0, 1), "max": (0, 1), "drop": (0,), "divide": (0,), "clip": (1,)}
"""Arguments that are handed to torch as tensors even where they are one number: min,
max and where take nothing else; 2.0 / x would be 2.0 * (1 / x), which rounds twice and
overflows early; clamp refuses numbers that overflow the dtype, as exp(t) soon does.
"""

FLOAT16_MAXIMUM = 65504.0

Scalars = tuple[float, ...]
States = tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A rule as two functions.

    scalars(t, T, progress): all that is one number a step, in float64.
    step(g, w, scalars, states, draw): the rule's value and the new states, tensors of
    the shape of g. Nothing it returns shares memory with g or w, except that the value
    may be g or w itself.
    source: the text of both. states: how many tensors of memory it has.
    """

    expression: Expression
    source: str
    states: int
    needs_total_steps: bool
    draws: tuple[tuple[str, int], ...]
    scalars: Callable[[float, float, float], Scalars]
    step: Callable[
        [torch.Tensor, torch.Tensor, Scalars, States, Draw],
        tuple[torch.Tensor, States],
    ]

    def initial_states(self, like: torch.Tensor) -> States:
        """Zeros of the shape, type and device of `like`."""
        return tuple(
            torch.zeros_like(like, memory_format=torch.preserve_format)
            for _ in range(self.states)
        )

    def clock(self, step: int, total_steps: int | None) -> Scalars:
        """Scalars of a step; step counts from 0.

        Raises ValueError if the rule uses T or progress and total_steps is None.
        """
        if total_steps is None:
            if self.needs_total_steps:
                raise ValueError(
                    f"the rule {self.expression} uses T or progress: "
                    "give total_steps, the number of steps of this training"
                )
            return self.scalars(float(step), 0.0, 0.0)
        # Floats: integers of Python have no -0, no infinity and no end of digits.
        progress = min(1.0, step / total_steps)
        return self.scalars(float(step), float(total_steps), progress)


@lru_cache(maxsize=1 << 12)
def compile_rule(expression: Expression) -> Program:
    """The program of an expression's canonical form."""
    canonical = simplify(expression)
    code = straight_line(canonical)
    source = torch_source(code)
    namespace: dict[str, object] = {"torch": torch, "functions": scalar_functions}
    exec(  # noqa: S102  emitted here from checked instructions
        compile(source, f"<rule {canonical}>", "exec"), namespace
    )
    return Program(
        canonical,
        source,
        len(code.states),
        code.needs_total_steps,
        tuple((PRIMITIVES[i.operation].draw, i.index or 0) for i in code.draws),
        namespace["scalars"],  # type: ignore[arg-type]
        namespace["step"],  # type: ignore[arg-type]
    )


NUMBER = "torch.tensor({}, dtype=g.dtype, device=g.device)"
"""A scalar as a tensor; torch.full would refuse one that overflows the dtype."""


def torch_source(
    code: StraightLine, functions: str = "functions.", number: str = NUMBER
) -> str:
    """Python source of the functions `scalars` and `step` of a Program.

    functions: what stands before the names of `neuralopt.language.ieee754`.
    number: how a scalar ``{}`` becomes a tensor.
    """
    shared = shared_scalars(code)
    lines = ["def scalars(t, T, progress):"]
    lines += [f"    {line}" for line in scalar_lines(code, functions)]
    lines += [_wrapped(f"    return {_tuple(shared)}"), "", ""]
    lines += ["def step(g, w, scalars, states, draw):"]
    if shared:
        lines += [_wrapped(f"    {_tuple(shared)} = scalars")]
    if code.states:
        loads = [f"s{index}" for index in range(len(code.states))]
        lines += [_wrapped(f"    {_tuple(loads)} = states")]
    lines += [f"    {line}" for line in element_lines(code, number)]
    result = register(code, code.result)
    if not code.instructions[code.result].element:
        result = stored_value(code, code.result)
    stored = [stored_value(code, register_number) for register_number in code.states]
    return "\n".join([*lines, _wrapped(f"    return {result}, {_tuple(stored)}"), ""])


def scalar_lines(code: StraightLine, functions: str) -> Iterator[str]:
    """Assignments of all scalar registers that are not constants or leaves."""
    for instruction in code.instructions:
        if instruction.element or not instruction.arguments:
            continue
        arguments = [register(code, number) for number in instruction.arguments]
        value = _scalar_call(instruction, arguments, functions)
        yield f"r{instruction.target} = {value}"


def element_lines(code: StraightLine, number: str = NUMBER) -> Iterator[str]:
    """Assignments of all element registers that are not leaves or loads, of draws (d)
    and of scalars that an operation wants as tensors (c).
    """
    known: set[int] = set()

    def tensors(numbers: Iterable[int]) -> Iterator[str]:
        for scalar in numbers:
            if scalar not in known:
                known.add(scalar)
                yield f"c{scalar} = {number.format(register(code, scalar))}"

    for instruction in code.instructions:
        if not instruction.element or instruction.operation in ("g", "w", "load"):
            continue
        positions = _scalars_as_tensors(code, instruction)
        yield from tensors(instruction.arguments[position] for position in positions)
        if kind := PRIMITIVES[instruction.operation].draw:
            yield f'd{instruction.index} = draw("{kind}", {instruction.index})'
        yield f"r{instruction.target} = {_element_call(code, instruction)}"
    whole = (code.result, *code.states)
    yield from tensors(n for n in whole if not code.instructions[n].element)


def has_clock(code: StraightLine) -> bool:
    """Whether anything depends on t, T or progress."""
    return any(i.operation in CLOCK for i in code.instructions)


def device_source(code: StraightLine) -> str:
    """Python source of `on_device`, which is `scalars` for a step t that is a tensor.

    on_device(t) or, for a rule that needs total_steps, on_device(t, T). What does not
    depend on t is computed on the host.
    """
    planned = code.needs_total_steps
    lines = [f"def on_device(t{', T' if planned else ''}):", "    t = t.double()"]
    if any(instruction.operation == "progress" for instruction in code.instructions):
        lines.append("    progress = torch.clamp(t / T, max=1.0)")
    moving: set[int] = set()
    for instruction in code.instructions:
        if instruction.element:
            continue
        if instruction.operation in ("t", "progress"):
            moving.add(instruction.target)
        if not instruction.arguments:
            continue
        arguments = [register(code, number) for number in instruction.arguments]
        if moving.isdisjoint(instruction.arguments):
            value = _scalar_call(instruction, arguments, "")
        else:
            moving.add(instruction.target)
            if instruction.operation in ("min", "max", "clip"):
                arguments = [
                    text if number in moving else f"torch.full_like(t, {text})"
                    for text, number in zip(
                        arguments, instruction.arguments, strict=True
                    )
                ]
            primitive = PRIMITIVES[instruction.operation]
            names = (parameter.name for parameter in primitive.parameters)
            value = primitive.torch.format(**dict(zip(names, arguments, strict=True)))
        lines.append(_wrapped(f"    r{instruction.target} = {value}"))
    lines.append(_wrapped(f"    return {_tuple(shared_scalars(code))}"))
    return "\n".join([*lines, ""])


def shared_scalars(code: StraightLine) -> list[str]:
    """Names of the scalar registers that element instructions read."""
    used: dict[str, None] = {}
    for instruction in code.instructions:
        if instruction.element:
            for number in instruction.arguments:
                _note_scalar(code, number, used)
    for number in (code.result, *code.states):
        _note_scalar(code, number, used)
    return list(used)


def _note_scalar(code: StraightLine, number: int, used: dict[str, None]) -> None:
    source = code.instructions[number]
    if not source.element and source.operation != "constant":
        used[register(code, number)] = None


def register(code: StraightLine, number: int) -> str:
    """How the source names a register."""
    instruction = code.instructions[number]
    if instruction.operation == "constant":
        assert instruction.value is not None
        text = repr(instruction.value)
        return f"({text})" if text.startswith("-") else text
    if instruction.operation == "load":
        return f"s{instruction.index}"
    if instruction.operation in CLOCK or instruction.operation in ("g", "w"):
        return instruction.operation
    return f"r{number}"


def stored_value(code: StraightLine, number: int) -> str:
    """What a state keeps: never the user's own tensor, always a tensor."""
    name = register(code, number)
    if not code.instructions[number].element:
        return f"c{number}.expand_as(g).clone()"
    return f"{name}.clone()" if name in ("g", "w") else name


def _scalar_call(
    instruction: Instruction, arguments: Sequence[str], functions: str
) -> str:
    primitive = PRIMITIVES[instruction.operation]
    if primitive.symbol in ("+", "-", "*"):
        names = (parameter.name for parameter in primitive.parameters)
        return primitive.torch.format(**dict(zip(names, arguments, strict=True)))
    assert primitive.scalar is not None
    name = primitive.scalar.__name__
    where = "" if name == "abs" else functions
    return f"{where}{name}({', '.join(arguments)})"


def _element_call(code: StraightLine, instruction: Instruction) -> str:
    primitive = PRIMITIVES[instruction.operation]
    arguments = [register(code, number) for number in instruction.arguments]
    for position in _scalars_as_tensors(code, instruction):
        arguments[position] = f"c{instruction.arguments[position]}"
    names = (parameter.name for parameter in primitive.parameters)
    values = dict(zip(names, arguments, strict=True))
    return primitive.torch.format(**values, bits=f"d{instruction.index}")


def _scalars_as_tensors(code: StraightLine, instruction: Instruction) -> list[int]:
    """Which of an instruction's arguments are scalars that it reads as tensors."""
    positions = []
    for position in AS_TENSORS.get(instruction.operation, ()):
        source = code.instructions[instruction.arguments[position]]
        fits = source.value is not None and abs(source.value) <= FLOAT16_MAXIMUM
        if not source.element and not (fits and instruction.operation == "clip"):
            positions.append(position)
    return positions


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _wrapped(line: str) -> str:
    """A line of a function's body, broken inside its brackets where it is long."""
    return fill(line, 88, subsequent_indent=" " * 8, break_long_words=False)
