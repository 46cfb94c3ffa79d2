"""Rule texts to expressions that are valid rules."""

import copyreg
import math
from collections.abc import Callable

from neuralopt.language.definitions import scalar_value
from neuralopt.language.expression import Expression
from neuralopt.language.grammar import Checks, Grammar
from neuralopt.language.primitive import Parameter


def parse(text: str, variables: tuple[str, ...] = ()) -> Expression:
    """The expression that a rule text stands for, abbreviations expanded.

    Args:
        text: a rule, such as ``g * exp(sign(g) * sign(m))``.
        variables: names that may stand free, for templates such as ``exp(x)``.

    Raises:
        ValueError: the text is not a rule. A RuleSyntaxError names the position, the
            cause and the remedy.

    Example:
        >>> parse("m * exp(v)")
        parse('ema(g, 0.9) * exp(ema(g ** 2, 0.999))')
        >>> parse("exp(sgn(g))")
        Traceback (most recent call last):
        ...
        neuralopt.language.grammar.RuleSyntaxError: unknown name 'sgn': did you mean \
'sign'? (at character 5 of 'exp(sgn(g))')
    """
    if not isinstance(text, str):
        raise ValueError(f"a rule is text such as 'g * 2', not {type(text).__name__}")
    return Grammar(text, variables, CHECKS).parse()


def _reduced(
    expression: Expression,
) -> tuple[Callable[..., Expression], tuple[object, ...]]:
    """How an expression is pickled: as its text, which is read again.

    Templates are read without `CHECKS`, which formulas such as ``abs(x) ** y`` fail.
    """
    variables = expression.variables
    if _has_free_state(expression):
        variables = (*variables, "s")
    if variables:
        return _template, (str(expression), variables)
    return parse, (str(expression),)


def _template(text: str, variables: tuple[str, ...]) -> Expression:
    return Grammar(text, variables).parse()


def _has_free_state(expression: Expression) -> bool:
    """Whether ``s`` stands outside of every fold, as in formulas of memory."""
    if expression.primitive == "fold" or not expression.contains("s"):
        return False
    return expression.primitive == "s" or any(
        map(_has_free_state, expression.arguments)
    )


copyreg.pickle(Expression, _reduced)


def _power_fault(base: Expression, exponent: Expression) -> str:
    if exponent.is_closed_constant or (base.is_scalar and exponent.is_scalar):
        return ""
    if not base.is_closed_constant:
        return (
            "the exponent must be a number, or the base a positive constant: "
            "use pow(x, y) = abs(x) ** y"
        )
    if not scalar_value(base) > 0:
        return f"the base {base} is not positive: use pow(x, y) = abs(x) ** y"
    return ""


def _argument_fault(name: str, parameter: Parameter, argument: Expression) -> str:
    what = f"{parameter.name} of {name}"
    if parameter.role == "any":
        return ""
    if parameter.role == "count":
        value = argument.value
        if value is None or value != int(value):
            return f"{what} must be a whole number, not {argument}"
    if not argument.is_scalar:
        return (
            f"{what} must be a number or an expression of t, T and progress, "
            f"not {argument}"
        )
    if not argument.is_closed_constant:
        return ""
    value = scalar_value(argument)
    low = -math.inf if parameter.lowest is None else parameter.lowest
    high = math.inf if parameter.highest is None else parameter.highest
    if low <= value <= high and math.isfinite(value):
        return ""
    if low == -math.inf:
        return f"{what} is {value:g}: use a finite number"
    bounds = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
    return f"{what} is {value:g}: use a number of {bounds}"


CHECKS = Checks(_power_fault, _argument_fault)
