"""Names for what rules do, by comparison with the named rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from neuralopt.behaviour.comparing import (
    REGULAR,
    TOLERANCE,
    Directions,
    differences,
    directions_of,
    similarity,
)
from neuralopt.behaviour.description import Behaviour
from neuralopt.behaviour.families import families_of
from neuralopt.behaviour.probes import COLUMNS, RUNS, STEPS, updates
from neuralopt.language import RULES, Expression, simplify
from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.machine.probe import Floats

SAME = 1e-4
"""A rule with no larger difference from a named rule is that rule in disguise."""

EQUALLY_CLOSE = 5e-3
"""Differences and similarities that are not told apart: the plainer name is taken."""

BLOCK = 32
"""Rules in one product of matrices: small enough for OpenBLAS to use one thread, which
on cores that train is several times as fast as all threads."""

SLACK = 2e-4
"""More than float32 and rounding to four digits can change a similarity by."""


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The named rules, plainest first.

    Rules that are words of the language come first (adam, rmsprop); then the rule whose
    canonical form has fewer nodes is plainer; of equal ones, that with the shorter
    name; then, that which comes first in `RULES`.

    Attributes:
        names: of all rules of `RULES`.
        directions: of their updates.
        transposed: float32 (steps, columns, rules), their units.
    """

    names: tuple[str, ...]
    directions: Directions
    transposed: npt.NDArray[np.float32]


@cache
def named_rules() -> Names:
    """Return the named rules with their updates on the probes.

    Computed once, in some tenths of a second, without the kernels: one rule is named
    sooner than they load.
    """
    canonical = {name: simplify(rule.expression) for name, rule in RULES.items()}
    order = sorted(
        canonical,
        key=lambda name: (name not in ABBREVIATIONS, canonical[name].size, len(name)),
    )
    directions = directions_of(
        updates([canonical[name] for name in order], compiled=False)
    )
    transposed = np.ascontiguousarray(directions.units.T, np.float32)
    transposed = transposed.reshape(STEPS, COLUMNS, len(order))
    return Names(tuple(order), directions, transposed)


def similarities(directions: Directions) -> npt.NDArray[np.float32]:
    """Return the similarity of each rule to each named rule, in float32.

    Args:
        directions: of the rules.

    Returns:
        float32 (rules, named rules), plainest first; off by at most 1e-5.
    """
    known = named_rules().transposed
    units = directions.units.astype(np.float32).reshape(-1, STEPS, COLUMNS)
    found = np.zeros((len(units), known.shape[2]), np.float32)
    for start in range(0, len(units), BLOCK):
        block = slice(start, start + BLOCK)
        for step in range(STEPS):
            found[block] += units[block, step] @ known[step]
    return found / np.float32(RUNS)


def name(expression: Expression) -> Behaviour:
    """Return the behaviour of one rule, without the kernels.

    Args:
        expression: the rule, in any form.

    Returns:
        The named rule that it equals or resembles, and its families.

    Example:
        >>> from neuralopt.language import parse
        >>> name(parse("clip(sign(m), 0.001)")).nearest
        'signum'
    """
    rows = updates([expression], compiled=False)
    directions = directions_of(rows)
    families = families_of([expression], rows, directions, compiled=False)
    return _behaviours(directions, families)[0]


def names(expressions: Sequence[Expression]) -> list[Behaviour]:
    """Return the behaviour of each rule.

    Named rules that a rule is the same as, up to a difference of 1e-4, come first; then
    those that it equals with the smallest difference, or one at most 0.005 larger; then
    those with the highest similarity, or one at most 0.005 lower. Of several, the
    plainest is taken (`Names`).

    Args:
        expressions: the rules, in any form.

    Returns:
        A behaviour for each, in the same order. It does not depend on the others.
    """
    if not expressions:
        return []
    return behaviours(expressions, updates(expressions))


def behaviours(
    expressions: Sequence[Expression],
    rows: Floats,
    directions: Directions | None = None,
) -> list[Behaviour]:
    """Return the behaviour of rules whose updates are known.

    Args:
        expressions: the rules, in any form, at least one.
        rows: their updates, (rules, numbers).
        directions: of the updates, if they are known too.

    Returns:
        A behaviour for each, in the same order.
    """
    if directions is None:
        directions = directions_of(rows)
    return _behaviours(directions, families_of(expressions, rows, directions))


def _behaviours(
    directions: Directions, families: Sequence[tuple[str, ...]]
) -> list[Behaviour]:
    near = similarities(directions)
    return [
        _behaviour(directions.row(i), near[i], each) for i, each in enumerate(families)
    ]


def _behaviour(
    rule: Directions, near: npt.NDArray[np.float32], families: tuple[str, ...]
) -> Behaviour:
    if not (rule.kinds == REGULAR).any():
        return Behaviour("", 0.0, False, families)
    known, place = named_rules(), _equal(rule, near)
    if place is not None:
        exact = similarity(rule, known.directions.row(place))
        return Behaviour(known.names[place], exact, True, families)
    candidates = np.flatnonzero(near >= near.max() - EQUALLY_CLOSE - SLACK).tolist()
    found = [similarity(rule, known.directions.row(place)) for place in candidates]
    enough = max(found) - EQUALLY_CLOSE
    first = next(i for i, each in enumerate(found) if each >= enough)
    return Behaviour(known.names[candidates[first]], found[first], False, families)


def _equal(rule: Directions, near: npt.NDArray[np.float32]) -> int | None:
    """The place of the named rule that a rule equals, if there is one.

    near: its similarities to the named rules.
    """
    # Equal rules have a cosine of at least 1 - TOLERANCE^2 / 2 in every run.
    candidates = np.flatnonzero(near >= 1 - TOLERANCE**2 / 2 - SLACK)
    if len(candidates) == 0:
        return None
    found = differences(rule, named_rules().directions.rows(candidates))
    nearest = float(found.min())
    if nearest > TOLERANCE:
        return None
    limit = SAME if nearest <= SAME else min(TOLERANCE, nearest + EQUALLY_CLOSE)
    return int(candidates[np.flatnonzero(found <= limit)[0]])
