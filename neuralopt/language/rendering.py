"""Expressions for people: text with abbreviations, LaTeX and Python."""

from collections.abc import Mapping
from functools import cache
from typing import Literal

from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.language.expression import Expression
from neuralopt.language.grammar import body_of
from neuralopt.language.latex import latex_of
from neuralopt.language.notation import precedence_of, text_of
from neuralopt.language.parser import parse
from neuralopt.language.primitive import ATOM
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.language.simplify import simplify

Form = Literal["text", "latex", "python"]


def render(expression: Expression, form: Form = "text") -> str:
    """The rule as text, in one of three forms.

    Args:
        expression: a rule.
        form: ``text`` for people, with abbreviations such as ``m``; ``latex``; or
            ``python``, a Python expression over the names of the table, whose functions
            follow the table: ``sqrt`` takes abs(x), ``sign`` keeps NaN.

    Raises:
        ValueError: there is no such form.

    Example:
        >>> print(render(parse("ema(g, 0.9) * exp(ema(g**2, 0.999))")))
        m * exp(v)
    """
    if form == "text":
        return _folded(expression)[0]
    if form == "python":
        return str(expression)
    if form == "latex":
        return latex_of(expression)
    raise ValueError(f"unknown form {form!r}: use 'text', 'latex' or 'python'")


def _folded(expression: Expression) -> tuple[str, int]:
    """Text with abbreviations, and the precedence of its outermost operator."""
    if expression.value is None and (name := _folded_name(expression)):
        return name, ATOM
    parts = [_folded(argument) for argument in expression.arguments]
    return text_of(expression, parts), precedence_of(expression)


@cache
def _plain_abbreviations() -> Mapping[Expression, str]:
    """Expansions to names; written, canonical and default-argument forms."""
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
    for abbreviation in ABBREVIATIONS.values():
        if abbreviation.parameters:
            found: dict[str, Expression] = {}
            if _match(body_of(abbreviation), expression, found):
                values = [
                    found[parameter.name] for parameter in abbreviation.parameters
                ]
                if all(value.is_scalar for value in values):
                    inner = ", ".join(_folded(value)[0] for value in values)
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
