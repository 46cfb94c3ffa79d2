"""The bytecode of a rule: integer code, constants, and scalars that change by step.

The code computes on a memory of rows, one for each quantity that has a value for every
element (the gradient, the parameter, each state), and of blocks, which are as long as a
kernel's stride and hold constants, scalars and intermediate results.

Instructions run stride by stride, all of them for one stride before the next. One of
tensor scope needs a whole row: the instructions before it run on all strides first, so
what it reads, and what is read after it, lies in rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralopt.language import Expression, simplify
from neuralopt.language.primitives import PRIMITIVES, WHOLE
from neuralopt.machine.straightline import Instruction, StraightLine, straight_line

OPCODES = {
    name: number
    for number, name in enumerate(
        (
            *(name for name, primitive in PRIMITIVES.items() if primitive.kernel),
            "copy",  # target <- x
            "descend",  # w <- w - rate * x
            *sorted(WHOLE),
        )
    )
}
"""Number of each operation that a kernel runs."""

FIRST_WHOLE = OPCODES["descend"] + 1
"""Operations from here on have tensor scope."""

GRADIENT, PARAMETER, FIRST_STATE = 0, 1, 2
"""Numbers of rows. An operand is a row, or a block: the number -1 - block."""

LOADED = frozenset({"g", "w", "load"})
"""Operations whose results are rows of memory already."""

COLUMNS = 6
"""Numbers of an instruction."""

UNUSED = GRADIENT
"""Operand of an operation that has fewer arguments: never read."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A number that may change with the step: a constant, a clock or an operation.

    Compared by identity: `scalar_of` makes equal scalars one object, so that rules
    share the values of what they have in common.

    Attributes:
        operation: ``constant``, a clock (t, T, progress) or a primitive.
        arguments: of an operation.
        value: of a constant.
    """

    operation: str
    arguments: tuple["Scalar", ...] = ()
    value: float | None = None


@lru_cache(maxsize=1 << 14)
def scalar_of(
    operation: str, arguments: tuple[Scalar, ...] = (), value: str = ""
) -> Scalar:
    """Make a scalar, one object for equal arguments.

    Args:
        operation: as in `Scalar`.
        arguments: as in `Scalar`.
        value: of a constant, as text, because 0.0 and -0.0 are equal as numbers.
    """
    return Scalar(operation, arguments, float(value) if value else None)


def _constant_of(value: float) -> Scalar:
    return scalar_of("constant", (), repr(float(value)))


@dataclass(frozen=True, slots=True)
class Bytecode:
    """A rule for a kernel.

    Attributes:
        code: int64 (instructions, 6): opcode, target, x, y, z, stream of random bits.
            Targets and arguments are rows and blocks. No instruction writes what it
            reads, except ``descend``, which writes the parameter.
        constants: values of the first blocks.
        scalars: what the blocks after them hold, anew at every step.
        states: rows of memory, 0 before the first step.
        scratch: rows after them, for results that are read across an operation of
            tensor scope.
        blocks: how many blocks are used.
        last_pass: number of the first instruction after all those of tensor scope.
    """

    code: npt.NDArray[np.int64]
    constants: tuple[float, ...]
    scalars: tuple[Scalar, ...]
    states: int
    scratch: int
    blocks: int
    last_pass: int

    def table(self, total_steps: int, steps: int | None = None) -> Table:
        """Return the values of the scalars at each step of a training.

        Args:
            total_steps: steps of the training.
            steps: how many of them, from the first on; by default all.

        Returns:
            float64 (steps, scalars).
        """
        steps = total_steps if steps is None else steps
        columns = [column_of(scalar, steps, total_steps) for scalar in self.scalars]
        return np.array(columns).T if columns else np.empty((steps, 0))


@lru_cache(maxsize=1 << 12)
def bytecode_of(expression: Expression) -> Bytecode:
    """Return the bytecode of an expression's canonical form.

    Args:
        expression: the rule, in any form.

    Returns:
        Its bytecode, cached.

    Raises:
        ValueError: the expression has a free variable.
    """
    return bytecode(straight_line(simplify(expression)))


def bytecode(code: StraightLine) -> Bytecode:
    """Encode straight-line code, its registers placed in as few blocks as suffice.

    Args:
        code: the rule.

    Returns:
        Its bytecode.
    """
    return _Encoder(code).encode()


class _Operation(NamedTuple):
    """An operation on registers, which have no place yet."""

    name: str
    target: int
    arguments: tuple[int, ...]
    stream: int = 0


class _Encoder:
    """Encodes a rule.

    Registers keep their numbers of the straight-line code until they are placed.
    """

    def __init__(self, code: StraightLine) -> None:
        self.code = code
        self.next_register = len(code.instructions)
        self.places: dict[int, int] = {}
        self.constants: dict[Scalar, None] = {}
        self.scalars: dict[Scalar, None] = {}
        self.known: dict[int, Scalar] = {}  # by register

    def encode(self) -> Bytecode:
        needed = self._needed()
        operations = [
            _Operation(
                instruction.operation,
                instruction.target,
                instruction.arguments,
                instruction.index or 0,
            )
            for instruction in self.code.instructions
            if needed[instruction.target] and instruction.element
            if instruction.operation not in LOADED
        ]
        operations = list(self._with_rows_of_numbers(operations))
        self._place_scalars(operations)
        self._place_rows(operations)
        operations += self._endings()
        scratch = self._place_scratch(operations)
        first = len(self.constants) + len(self.scalars)
        blocks = self._place_registers(operations, first)
        rows = [self._row(operation, self.places) for operation in operations]
        wholes = [n for n, each in enumerate(operations) if each.name in WHOLE]
        return Bytecode(
            np.array(rows, np.int64).reshape(-1, COLUMNS),
            tuple(_first_value(constant) for constant in self.constants),
            tuple(self.scalars),
            len(self.code.states),
            scratch,
            blocks,
            wholes[-1] + 1 if wholes else 0,
        )

    def _with_rows_of_numbers(
        self, operations: list[_Operation]
    ) -> Iterator[_Operation]:
        """Yield operations so that those of tensor scope read no number as x."""
        for operation in operations:
            if operation.name in WHOLE and operation.arguments:
                x, *others = operation.arguments
                if not self.code.instructions[x].element:
                    row = self._new_register()
                    yield _Operation("copy", row, (x,))
                    operation = operation._replace(arguments=(row, *others))
            yield operation

    def _place_scratch(self, operations: list[_Operation]) -> int:
        """Place in rows what operations of tensor scope make, read, or stand between.

        A row is free again after its last reader.

        Returns:
            The number of rows, after those of the states.
        """
        last_reads = _last_reads(operations)
        passes = list(accumulate(each.name in WHOLE for each in operations))
        first = FIRST_STATE + len(self.code.states)
        free: list[int] = []
        used = first
        kept = {
            operation.arguments[0]
            for operation in operations
            if operation.name in WHOLE and operation.arguments
        }
        for number, operation in enumerate(operations):
            target = operation.target
            last = last_reads.get(target, number)
            whole = operation.name in WHOLE
            crosses = passes[number] < passes[last]
            if target not in self.places and (whole or crosses or target in kept):
                if not free:
                    free.append(used)
                    used += 1
                self.places[target] = free.pop()
            for register in {*operation.arguments, target}:
                row = self.places.get(register, -1)
                if row >= first and last_reads.get(register, number) == number:
                    free.append(row)
        return used - first

    def _needed(self) -> list[bool]:
        """Return of each register whether the value or a state depends on it."""
        instructions = self.code.instructions
        needed = [False] * len(instructions)
        for register in (self.code.result, *self.code.states):
            needed[register] = True
        for instruction in reversed(instructions):
            if needed[instruction.target]:
                for register in instruction.arguments:
                    needed[register] = True
        return needed

    def _new_register(self) -> int:
        self.next_register += 1
        return self.next_register - 1

    def _place_scalars(self, operations: list[_Operation]) -> None:
        """Place the constants in blocks and, after them, the scalars that are read."""
        read = {self.code.result, *self.code.states}
        read.update(r for operation in operations for r in operation.arguments)
        # Registers that copies of numbers were given here are not of the code.
        read.intersection_update(range(len(self.code.instructions)))
        values = {
            register: self._scalar(register)
            for register in sorted(read)
            if not self.code.instructions[register].element
        }
        for scalar in values.values():
            kind = self.scalars if scalar.value is None else self.constants
            kind[scalar] = None
        blocks = {
            scalar: n for n, scalar in enumerate([*self.constants, *self.scalars])
        }
        for register, scalar in values.items():
            self.places[register] = -1 - blocks[scalar]

    def _scalar(self, register: int) -> Scalar:
        """Return the scalar in a register, with constant parts computed."""
        if register not in self.known:
            self.known[register] = self._new_scalar(self.code.instructions[register])
        return self.known[register]

    def _new_scalar(self, instruction: Instruction) -> Scalar:
        if instruction.value is not None:
            return _constant_of(instruction.value)
        arguments = tuple(self._scalar(number) for number in instruction.arguments)
        scalar = scalar_of(instruction.operation, arguments)
        if arguments and all(argument.value is not None for argument in arguments):
            return _constant_of(_first_value(scalar))
        return scalar

    def _place_rows(self, operations: list[_Operation]) -> None:
        """Place loaded values in rows, and new states computed right where they stay.

        A state's row may take its new value early if nothing reads the old one from
        then on; the operation itself counts as a reader.
        """
        for instruction in self.code.instructions:
            if instruction.operation == "g":
                self.places[instruction.target] = GRADIENT
            elif instruction.operation == "w":
                self.places[instruction.target] = PARAMETER
            elif instruction.operation == "load":
                assert instruction.index is not None
                self.places[instruction.target] = FIRST_STATE + instruction.index
        last_reads = _last_reads(operations)
        computed = {
            operation.target: number for number, operation in enumerate(operations)
        }
        for state, register in enumerate(self.code.states):
            row = FIRST_STATE + state
            old = {r for r, place in self.places.items() if place == row}
            kept = old & {self.code.result, *self.code.states}
            last = max((last_reads.get(r, -1) for r in old), default=-1)
            if (
                not kept
                and register in computed
                and register not in self.places
                and computed[register] > last
            ):
                self.places[register] = row

    def _endings(self) -> list[_Operation]:
        """Return the operations that change the states and the parameter at the end.

        Rows that something still has to read are set aside before they are written.
        """
        stores = [
            (FIRST_STATE + state, register)
            for state, register in enumerate(self.code.states)
            if self.places.get(register) != FIRST_STATE + state
        ]
        changing = {row for row, _ in stores} | {PARAMETER}
        asides: dict[int, int] = {}
        for register in (self.code.result, *(register for _, register in stores)):
            if self.places.get(register, -1) in changing and register not in asides:
                asides[register] = self._new_register()
        endings = [_Operation("copy", new, (old,)) for old, new in asides.items()]
        for row, register in stores:
            written = self._new_register()
            self.places[written] = row
            source = asides.get(register, register)
            endings.append(_Operation("copy", written, (source,)))
        value = asides.get(self.code.result, self.code.result)
        parameter = self._new_register()
        self.places[parameter] = PARAMETER
        return [*endings, _Operation("descend", parameter, (value,))]

    def _place_registers(self, operations: list[_Operation], first: int) -> int:
        """Give blocks from `first` on to all registers that have no place yet.

        A block is free again after its last reader, and no operation writes the block
        that it reads.

        Returns:
            The number of blocks used, with those before `first`.
        """
        last_reads, places = _last_reads(operations), self.places
        free: list[int] = []
        used = first
        for number, operation in enumerate(operations):
            target, arguments = operation.target, operation.arguments
            if target not in places:
                if not free:
                    free.append(used)
                    used += 1
                places[target] = -1 - free.pop()
            for register in {*arguments, target}:
                block = -1 - places[register]
                if block >= first and last_reads.get(register, number) == number:
                    free.append(block)
        return used

    @staticmethod
    def _row(operation: _Operation, places: dict[int, int]) -> tuple[int, ...]:
        name, target, arguments = operation.name, operation.target, operation.arguments
        x, y, z = [*(places[each] for each in arguments), *[UNUSED] * 3][:3]
        return OPCODES[name], places[target], x, y, z, operation.stream


def _last_reads(operations: list[_Operation]) -> dict[int, int]:
    """Return the number of the last operation that reads each register."""
    return {
        register: number
        for number, operation in enumerate(operations)
        for register in operation.arguments
    }


@lru_cache(maxsize=1 << 12)
def column_of(scalar: Scalar, steps: int, total_steps: int) -> tuple[float, ...]:
    """Return a scalar at the first steps of a training; rules share many of them."""
    name, total = scalar.operation, float(total_steps)
    if scalar.value is not None:
        return (scalar.value,) * steps
    if name == "t":
        return tuple(map(float, range(steps)))
    if name == "T":
        return (total,) * steps
    if name == "progress":
        return tuple(min(1.0, t / total) for t in range(steps))
    function = PRIMITIVES[name].scalar
    assert function is not None
    columns = [column_of(x, steps, total_steps) for x in scalar.arguments]
    return tuple(map(function, *columns))


def _first_value(scalar: Scalar) -> float:
    """Return the only value of a scalar that does not depend on a clock."""
    return column_of(scalar, 1, 1)[0]
