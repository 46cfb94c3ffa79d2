"""Reject rules that could not train anything, before any child is trained."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.language import Expression, simplify
from neuralopt.language.primitives import WHOLE
from neuralopt.machine import straight_line
from neuralopt.machine.probe import (
    Floats,
    Probe,
    kernel_values,
    rule_values,
    scalar_values,
)

STEPS, RUNS, ELEMENTS = 4, 2, 16
TOTAL_STEPS = 100
PROBE_SEED = 2017
ROUNDING = 1e-9
"""Relative difference of values of tensor scope that is taken for none."""

WITHOUT_GRADIENT = "does not use g"


def rejection(expression: Expression) -> str:
    """Return why a rule needs no training, or an empty text.

    A rule is rejected if it does not use g, if its value is the same for other
    gradients or the same for every element and step, or if it is not finite. Probes are
    float64, of moderate size (1e-3 to 1) and never exactly zero. A rule of tensor scope
    is probed as one for each kind of parameter.

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
    code = straight_line(canonical)
    given = _tensor_probe() if code.has_tensor_scope else _probe()
    return _objections(scalar_values(given, code)[np.newaxis])[0]


def rejections(expressions: Sequence[Expression]) -> list[str]:
    """Return the `rejection` of many rules, computed together.

    The kernels compute them if numba is installed. They take a hundredth of the time
    for each rule, and compile once.

    Args:
        expressions: the rules, in any form.

    Returns:
        The reason of each rule's rejection, in the same order; empty if it passes.
    """
    found: dict[Expression, str] = {}
    canonical = []
    for expression in expressions:
        simple = simplify(expression) if expression.contains("g") else expression
        canonical.append(simple)
        if simple.contains("g"):
            found[simple] = ""
    if found:
        for given, some in _divided(found):
            reasons = _objections(rule_values(given, some))
            found |= dict(zip(some, reasons, strict=True))
    return [found.get(each, WITHOUT_GRADIENT) for each in canonical]


def probed_values(expressions: Sequence[Expression]) -> Floats:
    """Return the values of rules on the probes, computed by the kernels.

    Args:
        expressions: canonical rules.

    Returns:
        float64 (rules, steps, runs, elements).

    Raises:
        ImportError: numba is not installed.
    """
    return kernel_values(_probe(), expressions)


def _objections(values: Floats) -> list[str]:
    """Return why rules are rejected, by their values (rules, steps, runs, elements)."""
    numbers = values.reshape(len(values), -1)
    finite = np.isfinite(numbers).all(axis=1)
    count, steps, probed, elements = values.shape
    # Sums over a tensor round in the order that they are taken in.
    slack = ROUNDING if probed > RUNS else 0.0
    constant = _equal(numbers, numbers[:, :1], slack).all(axis=1)
    runs = values.reshape(count, steps, RUNS, -1, elements)  # those of each kind
    alike = _equal(runs[:, :, 0], runs[:, :, 1], slack).all(axis=(1, 2, 3))
    reasons = np.full(len(values), "", object)
    reasons[alike] = "does not depend on the gradient"
    reasons[constant] = "is constant"
    reasons[~finite] = "is not finite"
    return list(reasons)


def _equal(one: Floats, other: Floats, slack: float) -> npt.NDArray[np.bool_]:
    """Whether numbers differ by no more than a share of them."""
    with np.errstate(invalid="ignore"):  # infinities
        far = np.abs(one - other) > slack * np.abs(other)
    same: npt.NDArray[np.bool_] = ~far if slack else one == other
    return same


def _divided(
    canonical: Iterable[Expression],
) -> Iterator[tuple[Probe, list[Expression]]]:
    """Yield the probe of rules of element scope, and of tensor scope, with them."""
    rules = list(canonical)
    whole = [each for each in rules if each.contains(*WHOLE)]
    plain = [each for each in rules if not each.contains(*WHOLE)]
    for given, some in ((_probe, plain), (_tensor_probe, whole)):
        if some:
            yield given(), some


@cache
def _tensor_probe() -> Probe:
    return _probe().of_every_kind()


@cache
def _probe() -> Probe:
    count = STEPS * RUNS * ELEMENTS
    sizes = 10.0 ** (-3 * counter_uniform(counter_key(PROBE_SEED, 1), count))
    signs = np.where(counter_uniform(counter_key(PROBE_SEED, 2), count) < 0.5, -1, 1)
    weights = 2 * counter_uniform(counter_key(PROBE_SEED, 3), ELEMENTS) - 1
    gradients = (sizes * signs).reshape(STEPS, RUNS, ELEMENTS)
    return Probe(gradients, weights, PROBE_SEED, TOTAL_STEPS)
