"""What the table defines in the language itself, and the value of scalar expressions.

Knows the formulas of the table as expressions; refuses to know tensors.
"""

from collections.abc import Mapping
from functools import cache

from neuralopt.language.expression import Expression
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
    """Value of a scalar expression in float64, by IEEE 754: it never raises.

    environment: values of t, T and progress, where the expression uses them.
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
    from neuralopt.language.parser import parse_formula

    parameters = tuple(parameter.name for parameter in PRIMITIVES[name].parameters)
    return parse_formula(text, parameters)
