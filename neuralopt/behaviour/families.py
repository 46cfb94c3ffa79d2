"""Families of rules: each a property that is measured, or read from the expression."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuralopt.behaviour.comparing import REGULAR, Directions
from neuralopt.behaviour.probes import (
    ELEMENTS,
    KINDS,
    SIZES,
    STEPS,
    probe,
    probe_of_other_weights,
    sums_of_squares,
    values_on,
)
from neuralopt.language import Expression, simplify
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine.bytecode import bytecode_of
from neuralopt.machine.probe import Floats

Flags = npt.NDArray[np.bool_]

FAMILIES: dict[str, str] = {
    "sign-like": "at every step, all updates that are not zero have one magnitude",
    "scale-invariant": "gradients 333 times as large give the same updates",
    "with memory": "it has a state, so the update depends on earlier gradients",
    "weight decay": "the update grows with the weight, which it shrinks",
    "weights": "it depends on the weight in another way",
    "random": "it draws random numbers",
    "schedule": "it depends on the length of the training, T or progress",
}
"""What is true of the rules of each family, in the order in which families are told."""

MAGNITUDES = 1e-6
"""Largest relative difference of magnitudes of a sign-like rule."""

INVARIANCE = 2e-2
"""Largest difference between sizes of a scale-invariant rule. RMSProp of the paper has
0.006 of it, since at first its 1e-8 is not negligible."""

SHRINKING = 0.5
"""When all weights are reversed, the change of the updates along the weights' signs is
at least this part of the whole change, for a rule with weight decay."""

DRAWS = frozenset(name for name, each in PRIMITIVES.items() if each.draw)


def families_of(
    expressions: Sequence[Expression],
    rows: Floats,
    directions: Directions,
    *,
    compiled: bool = True,
) -> list[tuple[str, ...]]:
    """Return the families of each rule.

    Args:
        expressions: the rules, in any form.
        rows: their updates, (rules, numbers).
        directions: of the updates.
        compiled: as for `probes.updates`.

    Returns:
        Names of `FAMILIES`, in its order, for each rule.
    """
    canonical = [simplify(expression) for expression in expressions]
    sign_like, invariant = _sign_like(rows), _scale_invariant(directions)
    weights = _weights(canonical, rows, compiled)
    found = []
    for number, expression in enumerate(canonical):
        has = {
            "sign-like": bool(sign_like[number]),
            "scale-invariant": bool(invariant[number]),
            "with memory": bytecode_of(expression).states > 0,
            weights[number]: True,
            "random": expression.contains(*DRAWS),
            "schedule": expression.contains("T", "progress"),
        }
        found.append(tuple(family for family in FAMILIES if has.get(family)))
    return found


def _sign_like(rows: Floats) -> Flags:
    """Whether the elements of each step have one magnitude, or are zero.

    Those of rare gradients are left out: where g is exactly zero, sign(g) + sign(m) is
    half as large as elsewhere.
    """
    steps = rows.reshape(len(rows), STEPS, len(SIZES), len(KINDS) * ELEMENTS)
    steps = steps[..., : KINDS.index("rare") * ELEMENTS]
    # Most rules are ruled out by their last step.
    chosen = np.flatnonzero(_one_magnitude(steps[:, -1:]))
    found = np.zeros(len(rows), np.bool_)
    if len(chosen):
        found[chosen] = _one_magnitude(steps[chosen])
    return found


def _one_magnitude(steps: Floats) -> Flags:
    """The same of (rules, steps, sizes, elements)."""
    magnitudes = abs(steps)
    largest = magnitudes.max(axis=3)
    smallest = np.where(magnitudes > 0, magnitudes, np.inf).min(axis=3)
    alike = (largest == 0) | (smallest >= (1 - MAGNITUDES) * largest)
    alike &= np.isfinite(largest)
    found: Flags = alike.all(axis=(1, 2)) & (largest > 0).any(axis=(1, 2))
    return found


def _scale_invariant(directions: Directions) -> Flags:
    """Whether updates are the same at all sizes of the gradient."""
    count = len(directions)
    sizes = directions.sizes.reshape(count, len(SIZES), len(KINDS))
    regular = (directions.kinds == REGULAR).all(axis=1)
    apart = abs(sizes - sizes[:, :1]).max(axis=(1, 2))
    chosen = np.flatnonzero(regular & (apart <= INVARIANCE))
    found = np.zeros(count, np.bool_)
    if len(chosen) == 0:
        return found
    units = directions.units[chosen]
    units = units.reshape(len(chosen), STEPS, len(SIZES), len(KINDS), ELEMENTS)
    change = units - units[:, :, :1]
    squared = sums_of_squares(change)
    found[chosen] = np.sqrt(squared.max(axis=1)) <= INVARIANCE
    return found


def _weights(
    canonical: Sequence[Expression], rows: Floats, compiled: bool
) -> list[str]:
    """How each rule depends on the weights: a family's name, or nothing."""
    using = [n for n, expression in enumerate(canonical) if expression.contains("w")]
    found = [""] * len(canonical)
    if not using:
        return found
    chosen = [canonical[n] for n in using]
    other = values_on(probe_of_other_weights(), chosen, compiled=compiled)
    size = len(SIZES), len(KINDS) * ELEMENTS
    here = rows.reshape(-1, STEPS, *size)[using, :, 0]
    with np.errstate(all="ignore"):
        change = here - other[:, :, 0]
        change /= abs(change).max(axis=1, keepdims=True)  # each element counts alike
    change[~np.isfinite(change)] = 0.0
    along = (change * np.sign(probe().weights)).sum(axis=(1, 2))
    total = abs(change).sum(axis=(1, 2))
    for number, share, all_of_it in zip(using, along, total, strict=True):
        if all_of_it > 0:
            decays = share >= SHRINKING * all_of_it
            found[number] = "weight decay" if decays else "weights"
    return found
