"""How to set rate and weight decay for a user who comes from AdamW."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from neuralopt.anatomy.rates import RateCurve, ratios
from neuralopt.language import RULES, Expression, simplify
from neuralopt.machine.probe import Probe, rule_values

ADAM, ADAMW = "adam", "adamw"

STEPS, ELEMENTS = 240, 64
"""Of the gradients that sizes of updates are measured on; the second half counts."""

SEED = 2019

SMALL_WEIGHTS = (1e-2, 1e-4)
SAME_SIZE = 1e-2
"""Sizes of weights, and the relative difference up to which updates have one size."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Factors from AdamW's settings to those of a rule.

    Attributes:
        size: root mean square of the rule's updates where gradients are independent
            draws of N(0, 1) and weights are 0; None where it is 0, not finite or
            dependent on the size of the weights.
        adam_size: the same of Adam.
        by_formula: Adam's size over the rule's: the factor of the learning rate with
            which the steps have the same size on such gradients.
        measured: the rule's best rate over AdamW's on each task; None where one of them
            trains at no rate, and empty where nothing was trained.
        of_weights: whether the size of updates depends on that of the weights.
    """

    size: float | None
    adam_size: float
    by_formula: float | None
    measured: tuple[float | None, ...] = ()
    of_weights: bool = False

    @property
    def factor(self) -> float | None:
        """Geometric mean of the measured factors; by formula if there is none."""
        known = [each for each in self.measured if each is not None]
        if not known:
            return self.by_formula
        return math.exp(fmean(map(math.log, known)))


def advice_for(
    rule: Expression,
    curves: Sequence[RateCurve] = (),
    adamw: Sequence[RateCurve] = (),
) -> Advice:
    """Return factors from AdamW's settings to those of a rule.

    Args:
        rule: in any form.
        curves: of the rule, one a task; empty where nothing was trained.
        adamw: of AdamW, on the same tasks.

    Returns:
        The factors. With a rate times f, the weight decay of AdamW is divided by f, so
        that the product of rate and decay is what it was.
    """
    of_weights = depends_on_weights(rule)
    mine = None if of_weights else update_size(rule)
    adam = update_size(RULES[ADAM].expression)
    assert adam is not None
    by_formula = None if mine is None else adam / mine
    return Advice(mine, adam, by_formula, tuple(ratios(curves, adamw)), of_weights)


def update_size(rule: Expression) -> float | None:
    """Return the root mean square of updates on gradients drawn from N(0, 1).

    Args:
        rule: in any form.

    Returns:
        A positive number, at weights of 0; None where it is 0 or not finite. For Adam
        it is close to sqrt((1 - 0.9) / (1 + 0.9)) = 0.23.
    """
    size = _size(rule, 0.0)
    return size if 0 < size < math.inf else None


def depends_on_weights(rule: Expression) -> bool:
    """Return whether updates grow or shrink with the weights, as those of LARS do.

    Args:
        rule: in any form.

    Returns:
        Whether the root mean squares of its updates at two sizes of small weights
        differ. An added weight decay is too small there to count.
    """
    if not simplify(rule).contains("w"):
        return False
    one, other = (_size(rule, scale) for scale in SMALL_WEIGHTS)
    return not math.isclose(one, other, rel_tol=SAME_SIZE)


def _size(rule: Expression, scale: float) -> float:
    """The root mean square of updates at weights drawn from N(0, scale ** 2)."""
    random = np.random.default_rng(SEED)
    normal = random.standard_normal((STEPS, 1, ELEMENTS))
    given = Probe(normal, scale * random.standard_normal(ELEMENTS), SEED, STEPS)
    values = rule_values(given, [simplify(rule)], compiled=False)[0][STEPS // 2 :]
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.square(values).mean()))
