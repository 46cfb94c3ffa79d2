"""Expressions for people: text with abbreviations, LaTeX and Python."""

from typing import Literal

from neuralopt.language.expression import Expression
from neuralopt.language.folding import fold
from neuralopt.language.latex import latex_of

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
        >>> from neuralopt.language.parser import parse
        >>> print(render(parse("ema(g, 0.9) * exp(ema(g**2, 0.999))")))
        m * exp(v)
    """
    if form == "text":
        return str(fold(expression))
    if form == "python":
        return str(expression)
    if form == "latex":
        return latex_of(expression)
    raise ValueError(f"unknown form {form!r}: use 'text', 'latex' or 'python'")
