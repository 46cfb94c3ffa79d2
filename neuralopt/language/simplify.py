"""Canonical form: one spelling for rules that are the same function.

Only those identities are used that floating-point arithmetic obeys exactly, to the last
bit of every finite value. So two rules with one canonical form train alike on every
engine, and can share a score.

Left out for that reason: associativity (a + b + c rounds differently in another
order), x - x = 0 and x / x = 1 (false for infinities and zeros), sqrt(x ** 2) = abs(x)
(underflow), exp(a) * exp(b) = exp(a + b) (rounding).

Some laws hold up to the sign of a zero: -(a - b) = b - a. Only a division can tell -0
from 0, so these laws are not used where a zero's sign can reach one: such a place is
called delicate.
"""

import math
from collections.abc import Callable

from neuralopt.language.definitions import formula_of, scalar_value
from neuralopt.language.expression import Expression, bits_of, call, constant
from neuralopt.language.primitive import Law, SignOfZero
from neuralopt.language.primitives import PRIMITIVES, obeying

ONE, TWO, THREE = constant(1.0), constant(2.0), constant(3.0)
UPDATE = bits_of(["update"])
DRAWS = frozenset(name for name, each in PRIMITIVES.items() if each.draw)
DIVIDING = bits_of(name for name, each in PRIMITIVES.items() if each.divides)
CONDITIONAL = frozenset({"power", "add", "subtract", "fold"})
"""Primitives in which it depends on the other arguments how delicate one of them is."""

EXACT, EVEN, ODD = obeying(Law.EXACT), obeying(Law.EVEN), obeying(Law.ODD)
NONNEGATIVE, IDEMPOTENT = obeying(Law.NONNEGATIVE), obeying(Law.IDEMPOTENT)
COMMUTATIVE, REDEFINED = obeying(Law.COMMUTATIVE), obeying(Law.REDEFINED)

MAXIMUM_PASSES = 20
MAXIMUM_KNOWN = 1 << 16
"""Results that are cached for places of either kind: rules share many parts."""

Rewrite = Callable[[Expression, bool], Expression | None]


def simplify(expression: Expression) -> Expression:
    """The canonical form of a rule.

    ``square``, ``cube``, ``reciprocal`` and ``debiased`` are written out, operands of
    commuting operations sorted, signs moved outwards, exactly rounded operations on
    constants done.

    Args:
        expression: a rule, or a template with free variables.

    Returns:
        An expression that has the same float64 value wherever the rule is finite (0.0
        and -0.0 taken as equal). The canonical form of a canonical form is itself.

    Example:
        >>> from neuralopt.language.parser import parse
        >>> print(simplify(parse("-(g * 1) * sign(-m)")))
        g * sign(ema(g, 0.9))
    """
    for _ in range(MAXIMUM_PASSES):
        # What is delicate depends on neighbours, which a pass may have changed.
        delicate = expression.contains_bits(UPDATE) and _has_division(expression)
        simpler = _simplify(expression, delicate)
        if simpler is expression or simpler == expression:
            break
        expression = simpler
    return expression


def _simplify(expression: Expression, delicate: bool) -> Expression:
    """delicate: whether the sign of a zero can reach a division from here."""
    if not expression.arguments:
        return expression
    known = _known[delicate]
    found = known.get(expression)
    if found is None:
        found = _rewritten(expression, delicate)
        if len(known) >= MAXIMUM_KNOWN:
            known.clear()
        known[expression] = found
    return found


_known: tuple[dict[Expression, Expression], dict[Expression, Expression]] = ({}, {})
"""What `_simplify` returned, in places that are not delicate and in those that are."""


def _rewritten(expression: Expression, delicate: bool) -> Expression:
    contexts = _contexts(expression, delicate)
    given = expression.arguments
    arguments = tuple(map(_simplify, given, contexts))
    node = expression
    for one, other in zip(arguments, given, strict=True):
        if one is not other:
            node = Expression(expression.primitive, arguments)
            break
    for rewrite in REWRITES_OF[expression.primitive]:
        changed = rewrite(node, delicate)
        if changed is not None:
            return _simplify(changed, delicate)
    if node is not expression and _contexts(node, delicate) != contexts:
        return node
    for each, context in zip(arguments, contexts, strict=True):
        if each.arguments and _known[context].get(each) is not each:
            return node
    _known[delicate][node] = node  # nothing is left to do: the next pass sees it
    return node


def _contexts(expression: Expression, delicate: bool) -> tuple[bool, ...]:
    """For each argument: can the sign of its zero reach a division?"""
    name, arguments = expression.primitive, expression.arguments
    fixed = _CONTEXTS.get(name)
    if fixed is not None:
        return fixed[delicate]
    if name == "fold":
        return (delicate or _has_division(arguments[0]),)
    if name == "power":
        exponent = arguments[1].value
        odd = exponent is None or exponent % 2 == 1
        return odd and (delicate or exponent is None or exponent < 0), delicate
    left, right = arguments  # of a sum
    return (
        delicate and not _nonzero_constant(right),
        delicate and not _nonzero_constant(left),
    )


