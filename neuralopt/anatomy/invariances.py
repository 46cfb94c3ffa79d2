"""How a rule's updates change with its inputs, computed on the fixed probes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neuralopt.behaviour.families import DRAWS, INVARIANCE
from neuralopt.behaviour.probes import SIZES, probe
from neuralopt.language import Expression, simplify
from neuralopt.language.primitives import WHOLE
from neuralopt.machine import straight_line
from neuralopt.machine.memory import (
    cost_text,
    memory_text,
    operations_per_parameter,
    values_per_parameter,
)
from neuralopt.machine.probe import Floats, Probe, rule_values

SCALES = (2.0**-3, 2.0**3)
"""Factors of gradients and weights: powers of two, so that scaling does not round."""

LARGEST = SIZES.index(max(SIZES))
"""Of the probes' sizes. At the others an epsilon of 1e-8 is not negligible at first."""

AVERAGES = ("ema", "trace", "peak")
"""Memories that forget by a factor a step."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How an update changes when its inputs are scaled by c.

    Attributes:
        power: p, if all updates are multiplied by c ** p; else None.
        deviation: largest difference of updates from the scaled ones, over the root
            mean square of the element's updates; infinite where it is not defined.
    """

    power: float | None
    deviation: float

    def __str__(self) -> str:
        if self.power is None:
            return "by no power of c"
        exact = "exactly" if self.deviation == 0 else f"to within {self.deviation:.1g}"
        power = f"{self.power:.3g}"
        return f"unchanged, {exact}" if power == "0" else f"times c ** {power}, {exact}"


@dataclass(frozen=True, slots=True)
class Invariances:
    """What is known of the inputs of a rule.

    Attributes:
        loss: updates when the loss, and so every gradient, is multiplied by c > 0.
        without_weights: whether `loss` is of the rule with all weights 0, as the part
            that depends on the weights does not scale with the gradient.
        sign: ``odd`` if gradients of the other sign give updates of the other sign,
            ``even`` if they give the same ones, else ``neither``. With weights, these
            change their sign too.
        stretched: steps of the parameter w when it is written as w = c * u and u is
            trained instead. A power of 0 is a rule that such a change of units, one for
            each parameter, does not affect; a rule of gradients only has one more than
            the power of `loss`.
        decay: k, where the weights add k * w to the update, such as 0.01 for AdamW; 0
            for a rule without weights; None where they act in another way.
        time: whether the update depends on the number of the step.
        length: whether it depends on the length of the training.
        random: whether it draws random numbers.
        memory: values kept per parameter, for the kind that needs most.
        memory_text: what is kept, in words, by kind where kinds differ.
        operations: arithmetic operations per parameter and step; equal subexpressions
            count once.
        cost: operations in words.
        tensor_scope: whether an update depends on all elements of a tensor, or on its
            kind.
        horizons: decay and time constant 1 / (1 - decay), in steps, of each memory that
            forgets at a constant rate, the longest first.
    """

    loss: Scaling
    without_weights: bool
    sign: str
    stretched: Scaling
    decay: float | None
    time: bool
    length: bool
    random: bool
    memory: int
    memory_text: str
    operations: int
    cost: str
    tensor_scope: bool
    horizons: tuple[tuple[float, float], ...]


def invariances_of(rule: Expression) -> Invariances:
    """Return how a rule's updates change with its inputs.

    A rule of element scope treats each parameter by itself, so permuting the parameters
    permutes the updates (random draws apart): that needs no measurement. A rule of
    tensor scope is measured as one of each kind of parameter, matrices of (4, 9) and a
    vector of 36.

    Args:
        rule: in any form.

    Returns:
        The facts. Those of scalings and signs are measured on the probes, and hold for
        gradients of 0.01 to 4, where an epsilon of 1e-8 is negligible.
    """
    canonical = simplify(rule)
    code = straight_line(canonical)
    decay = _decay(canonical) if canonical.contains("w") else 0.0
    loss, apart = _scaling(canonical), False
    if decay or (decay is None and loss.power is None):
        bare = _scaling(canonical, weights=0.0)
        if bare.power is not None:
            loss, apart = bare, True
    return Invariances(
        loss,
        apart,
        _sign(canonical),
        _stretched(canonical),
        decay,
        canonical.contains("t", "T", "progress"),
        code.needs_total_steps,
        canonical.contains(*DRAWS),
        values_per_parameter(canonical),
        memory_text(canonical),
        operations_per_parameter(canonical),
        cost_text(canonical),
        code.has_tensor_scope,
        _horizons(canonical),
    )


