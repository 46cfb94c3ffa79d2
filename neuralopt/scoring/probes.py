"""Reject rules that could not train anything, before any child is trained."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from neuralopt.counter_hash import counter_key, counter_uniform, key_word
from neuralopt.language import Expression, simplify
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine import Instruction, StraightLine, straight_line
from neuralopt.machine.bytecode import FIRST_STATE, bytecode_of

STEPS, RUNS, ELEMENTS = 4, 2, 16
TOTAL_STEPS = 100
PROBE_SEED = 2017
WITHOUT_GRADIENT = "does not use g"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Probe:
    """The inputs that rules are probed with.

    Attributes:
        gradients: (steps, runs, elements).
        weights: (elements,).
    """

    gradients: Floats
    weights: Floats


def rejection(expression: Expression) -> str:
    """Return why a rule needs no training, or an empty text.

    A rule is rejected if it does not use g, if its value is the same for other
    gradients or the same for every element and step, or if it is not finite. Probes are
    float64, of moderate size (1e-3 to 1) and never exactly zero.

    One rule is computed number by number, which needs neither torch nor a compiler.

    Args:
        expression: the rule, in any form.

    Returns:
        The reason for the rejection; empty if the rule passes.

    Example:
        >>> from neuralopt.language import parse
        >>> rejection(parse("sign(w)"))
        'does not use g'
        >>> rejection(parse("g * exp(sign(g) * sign(m))"))
        ''
    """
    canonical = simplify(expression)
    if not (expression.contains("g") and canonical.contains("g")):
        return WITHOUT_GRADIENT
    return _objection(_scalar_values(straight_line(canonical)))


def rejections(expressions: Sequence[Expression]) -> list[str]:
    """Return the `rejection` of many rules, computed together.

    The kernels compute them if numba is installed. They take a hundredth of the time
    for each rule, and compile once.

    Args:
        expressions: the rules, in any form.

    Returns:
        The reason of each rule's rejection, in the same order; empty if it passes.
    """
    try:
        from neuralopt.machine import kernels
    except ImportError:
        return [rejection(expression) for expression in expressions]
    using = [simplify(e) for e in expressions if e.contains("g")]
    using = [expression for expression in using if expression.contains("g")]
    values = _kernel_values(kernels, using) if using else np.empty(0)
    found = {
        expression: _objection(each)
        for expression, each in zip(using, values, strict=True)
    }
    return [found.get(simplify(e), WITHOUT_GRADIENT) for e in expressions]


def probed_values(expressions: Sequence[Expression]) -> Floats:
    """Return the values of rules on the probes, computed by the kernels.

    Args:
        expressions: canonical rules.

    Returns:
        float64 (rules, steps, runs, elements).

    Raises:
        ImportError: numba is not installed.
    """
    from neuralopt.machine import kernels

    return _kernel_values(kernels, expressions)


def _objection(values: Floats) -> str:
    """Return why a rule of these values, (steps, runs, elements), is rejected."""
    if not np.isfinite(values).all():
        return "is not finite"
    if (values == values[0, 0, 0]).all():
        return "is constant"
    if (values[:, 0] == values[:, 1]).all():
        return "does not depend on the gradient"
    return ""


def _kernel_values(kernels: Any, expressions: Sequence[Expression]) -> Floats:
    """Return values of canonical rules, as `probed_values` does."""
    probe, codes = _probe(), [bytecode_of(expression) for expression in expressions]
    rows = max(FIRST_STATE + code.states + code.blocks for code in codes)
    memory = kernels.aligned((rows * kernels.ALIGNMENT,), np.float64)
    values = np.empty((len(codes), STEPS, RUNS, ELEMENTS))
    kernels.probe(
        memory,
        kernels.rules_of(codes, TOTAL_STEPS, STEPS),
        probe.gradients,
        probe.weights,
        key_word(PROBE_SEED, 0),
        values,
    )
    return values


def _scalar_values(code: StraightLine) -> Floats:
    """Return a rule's values on the probes, by the scalar functions of the table."""
    probe = _probe()
    states = [[0.0] * (RUNS * ELEMENTS) for _ in code.states]
    values = np.empty((STEPS, RUNS, ELEMENTS))
    weights = np.tile(probe.weights, RUNS).tolist()
    for step in range(STEPS):
        leaves = {"g": probe.gradients[step].ravel().tolist(), "w": weights}
        clock = (step, TOTAL_STEPS, min(1.0, step / TOTAL_STEPS))
        leaves |= {
            name: [float(value)] * (RUNS * ELEMENTS)
            for name, value in zip(("t", "T", "progress"), clock, strict=True)
        }
        registers: list[list[float]] = []
        for instruction in code.instructions:
            registers.append(_computed(instruction, registers, leaves, states, step))
        values[step] = np.reshape(registers[code.result], (RUNS, ELEMENTS))
        states = [registers[register] for register in code.states]
    return values


def _computed(
    instruction: Instruction,
    registers: Sequence[list[float]],
    leaves: dict[str, list[float]],
    states: Sequence[list[float]],
    step: int,
) -> list[float]:
    """Return a register's value for each element of each run; scalars are repeated."""
    if instruction.value is not None:
        return [instruction.value] * (RUNS * ELEMENTS)
    if instruction.operation == "load":
        assert instruction.index is not None
        return states[instruction.index]
    if instruction.operation in leaves:
        return leaves[instruction.operation]
    primitive = PRIMITIVES[instruction.operation]
    arguments = [registers[number] for number in instruction.arguments]
    function: Callable[..., float] | None = primitive.scalar
    if primitive.draw:
        function = primitive.drawn
        arguments.append(list(_bits(primitive.draw, step, instruction.index or 0)))
    assert function is not None, primitive.name
    return list(map(function, *arguments))


def _bits(kind: str, step: int, stream: int) -> Iterator[float]:
    """Yield the random numbers of a stream at a step, the same in each run."""
    keys = [counter_key(PROBE_SEED, 0, step, stream, lane) for lane in range(2)]
    first, second = (counter_uniform(key, ELEMENTS).tolist() for key in keys)
    for _ in range(RUNS):
        for radius, angle in zip(first, second, strict=True):
            if kind == "uniform":
                yield radius
            else:  # Box and Muller 1958, as in `optimizer.draws`
                length = math.sqrt(-2.0 * math.log(radius + 2.0**-25))
                yield length * math.cos(2.0 * math.pi * angle)


@cache
def _probe() -> _Probe:
    count = STEPS * RUNS * ELEMENTS
    sizes = 10.0 ** (-3 * counter_uniform(counter_key(PROBE_SEED, 1), count))
    signs = np.where(counter_uniform(counter_key(PROBE_SEED, 2), count) < 0.5, -1, 1)
    weights = 2 * counter_uniform(counter_key(PROBE_SEED, 3), ELEMENTS) - 1
    return _Probe((sizes * signs).reshape(STEPS, RUNS, ELEMENTS), weights)
