"""The rules that are a step smaller than a rule."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from neuralopt.language import Expression, parse, simplify, size_of
from neuralopt.language.expression import constant
from neuralopt.language.folding import abbreviation_of
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine.memory import values_per_parameter
from neuralopt.scoring.probes import rejections

ZERO, ONE = constant(0.0), constant(1.0)

LARGEST_EPSILON = 1e-6
"""A constant up to here that is added to a divisor keeps it from being 0."""

POSITIVE_AROUND_ONE = frozenset({"exp", "exp2", "cos"})
"""Functions whose value at 0 is 1: of a small argument they are close to a factor 1."""


class Complexity(NamedTuple):
    """What a smaller rule has less of; compared in this order.

    Attributes:
        size: nodes that a person sees; see `neuralopt.language.size_of`.
        memory: values that the rule keeps for each parameter.
        nodes: of the canonical form, abbreviations written out.
    """

    size: int
    memory: int
    nodes: int


def complexity(rule: Expression) -> Complexity:
    """Return the size of a rule, its memory and its nodes.

    Args:
        rule: in any form.

    Returns:
        Three counts, which say of two rules which is the smaller one.

    Example:
        >>> complexity(parse("m")) > complexity(parse("g"))
        True
    """
    canonical = simplify(rule)
    memory = values_per_parameter(canonical)
    return Complexity(size_of(canonical), memory, canonical.size)


def smaller_rules(rule: Expression) -> list[Expression]:
    """Return the rules that are one replacement smaller.

    One subexpression is replaced by one of its own subexpressions or, where that leaves
    a rule that a person would write, by 0 (the left side of a difference) or 1 (a
    numerator, an exponent, or exp, exp2 and cos of anything). Numbers that a primitive
    takes as parameters (decays, limits, probabilities) are kept, as are epsilons of
    divisors; schedules go as a whole or stay. An abbreviation is one piece: ``m`` may
    become ``g``, but no part of ``adam`` is replaced within it.

    Args:
        rule: in any form.

    Returns:
        Canonical rules, each once: smaller in `complexity`, accepted by the probes
        and readable from their own text. The smallest is first.
    """
    canonical = simplify(rule)
    limit = complexity(canonical)
    found: dict[Expression, Complexity] = {}
    for made in _replaced(canonical):
        smaller = simplify(made)
        if smaller in found or not smaller.contains("g") or not is_rule(smaller):
            continue
        if (amount := complexity(smaller)) < limit:
            found[smaller] = amount
    candidates = sorted(found, key=lambda each: (found[each], str(each)))
    reasons = rejections(candidates) if candidates else []
    return [each for each, why in zip(candidates, reasons, strict=True) if not why]


def is_rule(expression: Expression) -> bool:
    """Return whether an expression is a rule: with no ``s`` outside of a fold.

    Args:
        expression: canonical.
    """
    try:
        return parse(str(expression)) == expression
    except ValueError:
        return False


def _replaced(node: Expression, is_root: bool = True) -> Iterator[Expression]:
    """Every tree in which one subexpression of a node, or the node, is replaced."""
    yield from _parts(node, inside=True)
    if node.primitive in POSITIVE_AROUND_ONE or _is_exponential(node):
        if not is_root:
            yield ONE
    if abbreviation_of(node):
        return
    arguments = node.arguments
    if node.primitive == "subtract":
        yield with_argument(node, 0, ZERO)
    elif node.primitive == "divide":
        yield with_argument(node, 0, ONE)
    elif node.primitive in ("power", "pow") and not arguments[1].is_scalar:
        yield with_argument(node, 1, ONE)
    for index in _varying(node):
        part = arguments[index]
        if is_epsilon_sum(node, index):  # only what the epsilon is added to
            for changed in _replaced(part.arguments[0], is_root=False):
                if not changed.is_constant:
                    yield with_argument(node, index, with_argument(part, 0, changed))
        else:
            for changed in _replaced(part, is_root=False):
                yield with_argument(node, index, changed)


def _parts(node: Expression, inside: bool = False) -> Iterator[Expression]:
    """What a node may be replaced by: its subexpressions, without schedules.

    Args:
        node: any.
        inside: whether to look inside a node that has an abbreviation.
    """
    if abbreviation_of(node) and not inside:
        return
    if node.primitive in ("add", "subtract"):
        yield from (each for each in node.arguments if each.is_closed_constant)
    for index in _varying(node):
        part = node.arguments[index]
        if is_epsilon_sum(node, index):
            part = part.arguments[0]
        yield part
        yield from _parts(part)


def _varying(node: Expression) -> Sequence[int]:
    """Positions of arguments that depend on the element."""
    return [
        index
        for index, argument in enumerate(node.arguments)
        if not argument.is_scalar
        and PRIMITIVES[node.primitive].parameters[index].role == "any"
    ]


def is_epsilon_sum(node: Expression, index: int) -> bool:
    """Return whether an argument is a divisor with an epsilon.

    Args:
        node: canonical, so that the epsilon ends the sum.
        index: of the argument.
    """
    part = node.arguments[index]
    if node.primitive != "divide" or index != 1 or part.primitive != "add":
        return False
    value = part.arguments[1].value
    return value is not None and 0 < value <= LARGEST_EPSILON


def _is_exponential(node: Expression) -> bool:
    return node.primitive == "power" and node.arguments[0].is_closed_constant


def with_argument(node: Expression, index: int, argument: Expression) -> Expression:
    """Return a node with another argument.

    Args:
        node: an operation.
        index: of the argument.
        argument: that is to be there.
    """
    arguments = list(node.arguments)
    arguments[index] = argument
    return Expression(node.primitive, tuple(arguments))
