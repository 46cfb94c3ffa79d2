"""What can be said of a rule before any child is trained.

Knows a few made-up gradients; refuses to know tasks. A rule that is found wanting here
could not have trained anything: it is rejected, with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import counter_key, counter_uniform, key_word
from neuralopt.language import Expression, simplify
from neuralopt.machine.bytecode import FIRST_STATE, bytecode_of
from neuralopt.optimizer import Program, compile_rule
from neuralopt.optimizer.draws import draw

STEPS, ELEMENTS = 4, 16
TOTAL_STEPS = 100
PROBE_SEED = 2017
WITHOUT_GRADIENT = "does not use g"


@dataclass(frozen=True, slots=True)
class _Probe:
    """gradients: (steps, 2, elements), two runs; weights: (elements,)."""

    gradients: torch.Tensor
    weights: torch.Tensor


def rejection(expression: Expression) -> str:
    """Why a rule needs no training, or an empty text.

    A rule is rejected if it does not use g, if its value is the same for other
    gradients or the same for every element and step, or if it is not finite. Probes
    are float64, of moderate size (1e-3 to 1) and never exactly zero.

    >>> from neuralopt.language import parse
    >>> rejection(parse("sign(w)"))
    'does not use g'
    >>> rejection(parse("g * exp(sign(g) * sign(m))"))
    ''
    """
    if not (expression.contains("g") and simplify(expression).contains("g")):
        return WITHOUT_GRADIENT
    return _objection(_values(compile_rule(expression)))


def rejections(expressions: Sequence[Expression]) -> list[str]:
    """As `rejection`, of many rules, by the kernels where there are any.

    Compiled for all rules they take a hundredth of the time, and seconds once.
    """
    try:
        from neuralopt.machine import kernels
    except ImportError:
        return [rejection(expression) for expression in expressions]
    using = [simplify(e) for e in expressions if e.contains("g")]
    using = [expression for expression in using if expression.contains("g")]
    values = _kernel_values(kernels, using) if using else np.empty(0)
    found = {
        expression: _objection(torch.from_numpy(each))
        for expression, each in zip(using, values, strict=True)
    }
    return [found.get(simplify(e), WITHOUT_GRADIENT) for e in expressions]


def probed_values(expressions: Sequence[Expression]) -> npt.NDArray[np.float64]:
    """Values of canonical rules on the probes, (rules, steps, runs, elements)."""
    from neuralopt.machine import kernels

    return _kernel_values(kernels, expressions)


def _objection(values: torch.Tensor) -> str:
    """What speaks against a rule of these values, (steps, runs, elements)."""
    if not values.isfinite().all():
        return "is not finite"
    if (values == values[0, 0, 0]).all():
        return "is constant"
    if (values[:, 0] == values[:, 1]).all():
        return "does not depend on the gradient"
    return ""


def _kernel_values(
    kernels: Any, expressions: Sequence[Expression]
) -> npt.NDArray[np.float64]:
    """As `probed_values`."""
    probe, codes = _probe(), [bytecode_of(expression) for expression in expressions]
    rows = max(FIRST_STATE + code.states + code.blocks for code in codes)
    memory = kernels.aligned((rows * kernels.ALIGNMENT,), np.float64)
    values = np.empty((len(codes), STEPS, 2, ELEMENTS))
    kernels.probe(
        memory,
        kernels.rules_of(codes, TOTAL_STEPS, STEPS),
        probe.gradients.numpy(),
        probe.weights.numpy(),
        key_word(PROBE_SEED, 0),
        values,
    )
    return values


def _values(program: Program) -> torch.Tensor:
    """The rule's values on the probes, (steps, runs, elements)."""
    probe = _probe()
    w = probe.weights.expand(2, ELEMENTS)
    states = program.initial_states(probe.gradients[0])
    values = []
    for step, g in enumerate(probe.gradients):

        def draws(kind: str, stream: int, step: int = step) -> torch.Tensor:
            counters = PROBE_SEED, 0, step, stream
            return draw(kind, counters, probe.weights).expand(2, ELEMENTS)

        scalars = program.clock(step, TOTAL_STEPS)
        value, states = program.step(g, w, scalars, states, draws)
        values.append(value)
    return torch.stack(values)


@cache
def _probe() -> _Probe:
    count = STEPS * 2 * ELEMENTS
    sizes = 10.0 ** (-3 * counter_uniform(counter_key(PROBE_SEED, 1), count))
    signs = np.where(counter_uniform(counter_key(PROBE_SEED, 2), count) < 0.5, -1, 1)
    weights = 2 * counter_uniform(counter_key(PROBE_SEED, 3), ELEMENTS) - 1
    gradients = torch.from_numpy(sizes * signs).view(STEPS, 2, ELEMENTS)
    return _Probe(gradients, torch.from_numpy(weights))
