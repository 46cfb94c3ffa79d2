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
from collections.abc import Callable, Iterator

from neuralopt.language.definitions import formula_of, scalar_value
from neuralopt.language.expression import Expression, call, constant
from neuralopt.language.primitives import PRIMITIVES, Law, SignOfZero, obeying

ONE, TWO, THREE = constant(1.0), constant(2.0), constant(3.0)
DRAWS = frozenset(name for name, each in PRIMITIVES.items() if each.draw)
DIVIDING = frozenset(name for name, each in PRIMITIVES.items() if each.divides)
CONDITIONAL = frozenset({"power", "add", "subtract", "fold"})
"""Primitives in which it depends on the other arguments how delicate one of them is."""

DECIDING = (
    DRAWS
    | CONDITIONAL
    | {
        name
        for name, each in PRIMITIVES.items()
        if not {"read", "lost"}.isdisjoint(each.sign_of_zero)
    }
)
"""Primitives whose arguments may be less, or more, delicate than they are."""

EXACT, EVEN, ODD = obeying(Law.EXACT), obeying(Law.EVEN), obeying(Law.ODD)
NONNEGATIVE, IDEMPOTENT = obeying(Law.NONNEGATIVE), obeying(Law.IDEMPOTENT)
COMMUTATIVE, REDEFINED = obeying(Law.COMMUTATIVE), obeying(Law.REDEFINED)

MAXIMUM_PASSES = 20
MAXIMUM_KNOWN = 1 << 17
"""Results that are cached: rules of a space share many parts."""

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
        delicate = expression.contains("update") and _has_division(expression)
        simpler = _simplify(expression, delicate)
        if simpler == expression:
            break
        expression = simpler
    return expression


def _simplify(expression: Expression, delicate: bool) -> Expression:
    """delicate: whether the sign of a zero can reach a division from here."""
    if not expression.arguments:
        return expression
    found = _known.get((expression, delicate))
    if found is None:
        found = _rewritten(expression, delicate)
        if len(_known) >= MAXIMUM_KNOWN:
            _known.clear()
        _known[expression, delicate] = found
    return found


_known: dict[tuple[Expression, bool], Expression] = {}
"""What `_simplify` returned."""


def _rewritten(expression: Expression, delicate: bool) -> Expression:
    contexts = _contexts(expression, delicate)
    arguments = tuple(map(_simplify, expression.arguments, contexts))
    node = Expression(expression.primitive, arguments)
    for rewrite in REWRITES_OF[expression.primitive]:
        changed = rewrite(node, delicate)
        if changed is not None:
            return _simplify(changed, delicate)
    if _contexts(node, delicate) == contexts and all(
        not each.arguments or _known.get((each, context)) is each
        for each, context in zip(arguments, contexts, strict=True)
    ):
        _known[node, delicate] = node  # nothing is left to do: the next pass sees it
    return node


def _contexts(expression: Expression, delicate: bool) -> tuple[bool, ...]:
    """For each argument: can the sign of its zero reach a division?"""
    if expression.primitive not in DECIDING:
        return (delicate,) * len(expression.arguments)
    return tuple(_deciding_contexts(expression, delicate))


def _deciding_contexts(expression: Expression, delicate: bool) -> Iterator[bool]:
    name, arguments = expression.primitive, expression.arguments
    for index in range(len(arguments)):
        sign_of_zero = _sign_of_zero(name, index)
        if name in DRAWS:
            yield True  # one draw must not become two in different places
        elif name == "power" and index == 0:
            exponent = arguments[1].value
            odd = exponent is None or exponent % 2 == 1
            yield odd and (delicate or exponent is None or exponent < 0)
        elif name in ("add", "subtract") and _nonzero_constant(arguments[1 - index]):
            yield False
        elif name == "fold":
            yield delicate or _has_division(arguments[0])
        else:
            yield sign_of_zero == "read" or (delicate and sign_of_zero != "lost")


def _sign_of_zero(name: str, index: int) -> SignOfZero:
    given = PRIMITIVES[name].sign_of_zero
    return given[index] if index < len(given) else "kept"


def _has_division(expression: Expression) -> bool:
    return expression.contains(*DIVIDING)


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
        for one, other in ((left, right), (right, left)):
            if one.primitive == "power" and one.arguments == (other, TWO):
                return call("power", other, THREE)
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
    if not all(argument.is_constant for argument in node.arguments):
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
    if name in ("multiply", "divide", "add", "subtract"):
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
            for x, other in ((left, right), (right, left)):
                if other.primitive == "sign" and other.arguments[0] == x:
                    return call("abs", x)
    if name == "power" and node.arguments[1].value == 1:
        return node.arguments[0]
    if name == "drop" and node.arguments[1].value == 0:
        return node.arguments[0]
    if name == "trace" and node.arguments[1].value == 1:
        return call("total", node.arguments[0])
    return None


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
    if _order(left, numbers_first) <= _order(right, numbers_first):
        return None
    return call(node.primitive, right, left)


def _order(expression: Expression, numbers_first: bool) -> tuple[int, int, str]:
    """Numbers lead products and end sums; then the shorter operand."""
    rank = expression.is_scalar + expression.is_constant
    return -rank if numbers_first else rank, expression.size, str(expression)


EXACT_AT_A_POINT = frozenset(name for name, each in PRIMITIVES.items() if each.exact_at)
QUOTIENTS = frozenset({"multiply", "divide"})
REWRITES: tuple[tuple[Rewrite, frozenset[str]], ...] = (
    (_expand, REDEFINED | {"multiply", "pow"}),
    (_fold_constants, EXACT | {"power"} | EXACT_AT_A_POINT),
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
