"""Match a template against a rule, both in canonical form.

A canonical form hides how it was built in a few ways, which are undone here: the order
of operands, signs moved outwards, and products of equal sides.
"""

from collections.abc import Iterator, Mapping

from neuralopt.language import PRIMITIVES, Expression, parse, simplify
from neuralopt.language.primitive import Law

Binding = Mapping[str, Expression]

VARIABLES = ("x", "y")
NOTHING_BOUND: Binding = {}
TWO, THREE = parse("2"), parse("3")


def unify(
    pattern: Expression, target: Expression, bound: Binding = NOTHING_BOUND
) -> Iterator[Binding]:
    """Find replacements of x and y with which `pattern` simplifies to `target`.

    The search is neither complete nor exact: some replacements are missed, and one that
    is found may be wrong. The caller checks them with `simplify`.

    Args:
        pattern: A template in canonical form.
        target: A rule in canonical form.
        bound: Variables that already have a replacement.

    Yields:
        The replacements, by variable.
    """
    if pattern.primitive in VARIABLES:
        known = bound.get(pattern.primitive)
        if known is None:
            yield {**bound, pattern.primitive: target}
        elif known == target:
            yield bound
    elif not pattern.contains(*VARIABLES):
        if pattern == target:
            yield bound
    else:
        for view in views(target):
            if view.primitive == pattern.primitive:
                yield from _unify_all(pattern.arguments, view.arguments, bound)


def _unify_all(
    patterns: tuple[Expression, ...], targets: tuple[Expression, ...], bound: Binding
) -> Iterator[Binding]:
    if not patterns:
        yield bound
        return
    for binding in unify(patterns[0], targets[0], bound):
        yield from _unify_all(patterns[1:], targets[1:], binding)


def views(target: Expression) -> Iterator[Expression]:
    """Enumerate expressions one step away that have this canonical form.

    Args:
        target: A rule in canonical form.

    Yields:
        The target itself, then the others.
    """
    for view in (target, *_other_signs(target), *_products(target)):
        yield view
        if Law.COMMUTATIVE in _laws(view):
            yield Expression(view.primitive, view.arguments[::-1])


def _products(target: Expression) -> Iterator[Expression]:
    """The products that `simplify` writes as this power."""
    if target.primitive == "power":
        base, exponent = target.arguments
        if exponent == TWO:
            yield Expression("multiply", (base, base))
        elif exponent == THREE:
            square = Expression("power", (base, TWO))
            yield Expression("multiply", (base, square))


def _other_signs(target: Expression) -> Iterator[Expression]:
    """The forms with the minus sign moved inwards."""
    if target.primitive == "subtract":
        left, right = target.arguments
        yield Expression("add", (left, negated(right)))
    elif target.primitive == "add":
        left, right = target.arguments
        yield Expression("subtract", (left, negated(right)))
        yield Expression("subtract", (right, negated(left)))
    elif target.primitive == "negative":
        inner = target.arguments[0]
        if inner.primitive == "add":
            left, right = inner.arguments
            yield Expression("add", (negated(left), negated(right)))
            yield Expression("subtract", (negated(left), right))
            yield Expression("subtract", (negated(right), left))
        elif Law.ODD in _laws(inner):
            first, *others = inner.arguments
            yield Expression(inner.primitive, (negated(first), *others))
            if inner.primitive in ("multiply", "divide"):
                yield Expression(inner.primitive, (first, negated(others[0])))


def negated(expression: Expression) -> Expression:
    """Return the canonical form of -x.

    Args:
        expression: The x of the formula.
    """
    return simplify(Expression("negative", (expression,)))


def _laws(expression: Expression) -> Law:
    primitive = PRIMITIVES.get(expression.primitive)
    return Law.NONE if primitive is None else primitive.laws
