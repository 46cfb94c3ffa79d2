"""Values of rules on given gradients and weights, with kernels or without."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.language import Expression
from neuralopt.language.primitives import KINDS, PRIMITIVES
from neuralopt.language.tensors import Place
from neuralopt.machine.straightline import Instruction, StraightLine, straight_line

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """The inputs that rules are probed with.

    Attributes:
        gradients: (steps, runs, elements), at most 512 elements. The state of a rule is
            zero at the start of each run.
        weights: (elements,), the same at every step.
        seed: of random bits, which are the same in every run.
        total_steps: the value of T.
        loss: the loss at the first step.
    """

    gradients: Floats
    weights: Floats
    seed: int
    total_steps: int
    loss: float = 2.0

    def of_every_kind(self) -> "Probe":
        """Return the probe that has each run once as a parameter of each kind.

        Returns:
            A probe of (steps, runs x kinds, elements), kinds in the order of `KINDS`.
        """
        gradients = np.repeat(self.gradients, len(KINDS), axis=1)
        return replace(self, gradients=gradients)

    @property
    def places(self) -> list[Place]:
        """The parameter of each run, for rules of tensor scope.

        Runs take turns as parameters of each kind; a matrix is as square as the number
        of elements allows with fewer rows than columns, so that they differ.
        """
        _, runs, elements = self.gradients.shape
        least = math.isqrt(max(elements - 1, 1))
        height = max(n for n in range(1, least + 1) if elements % n == 0)
        matrix, vector = (height, elements // height), (elements, 1)
        places = []
        for run in range(runs):
            kind = KINDS[run % len(KINDS)]
            rows, columns = vector if kind == "vector" else matrix
            places.append(Place(rows, columns, kind))
        return places

    @property
    def losses(self) -> list[float]:
        """The loss at each step, which falls as 1 / (1 + t)."""
        return [self.loss / (1.0 + step) for step in range(len(self.gradients))]


def rule_values(
    probe: Probe, expressions: Sequence[Expression], *, compiled: bool = True
) -> Floats:
    """Return the values of rules on a probe, by the kernels if numba is installed.

    Args:
        probe: the inputs.
        expressions: canonical rules.
        compiled: whether to use the kernels. Loading them takes a second or two, and
            compiling them once ten.

    Returns:
        float64 (rules, steps, runs, elements).
    """
    if not expressions:
        return np.empty((0, *probe.gradients.shape))
    if compiled and _has_kernels():
        return kernel_values(probe, expressions)
    codes = map(straight_line, expressions)
    return np.stack([scalar_values(probe, code) for code in codes])


def _has_kernels() -> bool:
    try:
        from neuralopt.machine import kernels
    except ImportError:
        return False
    return bool(kernels)


def kernel_values(probe: Probe, expressions: Sequence[Expression]) -> Floats:
    """Return the values of rules on a probe, computed by the kernels.

    Args:
        probe: the inputs.
        expressions: canonical rules, at least one.

    Returns:
        float64 (rules, steps, runs, elements).

    Raises:
        ImportError: numba is not installed.
    """
    from neuralopt.machine.values import values_on

    return values_on(probe).of(expressions)


def scalar_values(probe: Probe, code: StraightLine) -> Floats:
    """Return a rule's values on a probe, by the scalar functions of the table.

    Needs neither torch nor a compiler, and takes a hundred times as long as the
    kernels. The values differ from theirs by rounding.

    Args:
        probe: the inputs.
        code: of a canonical rule.

    Returns:
        float64 (steps, runs, elements).
    """
    return _Scalars(probe).values(code)


class _Scalars:
    """Computes one rule, an instruction for all elements of all runs at a time."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.steps, self.runs, self.elements = probe.gradients.shape
        self.count = self.runs * self.elements
        self.places, self.losses = probe.places, probe.losses

    def values(self, code: StraightLine) -> Floats:
        probe, total = self.probe, self.probe.total_steps
        states = [[0.0] * self.count for _ in code.states]
        values = np.empty(probe.gradients.shape)
        weights = np.tile(probe.weights, self.runs).tolist()
        for step in range(self.steps):
            leaves = {"g": probe.gradients[step].ravel().tolist(), "w": weights}
            clock = (step, total, min(1.0, step / total))
            leaves |= {
                name: [float(value)] * self.count
                for name, value in zip(("t", "T", "progress"), clock, strict=True)
            }
            registers: list[list[float]] = []
            for instruction in code.instructions:
                found = self.computed(instruction, registers, leaves, states, step)
                registers.append(found)
            values[step] = np.reshape(
                registers[code.result], (self.runs, self.elements)
            )
            states = [registers[register] for register in code.states]
        return values

    def computed(
        self,
        instruction: Instruction,
        registers: Sequence[list[float]],
        leaves: dict[str, list[float]],
        states: Sequence[list[float]],
        step: int,
    ) -> list[float]:
        """Return a register's value for each element of each run."""
        if instruction.value is not None:
            return [instruction.value] * self.count
        if instruction.operation == "load":
            assert instruction.index is not None
            return states[instruction.index]
        if instruction.operation in leaves:
            return leaves[instruction.operation]
        primitive = PRIMITIVES[instruction.operation]
        arguments: list[Any] = [registers[n] for n in instruction.arguments]
        if primitive.whole is not None:
            return self.of_tensors(primitive.whole, arguments, step)
        function: Callable[..., float] | None = primitive.scalar
        if primitive.draw:
            function = primitive.drawn
            arguments.append(self.bits(primitive.draw, step, instruction.index or 0))
        assert function is not None, primitive.name
        return list(map(function, *arguments))

    def of_tensors(
        self,
        function: Callable[..., list[float]],
        arguments: Sequence[list[float]],
        step: int,
    ) -> list[float]:
        """Return an operation of tensor scope on the parameter of each run."""
        found: list[float] = []
        for run, place in enumerate(self.places):
            span = slice(run * self.elements, (run + 1) * self.elements)
            given = [argument[span] for argument in arguments]
            found += function(*given, place._replace(loss=self.losses[step]))
        return found

    def bits(self, kind: str, step: int, stream: int) -> Iterator[float]:
        """Yield the random numbers of a stream at a step, the same in each run."""
        seed = self.probe.seed
        keys = [counter_key(seed, 0, step, stream, lane) for lane in range(2)]
        first, second = (counter_uniform(key, self.elements).tolist() for key in keys)
        for _ in range(self.runs):
            for radius, angle in zip(first, second, strict=True):
                if kind == "uniform":
                    yield radius
                else:  # Box and Muller 1958, as in `optimizer.draws`
                    length = math.sqrt(-2.0 * math.log(radius + 2.0**-25))
                    yield length * math.cos(2.0 * math.pi * angle)
