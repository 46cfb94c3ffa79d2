"""Unification of a template with a rule, both in canonical form.

Knows the few ways in which a canonical form hides how it was built: order of operands,
signs moved outwards, products of equal sides; refuses to know spaces and decisions.
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
    """Ways to replace x and y in `pattern` so that it simplifies to `target`.

    bound: variables that are replaced already. Not every way is found, and one that is
    found may fail: the caller checks with simplify.
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
    """The target and what else has it as its canonical form, one step away."""
    for view in (target, *_other_signs(target), *_products(target)):
        yield view
        if Law.COMMUTATIVE in _laws(view):
            yield Expression(view.primitive, view.arguments[::-1])


def _products(target: Expression) -> Iterator[Expression]:
    """The products that a power stands for."""
    if target.primitive == "power":
        base, exponent = target.arguments
        if exponent == TWO:
            yield Expression("multiply", (base, base))
        elif exponent == THREE:
            square = Expression("power", (base, TWO))
            yield Expression("multiply", (base, square))


def _other_signs(target: Expression) -> Iterator[Expression]:
    """The forms in which a sign stands further in."""
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
    """The canonical form of -x."""
    return simplify(Expression("negative", (expression,)))


def _laws(expression: Expression) -> Law:
    primitive = PRIMITIVES.get(expression.primitive)
    return Law.NONE if primitive is None else primitive.laws