def _values(
    rule: Expression, gradients: float = 1.0, weights: float = 1.0, loss: float = 1.0
) -> Floats:
    """Updates on the probes, scaled: (steps, runs x elements)."""
    given = probe()
    scaled = Probe(
        given.gradients[:, LARGEST:] * gradients,
        given.weights * weights,
        given.seed,
        given.total_steps,
        given.loss * loss,
    )
    if rule.contains(*WHOLE):
        scaled = scaled.of_every_kind()
    values = rule_values(scaled, [rule], compiled=False)[0]
    rows: Floats = values.reshape(len(values), -1)
    return rows


def _scaling(rule: Expression, weights: float = 1.0) -> Scaling:
    """Updates at a loss, and so gradients, times c."""
    base = _values(rule, weights=weights)
    return _power(
        base, [(scale, _values(rule, scale, weights, scale)) for scale in SCALES]
    )


def _stretched(rule: Expression) -> Scaling:
    """Steps in w = c u: the gradient of u is c g, and w moves by c times u's step."""
    return _power(
        _values(rule),
        [(scale, scale * _values(rule, scale, 1 / scale)) for scale in SCALES],
    )


def _power(base: Floats, scaled: list[tuple[float, Floats]]) -> Scaling:
    """The power of the scale that updates are multiplied by, if there is one."""
    finite = np.isfinite(base)
    if any((np.isfinite(values) != finite).any() for _, values in scaled):
        return Scaling(None, math.inf)
    # A gradient of 0 may give an update that is not finite, at every scale.
    base = np.where(finite, base, 0.0)
    scaled = [(scale, np.where(finite, values, 0.0)) for scale, values in scaled]
    powers, deviation = [], 0.0
    for scale, values in scaled:
        with np.errstate(all="ignore"):
            ratios = values / base
        ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
        if len(ratios) == 0:
            return Scaling(None, math.inf)
        powers.append(float(np.median(np.log(ratios)) / math.log(scale)))
    power = round(sum(powers) / len(powers), 3) + 0.0
    for scale, values in scaled:
        deviation = max(deviation, _gap(values / scale**power, base))
    return Scaling(power if deviation <= INVARIANCE else None, deviation)


def _gap(values: Floats, base: Floats) -> float:
    """Largest difference, over the size of the updates of each element."""
    sizes = np.sqrt(np.square(base).mean(axis=0))
    gap = abs(values - base).max(axis=0) / np.where(sizes > 0, sizes, 1.0)
    return float(gap.max())


def _sign(rule: Expression) -> str:
    base, turned = _values(rule), _values(rule, -1.0, -1.0)
    if np.array_equal(turned, -base, equal_nan=True):
        return "odd"
    return "even" if np.array_equal(turned, base, equal_nan=True) else "neither"


def _decay(rule: Expression) -> float | None:
    """The k of k * w in an update, if that is all that the weights do."""
    base = _values(rule)
    weights = np.resize(probe().weights, base.shape[1])
    slopes = (base - _values(rule, weights=0.0)) / weights
    more = (_values(rule, weights=2.0) - _values(rule, weights=0.0)) / (2.0 * weights)
    if not np.isfinite(slopes).all():
        return None
    middle = float(np.median(slopes))
    apart = max(abs(slopes - middle).max(), abs(more - middle).max())
    return float(f"{middle:.6g}") if apart <= 1e-6 * max(abs(middle), 1e-6) else None


def _horizons(rule: Expression) -> tuple[tuple[float, float], ...]:
    decays = {
        decay
        for node in _nodes(rule)
        if node.primitive in AVERAGES
        and (decay := node.arguments[1].value) is not None
        and 0 < decay < 1
    }
    return tuple(
        (each, float(f"{1 / (1 - each):.6g}")) for each in sorted(decays, reverse=True)
    )


def _nodes(rule: Expression) -> Iterator[Expression]:
    yield rule
    for argument in rule.arguments:
        yield from _nodes(argument)
