"""Abbreviations put back into a rule: what a person sees of it, and its size."""

from collections.abc import Mapping
from functools import cache

from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.language.expression import Expression
from neuralopt.language.grammar import body_of
from neuralopt.language.notation import shown_arguments
from neuralopt.language.parser import parse
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.language.simplify import simplify


def fold(expression: Expression) -> Expression:
    """The tree with abbreviations in place of what they stand for.

    Args:
        expression: a rule.

    Returns:
        A tree in which names of abbreviations are nodes; it is there to be printed or
        counted. Its text parses to a rule of the same canonical form.

    Example:
        >>> str(fold(parse("ema(g, 0.9) * exp(g)")))
        'm * exp(g)'
    """
    return abbreviation_of(expression) or Expression(
        expression.primitive, tuple(map(fold, expression.arguments)), expression.value
    )


def size_of(rule: Expression) -> int:
    """The size of a rule: nodes of its canonical form, abbreviations folded.

    Every operation, number and name counts 1, and so does an abbreviation, such as
    ``m`` or ``adam``. Arguments that are left out of the text because they have their
    default value do not count.

    Args:
        rule: in any form.

    Returns:
        1 or more.

    Example:
        >>> size_of(parse("g * sign(m)")), size_of(parse("adam"))
        (4, 1)
    """
    return _shown_nodes(fold(simplify(rule)))


def abbreviation_of(expression: Expression) -> Expression | None:
    """The abbreviation that stands for a whole expression.

    Args:
        expression: a rule or a part of one.

    Returns:
        A node of the abbreviation's name with its arguments, folded; None if there is
        no such abbreviation.
    """
    if expression.value is not None:
        return None
    if name := _plain_abbreviations().get(expression):
        return Expression(name)
    for abbreviation in ABBREVIATIONS.values():
        if abbreviation.parameters:
            found: dict[str, Expression] = {}
            if _match(body_of(abbreviation), expression, found):
                values = [found[each.name] for each in abbreviation.parameters]
                if all(value.is_scalar for value in values):
                    return Expression(abbreviation.name, tuple(map(fold, values)))
    return None


def _shown_nodes(folded: Expression) -> int:
    shown = folded.arguments[: shown_arguments(folded)]
    return 1 + sum(map(_shown_nodes, shown))


@cache
def _plain_abbreviations() -> Mapping[Expression, str]:
    """Expansions to names; written, canonical and default-argument forms."""
    names: dict[Expression, str] = {}
    for abbreviation in ABBREVIATIONS.values():
        expanded = parse(abbreviation.name)
        names[expanded] = abbreviation.name
        names.setdefault(simplify(expanded), abbreviation.name)
    return names


def _match(
    pattern: Expression, expression: Expression, found: dict[str, Expression]
) -> bool:
    """Whether the pattern, its variables filled in, is the expression."""
    if pattern.primitive not in PRIMITIVES:
        return found.setdefault(pattern.primitive, expression) == expression
    return (
        pattern.primitive == expression.primitive
        and pattern.value == expression.value
        and all(
            _match(one, other, found)
            for one, other in zip(pattern.arguments, expression.arguments, strict=True)
        )
    )
