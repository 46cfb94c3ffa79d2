"""Straight-line code of a rule: instructions in order, nothing computed twice.

Torch code, exported files and kernels are all emitted from this form.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from neuralopt.language.definitions import formula_of, memory_of
from neuralopt.language.expression import Expression
from neuralopt.language.primitive import Primitive
from neuralopt.language.primitives import (
    CLOCK,
    KINDS,
    NAMED_CONSTANTS,
    PRIMITIVES,
    WHOLE,
)


class Instruction(NamedTuple):
    """An instruction: register `target` becomes `operation` of the argument registers.

    Attributes:
        target: number of the register, and of the instruction.
        operation: a core primitive of the table; a leaf (``g w t T progress``, or one
            of tensor scope); ``constant``; or ``load``, which reads a state.
        arguments: numbers of registers.
        value: of a constant.
        index: number of the state for ``load``; of the stream for a draw.
        element: whether the register holds values of tensors or one number a step.
    """

    target: int
    operation: str
    arguments: tuple[int, ...] = ()
    value: float | None = None
    index: int | None = None  # type: ignore[assignment]  # hides tuple.index
    element: bool = True


@dataclass(frozen=True, slots=True)
class StraightLine:
    """A rule's instructions.

    Attributes:
        instructions: in order; an instruction reads only registers before its own.
        result: register of the rule's value.
        states: for each state, the register that it holds from the next step on. Every
            state is 0 at first.
    """

    instructions: tuple[Instruction, ...]
    result: int
    states: tuple[int, ...]

    @property
    def needs_total_steps(self) -> bool:
        """Whether T or progress is used."""
        return any(i.operation in ("T", "progress") for i in self.instructions)

    @property
    def operations(self) -> int:
        """Operations per parameter and step, equal subexpressions counted once."""
        return sum(i.element and bool(i.arguments) for i in self.instructions)

    @property
    def has_tensor_scope(self) -> bool:
        """Whether a value depends on all elements of a parameter, or on its kind."""
        return any(i.operation in WHOLE for i in self.instructions)

    @property
    def has_kinds(self) -> bool:
        """Whether it tells kinds of parameters apart."""
        return any(i.operation in KINDS for i in self.instructions)

    @property
    def needs_loss(self) -> bool:
        """Whether it reads the loss."""
        return any(i.operation == "loss" for i in self.instructions)

    @property
    def draws(self) -> tuple[Instruction, ...]:
        """Instructions that consume random bits, in the order of their streams."""
        return tuple(
            i
            for i in self.instructions
            if i.operation in PRIMITIVES and PRIMITIVES[i.operation].draw
        )


def straight_line(expression: Expression) -> StraightLine:
    """Return the instructions for an expression, equal subexpressions computed once.

    Equal subexpressions share their state and their draws too. Streams of draws are
    numbered in the order of instructions, so a rule's random bits depend on its
    spelling: every engine runs the canonical form.

    Args:
        expression: without free variables.

    Returns:
        Its straight-line code.

    Raises:
        ValueError: the expression has a free variable.
    """
    return _Builder().build(expression)


class _Builder:
    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.registers: dict[tuple[object, ...], int] = {}
        self.lowered: dict[Expression, int] = {}  # of expressions without variables
        self.states: list[int] = []
        self.streams = 0
        self.update: int | None = None

    def build(self, expression: Expression) -> StraightLine:
        if expression.contains("update"):
            self.update = self.new_state()
        result = self.lower(expression, {})
        if self.update is not None:
            self.states[0] = result
        return StraightLine(tuple(self.instructions), result, tuple(self.states))

    def emit(
        self,
        operation: str,
        arguments: tuple[int, ...] = (),
        value: float | None = None,
        index: int | None = None,
        element: bool = True,
    ) -> int:
        """Return the register of a computation, an earlier one if it was done before.

        Squares and cubes become products: x * x and (x * x) * x.
        """
        if operation == "power":
            base, exponent = arguments
            if self.instructions[exponent].value in (2.0, 3.0):
                square = self.emit("multiply", (base, base), element=element)
                if self.instructions[exponent].value == 2.0:
                    return square
                return self.emit("multiply", (square, base), element=element)
        elif operation == "multiply":
            left, right = arguments
            if self.instructions[left].value == 1:
                return right
            if self.instructions[right].value == 1:
                return left
        if operation in WHOLE:
            element = True  # of a number too: a norm depends on the tensor's size
        key = (operation, arguments, None if value is None else repr(value), index)
        target = self.registers.get(key)
        if target is None:
            target = self.registers[key] = len(self.instructions)
            self.instructions.append(
                Instruction(target, operation, arguments, value, index, element)
            )
        return target

    def new_state(self) -> int:
        """Return a register that loads a new state."""
        self.states.append(-1)
        return self.emit("load", index=len(self.states) - 1)

    def lower(self, expression: Expression, names: dict[str, int]) -> int:
        """Return the register of an expression.

        Args:
            expression: to be computed.
            names: registers of its free variables.

        Returns:
            Number of the register.
        """
        if names:
            return self.lower_anew(expression, names)
        found = self.lowered.get(expression)
        if found is None:
            if expression.primitive in PLAIN:
                arguments = tuple([self.lower(x, names) for x in expression.arguments])
                element = any(self.instructions[r].element for r in arguments)
                found = self.emit(expression.primitive, arguments, element=element)
            else:
                found = self.lower_anew(expression, names)
            self.lowered[expression] = found
        return found

    def lower_anew(self, expression: Expression, names: dict[str, int]) -> int:
        if names and (steps := _steps(expression)):
            return self.follow(steps, names)
        name = expression.primitive
        if name in names:
            return names[name]
        if expression.value is not None:
            return self.emit("constant", value=expression.value, element=False)
        if name in NAMED_CONSTANTS:
            return self.emit("constant", value=NAMED_CONSTANTS[name], element=False)
        if name == "update":
            assert self.update is not None
            return self.update
        if name not in PRIMITIVES or name == "s":
            raise ValueError(
                f"the variable {name!r} has no value when a rule runs: substitute it"
            )
        primitive = PRIMITIVES[name]
        if primitive.is_leaf:
            return self.emit(name, element=name not in CLOCK)
        if primitive.has_state:
            return self.lower_memory(expression, primitive, names)
        arguments = tuple(self.lower(part, names) for part in expression.arguments)
        if primitive.formula:
            return self.lower(formula_of(name), primitive.bind(arguments))
        if primitive.draw:
            return self.lower_draw(name, arguments)
        element = any(self.instructions[register].element for register in arguments)
        return self.emit(name, arguments, element=element)

    def follow(self, steps: "tuple[_Step, ...]", names: dict[str, int]) -> int:
        """Return the register of an expression that was taken apart before."""
        registers: list[int] = []
        for name, value, places in steps:
            if name in names:
                registers.append(names[name])
            elif value is not None:
                registers.append(self.emit("constant", value=value, element=False))
            elif not places:
                registers.append(self.emit(name, element=name not in CLOCK))
            else:
                arguments = tuple([registers[place] for place in places])
                element = any(self.instructions[r].element for r in arguments)
                registers.append(self.emit(name, arguments, element=element))
        return registers[-1]

    def lower_draw(self, name: str, arguments: tuple[int, ...]) -> int:
        key = (name, arguments)
        if key not in self.registers:
            self.registers[key] = self.emit(name, arguments, index=self.streams)
            self.streams += 1
        return self.registers[key]

    def lower_memory(
        self, expression: Expression, primitive: Primitive, names: dict[str, int]
    ) -> int:
        if primitive.name == "fold":
            return self.lower_fold(expression, names)
        arguments = tuple(self.lower(part, names) for part in expression.arguments)
        if primitive.name == "previous" and arguments[0] in self.states:
            # Some state already remembers this register: Lion needs one, not two.
            return self.load_of(self.states.index(arguments[0]))
        key: tuple[object, ...] = (primitive.name, arguments, "memory")
        if key not in self.registers:
            state = self.new_state()
            index = len(self.states) - 1
            inside = {**primitive.bind(arguments), "s": state}
            self.states[index] = self.lower(memory_of(primitive.name), inside)
            old = primitive.value == "old"
            self.registers[key] = state if old else self.states[index]
        return self.registers[key]

    def lower_fold(self, expression: Expression, names: dict[str, int]) -> int:
        # A body may hold anything, so the whole of it is the key. It has no free
        # variable, since s is its own: equal folds are one inside other folds too.
        key = ("fold", expression)
        if key not in self.registers:
            state = self.new_state()
            index = len(self.states) - 1
            inside = {**names, "s": state}
            self.states[index] = self.lower(expression.arguments[0], inside)
            self.registers[key] = self.states[index]
        return self.registers[key]

    def load_of(self, state: int) -> int:
        return self.registers["load", (), None, state]


PLAIN = frozenset(
    name
    for name, each in PRIMITIVES.items()
    if not (each.is_leaf or each.has_state or each.formula or each.draw)
)
"""Primitives that are one instruction of their arguments."""

_Step = tuple[str, float | None, tuple[int, ...]]
"""Primitive, value of a constant, and the earlier steps that are its arguments."""


@lru_cache(maxsize=1 << 10)
def _steps(expression: Expression) -> tuple[_Step, ...]:
    """Return core operations in order; none if the expression has any others.

    All formulas of the table have this form, and they are lowered many times.
    """
    steps: dict[Expression, tuple[int, _Step]] = {}

    def place(node: Expression) -> int:
        if node not in steps:
            arguments = tuple(place(argument) for argument in node.arguments)
            value = NAMED_CONSTANTS.get(node.primitive, node.value)
            steps[node] = len(steps), (node.primitive, value, arguments)
        return steps[node][0]

    place(expression)
    known = [PRIMITIVES.get(name) for _, (name, _, _) in steps.values()]
    simple = all(
        each is None or not (each.has_state or each.formula or each.draw)
        for each in known
    )
    alone = not expression.contains("update")
    return tuple(step for _, step in steps.values()) if simple and alone else ()
