"""Say what changed between two rules, by the smallest parts that differ."""

from __future__ import annotations

from neuralopt.language import Expression, parse
from neuralopt.language.folding import fold
from neuralopt.language.primitive import Law
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.views.labels import shortened

PLACE = "…"
"""Stands for the part that both rules have."""

WIDTH = 24
"""Characters of each side."""


def change_of(before: str, after: str) -> str:
    """Return what differs between two rules.

    Args:
        before: rule text.
        after: rule text.

    Returns:
        The smallest part that differs, old and new; where one part contains the other
        one, only what is around it. "" where the rules differ as a whole or not at all,
        or can't be read.

    Example:
        >>> change_of("g * exp(m)", "g * sign(m)")
        'exp(m) → sign(m)'
        >>> change_of("g * exp(m)", "sign(g * exp(m))")
        '… → sign(…)'
        >>> change_of("g + exp(m * g)", "g + tanh(m * g)")
        'exp(…) → tanh(…)'
    """
    try:
        one, other = fold(parse(before)), fold(parse(after))
    except ValueError:
        return ""
    old, new = _difference(one, other)
    if old == new:
        return ""
    if (around := _around(new, old)) is not None:
        return f"{PLACE} → {shortened(around, WIDTH)}"
    if (around := _around(old, new)) is not None:
        return f"{shortened(around, WIDTH)} → {PLACE}"
    shared = [a for a in old.arguments if a.size > 1 and a in new.arguments]
    if shared:
        part = max(shared, key=lambda each: each.size)
        old, new = _marked(old, part), _marked(new, part)
    elif old == one:
        return ""
    return f"{shortened(str(old), WIDTH)} → {shortened(str(new), WIDTH)}"


def _difference(one: Expression, other: Expression) -> tuple[Expression, Expression]:
    """The smallest parts of two trees outside which they are equal."""
    if one.primitive != other.primitive or one.value != other.value:
        return one, other
    mine, yours = list(one.arguments), list(other.arguments)
    if len(mine) != len(yours):
        return one, other
    if _commutes(one) and len(mine) == 2 and (mine[0], mine[1]) != tuple(yours):
        if mine[0] == yours[1] or mine[1] == yours[0]:
            yours.reverse()
    differ = [(a, b) for a, b in zip(mine, yours, strict=True) if a != b]
    if len(differ) != 1:
        return one, other
    return _difference(*differ[0])


def _commutes(expression: Expression) -> bool:
    known = PRIMITIVES.get(expression.primitive)
    return known is not None and Law.COMMUTATIVE in known.laws


def _around(whole: Expression, part: Expression) -> str | None:
    """A rule with one part of it left open; None if it hasn't the part."""
    marked = _marked(whole, part)
    return None if marked is whole else str(marked)


def _marked(whole: Expression, part: Expression) -> Expression:
    if whole == part:
        return Expression(PLACE)
    for place, argument in enumerate(whole.arguments):
        marked = _marked(argument, part)
        if marked is not argument:
            arguments = list(whole.arguments)
            arguments[place] = marked
            return Expression(whole.primitive, tuple(arguments), whole.value)
    return whole