def _fixed_contexts(name: str, delicate: bool) -> tuple[bool, ...]:
    """The contexts of a primitive for which they depend on nothing else."""
    places = range(PRIMITIVES[name].arity)
    if name in DRAWS:  # one draw must not become two in different places
        return (True,) * len(places)
    signs = [_sign_of_zero(name, place) for place in places]
    return tuple(each == "read" or (delicate and each != "lost") for each in signs)


def _sign_of_zero(name: str, index: int) -> SignOfZero:
    given = PRIMITIVES[name].sign_of_zero
    return given[index] if index < len(given) else "kept"


_CONTEXTS = {
    name: (_fixed_contexts(name, delicate=False), _fixed_contexts(name, delicate=True))
    for name in PRIMITIVES.keys() - CONDITIONAL
}


def _has_division(expression: Expression) -> bool:
    return expression.contains_bits(DIVIDING)


def _nonzero_constant(expression: Expression) -> bool:
    return expression.value is not None and expression.value != 0


# Rewrites: each takes a node whose arguments are canonical and returns an equal one,
# nearer to the canonical form, or None. The first that applies is used.


def _expand(node: Expression, delicate: bool) -> Expression | None:
    """Definitions of the table, and spellings of powers."""
    name = node.primitive
    if name in REDEFINED:
        return formula_of(name).substitute(PRIMITIVES[name].bind(node.arguments))
    if name == "multiply":
        left, right = node.arguments
        if left == right and not left.is_constant:
            return call("power", left, TWO)
        if left.primitive == "power" and left.arguments == (right, TWO):
            return call("power", right, THREE)
        if right.primitive == "power" and right.arguments == (left, TWO):
            return call("power", left, THREE)
    if name == "pow":
        base, exponent = node.arguments
        positive = base.is_closed_constant and scalar_value(base) > 0
        if positive and not (exponent.is_closed_constant):
            return call("power", base, exponent)
        if exponent == ONE:
            return call("abs", base)
    return None


def _fold_constants(node: Expression, delicate: bool) -> Expression | None:
    """Operations on numbers that every implementation rounds alike."""
    for each in node.arguments:
        if each.value is None:
            return None
    exact_at = PRIMITIVES[node.primitive].exact_at
    if exact_at is not None:
        argument, value = exact_at
        return constant(value) if node.arguments[0] == constant(argument) else None
    if node.primitive == "power" and node.arguments[1] not in (TWO, THREE):
        return None
    value = scalar_value(node)
    if not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0):
        return None
    return constant(value)


def _neutral(node: Expression, delicate: bool) -> Expression | None:
    """Operands that change nothing."""
    name = node.primitive
    if name in BINARY:
        left, right = node.arguments
        if name == "multiply" and left.value == 1:
            return right
        if name in ("multiply", "divide") and right.value == 1:
            return left
        if name == "subtract" and right.value == 0:
            return left
        if name == "add" and not delicate:
            if right.value == 0:
                return left
            if left.value == 0:
                return right
        if name == "subtract" and not delicate and left.value == 0:
            return call("negative", right)
        if name == "add" and left == right:
            return call("multiply", TWO, left)
        if name == "multiply" and not delicate:
            if right.primitive == "sign" and right.arguments[0] == left:
                return call("abs", left)
            if left.primitive == "sign" and left.arguments[0] == right:
                return call("abs", right)
        return None
    if name == "power" and node.arguments[1].value == 1:
        return node.arguments[0]
    if name == "drop" and node.arguments[1].value == 0:
        return node.arguments[0]
    if name == "trace" and node.arguments[1].value == 1:
        return call("total", node.arguments[0])
    return None


def _chosen(node: Expression, delicate: bool) -> Expression | None:
    """Conditions that are known, and choices between equals."""
    condition, x, y = node.arguments
    if condition.value is not None:
        return x if condition.value != 0 else y
    return x if x == y else None


def _signs(node: Expression, delicate: bool) -> Expression | None:
    """Signs move outwards and cancel."""
    name, arguments = node.primitive, node.arguments
    if name == "negative":
        inner = arguments[0]
        if inner.primitive == "negative":
            return inner.arguments[0]
        if inner.primitive == "subtract" and not delicate:
            return call("subtract", *reversed(inner.arguments))
        return None
    if name == "add":
        return _signs_of_sum(arguments[0], arguments[1], delicate)
    if name == "subtract":
        left, right = arguments
        if (positive := _without_sign(right)) is not None:
            return call("add", left, positive)
        if (positive := _without_sign(left)) is not None and not delicate:
            return call("negative", call("add", positive, right))
        return None
    first = _without_sign(arguments[0])
    if name in ("multiply", "divide"):
        left, right = arguments
        if first is not None:
            return call("negative", call(name, first, right))
        if (positive := _without_sign(right)) is not None:
            return call("negative", call(name, left, positive))
        return None
    if first is None or arguments[0].is_constant:
        return None
    if name == "power" and arguments[1].value in (2.0, 3.0, -1.0):
        whole = call(name, first, arguments[1])
        return whole if arguments[1] == TWO else call("negative", whole)
    if name in EVEN:
        return call(name, first, *arguments[1:])
    if name == "clip" and not arguments[1].is_constant:
        return None  # to a limit below 0, which a schedule may reach, it is not odd
    if name in ODD and not (delicate and _is_odd_up_to_zeros(node)):
        return call("negative", call(name, first, *arguments[1:]))
    return None


