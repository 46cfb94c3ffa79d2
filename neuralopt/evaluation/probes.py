"""What can be said of a rule before any child is trained.

Knows a few made-up gradients; refuses to know tasks. A rule that is found wanting here
could not have trained anything: it is rejected, with the reason.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.language import Expression
from neuralopt.optimizer import Program, compile_rule
from neuralopt.optimizer.draws import draw

STEPS, ELEMENTS = 4, 16
TOTAL_STEPS = 100
PROBE_SEED = 2017


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
    if not expression.contains("g"):
        return "does not use g"
    program = compile_rule(expression)
    if not program.expression.contains("g"):
        return "does not use g"
    values = _values(program)
    if not values.isfinite().all():
        return "is not finite"
    if (values == values[0, 0, 0]).all():
        return "is constant"
    if (values[:, 0] == values[:, 1]).all():
        return "does not depend on the gradient"
    return ""


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
