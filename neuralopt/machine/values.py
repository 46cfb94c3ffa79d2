"""Values of rules on a probe by the kernels, what rules have in common computed once.

Every subexpression has its values in one long row, a block for each step, so that an
operation on all steps is one line for the kernel. Only what depends on a state runs
step by step. Rows are kept from rule to rule: rules of a space share most of their
parts, and a new rule is a few lines more.

The values are those of the bytecode, bit by bit: operations and their order are those
of `straight_line`, and scalars are computed in Python as bytecode's are.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from neuralopt.counter_hash import key_word
from neuralopt.language import Expression
from neuralopt.language.definitions import formula_of, memory_of
from neuralopt.language.expression import bits_of
from neuralopt.language.primitives import (
    CLOCK,
    KINDS,
    NAMED_CONSTANTS,
    PRIMITIVES,
    WHOLE,
)
from neuralopt.machine.bytecode import COLUMNS, OPCODES, Scalar, column_of, scalar_of
from neuralopt.machine.probe import Floats, Probe
from neuralopt.machine.straightline import PLAIN

BYTES_KEPT = 1 << 24
"""Of rows. When they are full, all are forgotten: common parts soon come back."""

ZEROS, GRADIENT, PARAMETER, FIRST_FREE = range(4)
"""Rows that hold the inputs; a state is zero before the first step."""

DRAWS = frozenset(name for name, each in PRIMITIVES.items() if each.draw)
OF_A_RULE = bits_of(DRAWS | {"update", "fold"})
"""What has other values in other rules: draws are numbered by their place in a rule."""

Operand = int
"""Twice the number of a row; 1 more for its value at the step before."""

Line = tuple[int, int, Operand, Operand, Operand, int]
"""Opcode, row that is written, three operands, stream of random bits."""

NOTHING = 2 * ZEROS
"""Operand of an operation that has fewer arguments: never read."""


class RuleValues:
    """The rows of one probe, and which subexpression each row holds.

    Args:
        probe: the inputs.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._lock = threading.Lock()
        self._width = probe.gradients.size
        self._limit = max(64, BYTES_KEPT // (8 * self._width))
        self._rows: Floats = np.zeros((0, self._width))
        self._forget()

    def of(self, expressions: Sequence[Expression]) -> Floats:
        """Return the values of rules.

        Args:
            expressions: canonical rules.

        Returns:
            float64 (rules, steps, runs, elements).

        Raises:
            ValueError: an expression has a free variable.
        """
        values = np.empty((len(expressions), self._width))
        with self._lock:
            waiting: list[int] = []
            first = 0
            for number, expression in enumerate(expressions):
                if self._used >= self._limit:
                    self._compute(values[first:number], waiting)
                    self._forget()
                    waiting, first = [], number
                waiting.append(self._row_of(expression))
            self._compute(values[first:], waiting)
        return values.reshape(-1, *self._probe.gradients.shape)

    def _forget(self) -> None:
        self._used = FIRST_FREE
        self._computed = ZEROS
        self._known: dict[Expression, Operand] = {}
        self._operations: dict[tuple[object, ...], Operand] = {}
        self._values: dict[Operand, float] = {}  # of literal constants
        self._scalars: dict[Operand, Scalar] = {}
        self._columns: list[tuple[int, Scalar]] = []
        self._levels: dict[int, int] = {}  # of rows that open states reach
        self._bodies: list[list[Line]] = [[]]
        self._groups: list[tuple[int, int, bool]] = []
        self._lines: list[Line] = []

    def _row_of(self, rule: Expression) -> int:
        """Return the row of a rule, which is computed at the next `_compute`."""
        self._local: dict[Expression, Operand] = {}
        self._streams: dict[tuple[object, ...], int] = {}
        if rule.contains("update"):
            row = self._open()
            self._update: Operand | None = 2 * row + 1
            result = self._lower(rule)
            self._close(row, result)
        else:
            self._update = None
            result = self._lower(rule)
        if result % 2:
            result = self._emit("copy", (result,))
        return result // 2

    def _lower(self, expression: Expression) -> Operand:
        """Return the operand that holds an expression without variables."""
        local = expression.contains_bits(OF_A_RULE)
        known = self._local if local else self._known
        found = known.get(expression)
        if found is None:
            name = expression.primitive
            if name in PLAIN:
                arguments = tuple([self._lower(each) for each in expression.arguments])
                found = self._emit(name, arguments)
            else:
                found = self._lower_anew(expression, {})
            known[expression] = found
        return found

    def _lower_in(
        self, expression: Expression, names: Mapping[str, Operand]
    ) -> Operand:
        if names:
            return self._lower_anew(expression, names)
        return self._lower(expression)

    def _lower_anew(
        self, expression: Expression, names: Mapping[str, Operand]
    ) -> Operand:
        name = expression.primitive
        if name in names:
            return names[name]
        if expression.value is not None:
            return self._constant(expression.value)
        if name in NAMED_CONSTANTS:
            return self._constant(NAMED_CONSTANTS[name])
        if name == "update":
            assert self._update is not None
            return self._update
        if name not in PRIMITIVES or name == "s":
            raise ValueError(
                f"the variable {name!r} has no value when a rule runs: substitute it"
            )
        if name == "g":
            return 2 * GRADIENT
        if name == "w":
            return 2 * PARAMETER
        if name in CLOCK or (name in WHOLE and not expression.arguments):
            return self._emit(name, ())
        if name == "fold":
            return self._lower_fold(expression, names)
        primitive = PRIMITIVES[name]
        arguments = tuple(
            [self._lower_in(each, names) for each in expression.arguments]
        )
        if primitive.has_state:
            return self._lower_memory(name, arguments)
        if primitive.formula:
            return self._lower_in(formula_of(name), primitive.bind(arguments))
        if primitive.draw:
            stream = self._streams.setdefault((name, *arguments), len(self._streams))
            return self._emit(name, arguments, stream)
        return self._emit(name, arguments)

    def _lower_memory(self, name: str, arguments: tuple[Operand, ...]) -> Operand:
        if name == "previous":
            (x,) = arguments
            return (self._emit("copy", (x,)) if x % 2 else x) + 1
        key = ("memory", name, *arguments)
        found = self._operations.get(key)
        if found is None:
            row = self._open()
            names = {**PRIMITIVES[name].bind(arguments), "s": 2 * row + 1}
            self._close(row, self._lower_anew(memory_of(name), names))
            found = self._operations[key] = 2 * row
        return found

    def _lower_fold(
        self, expression: Expression, names: Mapping[str, Operand]
    ) -> Operand:
        found = self._local.get(expression)
        if found is None:
            row = self._open()
            inside = {**names, "s": 2 * row + 1}
            self._close(row, self._lower_anew(expression.arguments[0], inside))
            found = self._local[expression] = 2 * row
        return found

    def _open(self) -> int:
        """Begin what runs step by step; return the row of its state."""
        row = self._used
        self._used += 1
        self._levels[row] = len(self._bodies)
        self._bodies.append([])
        return row

    def _close(self, row: int, result: Operand) -> None:
        """End what `_open` began: the state's row is a copy of a result."""
        level = len(self._bodies) - 1
        body = self._bodies.pop()
        body.append((OPCODES["copy"], row, result, NOTHING, NOTHING, 0))
        written = {line[1] for line in body}
        read = {operand // 2 for line in body for operand in line[2:5]}
        outer = max((self._levels.get(each, 0) for each in read - written), default=0)
        assert outer < level
        for each in written:
            self._levels[each] = outer
        if outer:
            self._bodies[outer] += body
        else:
            self._run_by_step(body)

    def _constant(self, value: float) -> Operand:
        key = ("constant", repr(value))
        found = self._operations.get(key)
        if found is None:
            found = self._operations[key] = self._new_scalar(
                scalar_of("constant", (), repr(value))
            )
            self._values[found] = value
        return found

    def _new_scalar(self, scalar: Scalar) -> Operand:
        row = self._used
        self._used += 1
        self._columns.append((row, scalar))
        self._scalars[2 * row] = scalar
        return 2 * row

    def _emit(
        self, operation: str, arguments: tuple[Operand, ...], stream: int = 0
    ) -> Operand:
        """Return the operand of an operation, an earlier one if it was done before.

        Squares and cubes become products, as in `straight_line`.
        """
        if operation == "power":
            base, exponent = arguments
            literal = self._values.get(exponent)
            if literal in (2.0, 3.0):
                square = self._emit("multiply", (base, base))
                if literal == 2.0:
                    return square
                return self._emit("multiply", (square, base))
        elif operation == "multiply":
            left, right = arguments
            if self._values.get(left) == 1:
                return right
            if self._values.get(right) == 1:
                return left
        key = (operation, arguments, stream)
        found = self._operations.get(key)
        if found is None:
            found = self._operations[key] = self._new(operation, arguments, stream)
        return found

    def _new(
        self, operation: str, arguments: tuple[Operand, ...], stream: int
    ) -> Operand:
        if operation not in DRAWS and operation not in WHOLE:
            scalars = [self._scalars.get(each) for each in arguments]
            known = tuple([each for each in scalars if each is not None])
            if len(known) == len(arguments):
                return self._new_scalar(scalar_of(operation, known))
        row = self._used
        self._used += 1
        x, y, z = [*arguments, NOTHING, NOTHING, NOTHING][:3]
        line = (OPCODES[operation], row, x, y, z, stream)
        level = 0
        if len(self._bodies) > 1:
            level = max([self._levels.get(each // 2, 0) for each in (x, y, z)])
        if level:
            self._levels[row] = level
            self._bodies[level].append(line)
        elif (x | y | z) % 2:
            self._run_by_step([line])
        else:
            self._lines.append(line)
        return 2 * row

    def _run_by_step(self, lines: Sequence[Line]) -> None:
        """Let lines be computed step by step, after all that came before."""
        self._end_group()
        self._lines += lines
        self._end_group(by_step=True)

    def _end_group(self, by_step: bool = False) -> None:
        start = self._groups[-1][1] if self._groups else 0
        if start < len(self._lines):
            self._groups.append((start, len(self._lines), by_step))

    def _compute(self, values: Floats, rows: Sequence[int]) -> None:
        """Compute all lines that wait, and copy rows to where values are wanted."""
        from neuralopt.machine import kernels

        if not rows:
            return
        probe = self._probe
        steps, runs, elements = probe.gradients.shape
        if self._used > len(self._rows):
            room = max(self._used, self._limit)
            memory = kernels.aligned((room, self._width), np.float64)
            memory[: len(self._rows)] = self._rows
            memory[GRADIENT] = probe.gradients.ravel()
            memory[PARAMETER] = np.tile(probe.weights, steps * runs)
            self._rows = memory
        for row, scalar in self._columns:
            column = column_of(scalar, steps, probe.total_steps)
            self._rows[row] = np.repeat(column, runs * elements)
        self._end_group()
        kernels.compute(
            self._rows.reshape(-1),
            np.array(self._lines, np.int64).reshape(-1, COLUMNS),
            np.array(self._groups, np.int64).reshape(-1, 3),
            np.array([steps, runs, elements]),
            key_word(probe.seed, 0),
            np.array([(p.height, p.width, KINDS.index(p.kind)) for p in probe.places]),
            np.array(probe.losses),
        )
        self._columns, self._lines, self._groups = [], [], []
        np.take(self._rows, np.array(rows, np.intp), axis=0, out=values)


@lru_cache(maxsize=6)
def values_on(probe: Probe) -> RuleValues:
    """Return the rows of a probe, the same ones for the same probe.

    Args:
        probe: the inputs.

    Returns:
        What computes rules on it.
    """
    return RuleValues(probe)
