"""Formulas of the table as expressions, and the value of scalar expressions."""

from collections.abc import Mapping
from functools import cache

from neuralopt.language.expression import Expression
from neuralopt.language.grammar import Grammar
from neuralopt.language.primitives import NAMED_CONSTANTS, PRIMITIVES


@cache
def formula_of(name: str) -> Expression:
    """The definition of a primitive, an expression over its parameters' names."""
    return _over_parameters(name, PRIMITIVES[name].formula)


@cache
def memory_of(name: str) -> Expression:
    """What the state of a primitive becomes; ``s`` is what it was."""
    return _over_parameters(name, PRIMITIVES[name].memory)


def scalar_value(
    expression: Expression, environment: Mapping[str, float] | None = None
) -> float:
    """Value of a scalar expression in float64, by IEEE 754.

    Args:
        expression: an expression of constants, t, T and progress.
        environment: values of t, T and progress, if the expression uses them.

    Returns:
        A float, which may be infinite or NaN.
    """
    if expression.value is not None:
        return expression.value
    name = expression.primitive
    if environment is not None and name in environment:
        return environment[name]
    if name in NAMED_CONSTANTS:
        return NAMED_CONSTANTS[name]
    primitive = PRIMITIVES[name]
    arguments = [
        scalar_value(argument, environment) for argument in expression.arguments
    ]
    if primitive.scalar is not None:
        return primitive.scalar(*arguments)
    return scalar_value(formula_of(name), primitive.bind(arguments))


def _over_parameters(name: str, text: str) -> Expression:
    """A formula of the table, in which ``s`` stands free."""
    parameters = (parameter.name for parameter in PRIMITIVES[name].parameters)
    return Grammar(text, (*parameters, "s")).parse()
