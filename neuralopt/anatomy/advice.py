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


@dataclass(frozen=True, slots=True)
class Advice:
    """Factors from AdamW's settings to those of a rule.

    Attributes:
        size: root mean square of the rule's updates where gradients are independent
            draws of N(0, 1) and weights are 0; None where it is 0 or not finite.
        adam_size: the same of Adam.
        by_formula: Adam's size over the rule's: the factor of the learning rate with
            which the steps have the same size on such gradients.
        measured: the rule's best rate over AdamW's on each task; None where one of them
            trains at no rate, and empty where nothing was trained.
    """

    size: float | None
    adam_size: float
    by_formula: float | None
    measured: tuple[float | None, ...] = ()

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
    mine, adam = update_size(rule), update_size(RULES[ADAM].expression)
    assert adam is not None
    by_formula = None if mine is None else adam / mine
    return Advice(mine, adam, by_formula, tuple(ratios(curves, adamw)))


def update_size(rule: Expression) -> float | None:
    """Return the root mean square of updates on gradients drawn from N(0, 1).

    Args:
        rule: in any form.

    Returns:
        A positive number; None where it is 0 or not finite. For Adam it is close to
        sqrt((1 - 0.9) / (1 + 0.9)) = 0.23.
    """
    normal = np.random.default_rng(SEED).standard_normal((STEPS, 1, ELEMENTS))
    given = Probe(normal, np.zeros(ELEMENTS), SEED, STEPS)
    values = rule_values(given, [simplify(rule)], compiled=False)[0][STEPS // 2 :]
    with np.errstate(all="ignore"):
        size = float(np.sqrt(np.square(values).mean()))
    return size if 0 < size < math.inf else None
