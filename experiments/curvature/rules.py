"""The rules that the scripts of this folder compare."""

from collections.abc import Mapping

from neuralopt.language import RULES, Expression, parse

DENOMINATOR = "sqrt(debiased(g ** 2, 0.999)) + 1e-8"
"""What RMSProp and Adam divide by here."""

CLASSICS: Mapping[str, Expression] = {
    "sgd": RULES["sgd"].expression,
    "momentum": RULES["momentum"].expression,
    "nesterov": RULES["nesterov"].expression,
    "rmsprop": parse(f"g / ({DENOMINATOR})"),
    "adam": RULES["adam"].expression,
}
"""RMSProp with bias correction: its first step is 32 times the rate without it, and
where that leads is an accident."""
