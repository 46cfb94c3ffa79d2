"""Expressions as text, folded text, LaTeX and Python.

Knows notation; refuses to know algebra: what is printed is the tree that was given.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Literal

from neuralopt.language.expression import Expression
from neuralopt.language.primitives import ABBREVIATIONS, ATOM, PRIMITIVES, Primitive

Form = Literal["text", "latex", "python"]

PRODUCT, SIGN, POWER = 2, 3, 4


def render(expression: Expression, form: Form = "text") -> str:
    """The rule for people (``text``: abbreviations folded), for print (``latex``), or
    as a Python expression over the names of the table (``python``).

    Python functions follow the table: ``sqrt`` takes abs(x), ``sign`` keeps NaN.
    Raises ValueError for another form.

    >>> from neuralopt.language.parser import parse
    >>> print(render(parse("ema(g, 0.9) * exp(ema(g**2, 0.999))")))
    m * exp(v)
    """
    if form == "text":
        return _infix(expression, folded=True)[0]
    if form == "python":
        return expanded_text(expression)
    if form == "latex":
        return _latex(expression)[0]
    raise ValueError(f"unknown form {form!r}: use 'text', 'latex' or 'python'")


def expanded_text(expression: Expression) -> str:
    """The text that parses back to this very expression."""
    return _infix(expression, folded=False)[0]


def number_text(value: float) -> str:
    """The shortest text that reads back as this float.

    >>> number_text(2.0), number_text(1e-8)
    ('2', '1e-08')
    """
    text = repr(value)
    return text.removesuffix(".0")


def _infix(expression: Expression, folded: bool) -> tuple[str, int]:
    """Text and the precedence of its outermost operator."""
    if folded and expression.value is None and (name := _folded_name(expression)):
        return name, ATOM
    level = _precedence(expression)
    if expression.value is not None:
        return number_text(expression.value), level
    primitive = PRIMITIVES.get(expression.primitive)
    if primitive is None or primitive.is_leaf:
        return expression.primitive, level
    # An expression keeps its expanded text, so that parts are printed once.
    parts = [
        _infix(argument, True) if folded else (str(argument), _precedence(argument))
        for argument in expression.arguments
    ]

    def part(index: int, least: int) -> str:
        text, precedence = parts[index]
        return text if precedence >= least else f"({text})"

    if primitive.name == "negative":
        # "-2" reads as a constant: a sign before one needs brackets to stay a sign.
        number = expression.arguments[0].is_constant
        return f"-({parts[0][0]})" if number else f"-{part(0, SIGN)}", level
    if primitive.name == "power":
        return f"{part(0, ATOM)} ** {part(1, SIGN)}", level
    if primitive.symbol:
        return f"{part(0, level)} {primitive.symbol} {part(1, level + 1)}", level
    shown = len(parts)
    for parameter in reversed(primitive.parameters):
        default = parameter.default
        if default is None or expression.arguments[shown - 1].value != default:
            break
        shown -= 1
    inner = ", ".join(text for text, _ in parts[:shown])
    return f"{primitive.name}({inner})", level


def _precedence(expression: Expression) -> int:
    """Of the outermost operator of the expanded text."""
    if expression.value is not None:
        return SIGN if math.copysign(1.0, expression.value) < 0 else ATOM
    primitive = PRIMITIVES.get(expression.primitive)
    return primitive.precedence if primitive and primitive.symbol else ATOM


@cache
def _plain_abbreviations() -> Mapping[Expression, str]:
    """Expansions to names; written, canonical and default-argument forms."""
    from neuralopt.language.parser import parse
    from neuralopt.language.simplify import simplify

    names: dict[Expression, str] = {}
    for abbreviation in ABBREVIATIONS.values():
        expanded = parse(abbreviation.name)
        names[expanded] = abbreviation.name
        names.setdefault(simplify(expanded), abbreviation.name)
    return names


def _folded_name(expression: Expression) -> str | None:
    names = _plain_abbreviations()
    if expression in names:
        return names[expression]
    from neuralopt.language.parser import body_of

    for abbreviation in ABBREVIATIONS.values():
        if abbreviation.parameters:
            found: dict[str, Expression] = {}
            if _match(body_of(abbreviation), expression, found):
                values = [
                    found[parameter.name] for parameter in abbreviation.parameters
                ]
                if all(value.is_scalar for value in values):
                    inner = ", ".join(_infix(value, True)[0] for value in values)
                    return f"{abbreviation.name}({inner})"
    return None


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


def _latex(expression: Expression) -> tuple[str, int]:
    """LaTeX and the precedence of its outermost operator."""
    if expression.value is not None:
        return _latex_number(expression.value)
    primitive = PRIMITIVES.get(expression.primitive)
    if primitive is None:
        return expression.primitive, ATOM
    if primitive.is_leaf:
        return primitive.latex, ATOM
    texts = []
    for index, argument in enumerate(expression.arguments):
        text, precedence = _latex(argument)
        bare = precedence >= _least_precedence(primitive, index)
        texts.append(text if bare else rf"\left({text}\right)")
    level = primitive.latex_precedence
    if level is None:
        level = primitive.precedence
    return primitive.fill("latex", texts), level


def _least_precedence(primitive: Primitive, index: int) -> int:
    """What an argument needs to stand without brackets in LaTeX."""
    if primitive.latex_needs is not None:
        return primitive.latex_needs[index]
    if not primitive.symbol:
        return 0  # LaTeX encloses it
    return primitive.precedence + (index if primitive.arity == 2 else 0)


def _latex_number(value: float) -> tuple[str, int]:
    mantissa, _, exponent = number_text(value).partition("e")
    level = SIGN if mantissa.startswith("-") else ATOM
    if not exponent:
        return mantissa, level
    power = f"10^{{{int(exponent)}}}"
    if mantissa == "1":
        return power, POWER
    return rf"{mantissa} \cdot {power}", PRODUCT
