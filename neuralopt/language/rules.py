"""The named rules of the field.

Knows each rule's text, reference and usual learning rate; refuses to know how any of
them performs. One line a rule; a name that is also an abbreviation means the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from neuralopt.language.expression import Expression
from neuralopt.language.parser import parse


@dataclass(frozen=True, slots=True)
class Rule:
    """A closed expression with a name.

    reference: where the rule comes from. lr: the learning rate its users start from.
    """

    name: str
    expression: Expression
    reference: str
    lr: float


def _rules(*rows: tuple[str, str, str, float]) -> Mapping[str, Rule]:
    return {
        name: Rule(name, parse(text), reference, lr)
        for name, text, reference, lr in rows
    }


RULES: Mapping[str, Rule] = _rules(
    ("sgd", "g", "Robbins and Monro 1951", 1e-1),
    ("momentum", "trace(g, 0.9)", "Polyak 1964", 1e-2),
    ("momentum_ema", "m", "Bello et al. 2017", 1e-1),
    ("nesterov", "g + 0.9 * trace(g, 0.9)", "Sutskever et al. 2013", 1e-2),
    ("adagrad", "g / (sqrt(total(g ** 2)) + 1e-10)", "Duchi et al. 2011", 1e-2),
    ("rmsprop", "rmsprop", "Hinton 2012, lecture 6e; Bello et al. 2017", 1e-3),
    (
        "rmsprop_torch",
        "g / (sqrt(ema(g ** 2, 0.99)) + 1e-8)",
        "Hinton 2012, lecture 6e, with torch's constants",
        1e-2,
    ),
    ("adam", "adam", "Kingma and Ba 2015", 1e-3),
    ("adamw", "adam + 0.01 * w", "Loshchilov and Hutter 2019", 1e-3),
    (
        "amsgrad",
        "debiased(g, 0.9) / "
        "(sqrt(peak(ema(g ** 2, 0.999)) / (1 - 0.999 ** (t + 1))) + 1e-8)",
        "Reddi et al. 2018, bias-corrected as in torch",
        1e-3,
    ),
    ("signsgd", "sign(g)", "Bernstein et al. 2018", 1e-3),
    (
        "lion",
        "sign(0.9 * previous(ema(g, 0.99)) + 0.1 * g)",
        "Chen et al. 2023",
        1e-4,
    ),
    ("powersign", "g * exp(sign(g) * sign(m))", "Bello et al. 2017", 1e-1),
    ("addsign", "g * (1 + sign(g) * sign(m))", "Bello et al. 2017", 1e-1),
    (
        "powersign_cd",
        "g * exp(cd * sign(g) * sign(m))",
        "Bello et al. 2017",
        1e-1,
    ),
    (
        "addsign_ld",
        "g * (1 + ld * sign(g) * sign(m))",
        "Bello et al. 2017",
        1e-1,
    ),
)
