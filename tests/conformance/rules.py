"""One rule for each primitive, made from the table, for suites that need rules."""

from neuralopt.language import Expression, parse
from neuralopt.language.expression import call, constant
from neuralopt.language.primitive import Parameter, Primitive
from neuralopt.language.primitives import PRIMITIVES

EXAMPLES = {
    "constant": "0.3 * g",
    "fold": "fold(0.5 * s + g)",
    "negative": "-(g * w)",
    "power": "g ** 5 + 2 ** w",
    "s": "fold(0.5 * s + g)",
    "update": "0.5 * update + g",
}
"""Rules of the primitives whose arguments are not free, or that need others."""

DRAWN = ("drop(g, 0.3) + noise(0.01)", "drop(noise(0.1), 0.5) * g")
SCHEDULED = ("(1 + ld) * g", "cd(2) * m", "rd * sign(g)", "g / (t + 1)")
STATEFUL = ("adam", "g * exp(sign(g) * sign(m))", "trace(g, 0.9) + peak(abs(g))")


def example_rule(primitive: Primitive) -> Expression:
    """A rule of the gradient that uses the primitive."""
    if primitive.name in EXAMPLES:
        return parse(EXAMPLES[primitive.name])
    if primitive.is_leaf:
        return parse(f"{primitive.name} * g")
    operands = iter((parse("g"), parse("w + 0.1"), parse("m")))
    arguments = [
        constant(typical_value(parameter))
        if parameter.role != "any"
        else next(operands)
        for parameter in primitive.parameters
    ]
    return call(primitive.name, *arguments)


def typical_value(parameter: Parameter) -> float:
    """The default of a scalar parameter, or a number that it allows, near 0.4."""
    if parameter.default is not None:
        return parameter.default
    lowest = 0.4 if parameter.lowest is None else max(parameter.lowest, 0.4)
    return lowest if parameter.highest is None else min(lowest, parameter.highest)


EXAMPLE_RULES = {name: example_rule(each) for name, each in PRIMITIVES.items()}
"""Primitive -> a rule that uses it."""