def _is_odd_up_to_zeros(node: Expression) -> bool:
    if node.primitive == "clip":  # to [-0, 0] makes either zero of both signs
        limit = node.arguments[1].value
        assert limit is not None  # any other stays as it is
        return limit <= 0
    return _sign_of_zero(node.primitive, 0) == "positive"


def _signs_of_sum(
    left: Expression, right: Expression, delicate: bool
) -> Expression | None:
    without_left, without_right = _without_sign(left), _without_sign(right)
    if without_left is not None and without_right is not None:
        if delicate:
            return None
        return call("negative", call("add", without_left, without_right))
    if without_right is not None:
        return call("subtract", left, without_right)
    if without_left is not None:
        return call("subtract", right, without_left)
    return None


def _without_sign(expression: Expression) -> Expression | None:
    """x for -x, None for anything else."""
    if expression.primitive == "negative":
        return expression.arguments[0]
    if expression.value is not None and expression.value < 0:
        return constant(-expression.value)
    return None


def _nested(node: Expression, delicate: bool) -> Expression | None:
    """A function of a function that one of them makes superfluous."""
    name, inner = node.primitive, node.arguments[0]
    if name == "abs" and inner.primitive in NONNEGATIVE:
        return inner
    if name == "abs" and inner.primitive == "power" and inner.arguments[1] == TWO:
        return inner
    squared = name == "power" and node.arguments[1] == TWO
    if (name in EVEN or squared) and inner.primitive == "abs":
        return call(name, inner.arguments[0], *node.arguments[1:])
    if name in IDEMPOTENT:
        if len(node.arguments) == 1 and inner.primitive == name:
            return inner
        if len(node.arguments) == 2 and inner == node.arguments[1]:
            return inner
    if name == "clip" and inner.primitive == "clip":
        limits = node.arguments[1], inner.arguments[1]
        if all(limit.is_constant for limit in limits):
            smaller = min(limits, key=scalar_value)
            return call("clip", inner.arguments[0], smaller)
    if name == "sign" and inner.primitive == "clip":
        limit = inner.arguments[1].value
        if limit is not None and limit > 0:
            return call("sign", inner.arguments[0])
    return None


def _commute(node: Expression, delicate: bool) -> Expression | None:
    """Operands of commuting operations in one order."""
    if delicate and node.primitive in ("min", "max"):
        return None  # which zero min(0, -0) returns depends on the order
    left, right = node.arguments
    numbers_first = node.primitive == "multiply"
    return (
        call(node.primitive, right, left)
        if _follows(left, right, numbers_first)
        else None
    )


def _follows(left: Expression, right: Expression, numbers_first: bool) -> bool:
    """Whether left comes after right.

    Numbers lead products and end sums; then comes the shorter operand.
    """
    left_rank = left.is_scalar + left.is_constant
    right_rank = right.is_scalar + right.is_constant
    if left_rank != right_rank:
        return (left_rank < right_rank) == numbers_first
    if left.size != right.size:
        return left.size > right.size
    return left is not right and str(left) > str(right)


EXACT_AT_A_POINT = frozenset(name for name, each in PRIMITIVES.items() if each.exact_at)
BINARY = frozenset({"multiply", "divide", "add", "subtract"})
QUOTIENTS = frozenset({"multiply", "divide"})
REWRITES: tuple[tuple[Rewrite, frozenset[str]], ...] = (
    (_expand, REDEFINED | {"multiply", "pow"}),
    (_fold_constants, EXACT | {"power"} | EXACT_AT_A_POINT),
    (_chosen, frozenset({"where"})),
    (_neutral, QUOTIENTS | {"add", "subtract", "power", "drop", "trace"}),
    (_signs, EVEN | ODD | QUOTIENTS | {"negative", "add", "subtract", "power"}),
    (_nested, EVEN | IDEMPOTENT | {"abs", "power", "clip", "sign"}),
    (_commute, COMMUTATIVE),
)
"""Each with the primitives that it may change; the first that applies is used."""

REWRITES_OF = {
    name: tuple(rewrite for rewrite, names in REWRITES if name in names)
    for name in PRIMITIVES
}
