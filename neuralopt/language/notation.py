"""Expanded text of expressions: operators, precedence and numbers."""

import math
from collections.abc import Sequence
from typing import Protocol

from neuralopt.language.primitive import ATOM
from neuralopt.language.primitives import PRIMITIVES

SIGN = PRIMITIVES["negative"].precedence


class Node(Protocol):
    """What text is made of: see `neuralopt.language.expression.Expression`."""

    primitive: str
    value: float | None

    @property
    def arguments(self) -> "Sequence[Node]":
        """Of the primitive."""


def number_text(value: float) -> str:
    """The shortest text that reads back as this float.

    Example:
        >>> number_text(2.0), number_text(1e-8)
        ('2', '1e-08')
    """
    return repr(value).removesuffix(".0")


def precedence_of(node: Node) -> int:
    """Of the outermost operator of a node's expanded text."""
    if node.value is not None:
        return SIGN if math.copysign(1.0, node.value) < 0 else ATOM
    return _PRECEDENCES.get(node.primitive, ATOM)


_PRECEDENCES = {
    name: each.precedence for name, each in PRIMITIVES.items() if each.symbol
}


def text_of(node: Node, parts: Sequence[tuple[str, int]]) -> str:
    """Text of a node.

    Args:
        node: an expression.
        parts: text of each argument, and the precedence of its outermost operator.
    """
    if node.value is not None:
        return number_text(node.value)
    if node.primitive in _OPERATORS:
        symbol, needs_left, needs_right = _OPERATORS[node.primitive]
        (left, of_left), (right, of_right) = parts
        if of_left < needs_left:
            left = f"({left})"
        if of_right < needs_right:
            right = f"({right})"
        return left + symbol + right
    primitive = PRIMITIVES.get(node.primitive)
    if primitive is None:  # a free variable, or an abbreviation
        inner = ", ".join(text for text, _ in parts)
        return f"{node.primitive}({inner})" if parts else node.primitive
    if primitive.is_leaf:
        return node.primitive

    if primitive.name == "negative":
        # "-2" reads as a constant: a sign before one needs brackets to stay a sign.
        number = node.arguments[0].value is not None
        text, precedence = parts[0]
        return f"-({text})" if number or precedence < SIGN else f"-{text}"
    shown = ", ".join(text for text, _ in parts[: shown_arguments(node)])
    return f"{primitive.name}({shown})"


_OPERATORS = (
    {
        name: (f" {each.symbol} ", each.precedence, each.precedence + 1)
        for name, each in PRIMITIVES.items()
        if each.symbol and each.arity == 2
    }
    | {"power": (" ** ", ATOM, SIGN)}
    | {
        name: (f" {each.symbol} ", each.precedence + 1, each.precedence + 1)
        for name, each in PRIMITIVES.items()
        if each.symbol.startswith(("<", ">"))  # a chain has no meaning
    }
)
"""Symbols of two arguments, and the precedence that each needs without brackets."""

_WITH_DEFAULTS = {
    name
    for name, each in PRIMITIVES.items()
    if any(parameter.default is not None for parameter in each.parameters)
}


def shown_arguments(node: Node) -> int:
    """How many arguments are written: not the last ones that have their default.

    Args:
        node: an expression, or an abbreviation with its arguments.
    """
    shown = len(node.arguments)
    if node.primitive not in _WITH_DEFAULTS:
        return shown
    for parameter in reversed(PRIMITIVES[node.primitive].parameters):
        default = parameter.default
        if default is None or node.arguments[shown - 1].value != default:
            break
        shown -= 1
    return shown
