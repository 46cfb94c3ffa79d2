"""The variants of a rule in which one operation is missing or one operand is another.

`neuralopt.pruning.candidates` makes rules that are smaller. A variant here says which
part it changes, opens abbreviations, and may be larger.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from neuralopt.behaviour.comparing import TOLERANCE, differences, directions_of
from neuralopt.behaviour.probes import updates
from neuralopt.language import Expression, parse, render, simplify
from neuralopt.pruning.candidates import ONE, is_epsilon_sum, is_rule, with_argument
from neuralopt.scoring.probes import rejections

GRADIENT = parse("g")

WHOLE = "the rule"
"""Text of a part that is the whole rule."""

MOST = 32
"""Variants of one rule that are trained; those that remove an operation go first."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A rule in which one part is another.

    Attributes:
        part: the part of the rule that is changed, as text; `WHOLE` for all of it.
        instead: what is in its place, as text.
        removed: whether one of the part's own operands is in its place.
        rule: the whole variant, canonical.
    """

    part: str
    instead: str
    removed: bool
    rule: Expression

    def __str__(self) -> str:
        return f"{self.part} -> {self.instead}"


@dataclass(frozen=True, slots=True)
class Variants:
    """The variants of one rule.

    Attributes:
        distinct: that differ from the rule and from each other in behaviour.
        alike: whose updates on the probes are the rule's, up to a positive factor and a
            tolerance of 1%: training would tell them apart by noise only.
        left_out: how many further ones there are.
    """

    distinct: tuple[Variant, ...]
    alike: tuple[Variant, ...]
    left_out: int


def variants_of(rule: Expression, most: int = MOST) -> Variants:
    """Return the variants of a rule.

    Every operation is removed, so that an operand takes its place, and every operand
    that depends on the gradient is replaced by 1, by its sign and by the gradient.
    Epsilons of divisors are kept.

    Args:
        rule: in any form.
        most: distinct variants to return.

    Returns:
        Variants that the probes of a search accept, removals first, from the outside
        of the rule to the inside.
    """
    canonical = simplify(rule)
    found: dict[Expression, Variant] = {}
    changes = [*_whole(canonical), *_changes(canonical)]
    for part, instead, removed, whole in sorted(changes, key=lambda each: not each[2]):
        variant = simplify(whole)
        if variant not in (canonical, *found) and is_rule(variant):
            named = WHOLE if part == canonical else render(part)
            made = Variant(named, render(instead), removed, variant)
            found[variant] = made
    reasons = rejections(list(found)) if found else []
    kept = [each for each, why in zip(found.values(), reasons, strict=True) if not why]
    distinct, alike = _sorted_by_behaviour(canonical, kept)
    return Variants(tuple(distinct[:most]), tuple(alike), len(distinct[most:]))


_Change = tuple[Expression, Expression, bool, Expression]
"""A part, what is in its place, whether that is an operand of it, and the whole."""


def _whole(rule: Expression) -> Iterator[_Change]:
    """The rule as a whole replaced by plain gradient descent, and by its sign."""
    for other in (GRADIENT, Expression("sign", (rule,))):
        yield rule, other, False, other


def _changes(node: Expression) -> Iterator[_Change]:
    """Every change of one part inside of a node, outermost first."""
    varying = [index for index, each in enumerate(node.arguments) if not each.is_scalar]
    for index in varying:
        divisor = node.primitive == "divide" and index == 1
        operand, inner = node.arguments[index], node.arguments[index]
        if is_epsilon_sum(node, index):
            inner = operand.arguments[0]

        def around(
            changed: Expression,
            index: int = index,
            operand: Expression = operand,
            wrapped: bool = inner is not operand,
        ) -> Expression:
            inside = with_argument(operand, 0, changed) if wrapped else changed
            return with_argument(node, index, inside)

        if not divisor:
            yield node, operand, True, operand
        if inner.contains("g"):
            others = ONE, Expression("sign", (inner,)), GRADIENT
            for other in others[: 2 if divisor else 3]:
                yield inner, other, False, around(other)
        for part, instead, removed, whole in _changes(inner):
            yield part, instead, removed, around(whole)


def _sorted_by_behaviour(
    rule: Expression, variants: list[Variant]
) -> tuple[list[Variant], list[Variant]]:
    """Those that behave in ways of their own, and those that behave like the rule."""
    directions = directions_of(updates([rule, *(each.rule for each in variants)]))
    distinct: list[Variant] = []
    alike: list[Variant] = []
    taken = [0]
    for place, variant in enumerate(variants, start=1):
        gaps = [
            float(differences(directions.row(place), directions.row(other))[0])
            for other in taken
        ]
        if gaps[0] <= TOLERANCE:
            alike.append(variant)
        elif min(gaps) > TOLERANCE:
            distinct.append(variant)
            taken.append(place)
    return distinct, alike
