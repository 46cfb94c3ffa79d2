"""The known optimizers that a search is expected to find again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from neuralopt.catalog import hint
from neuralopt.language import Expression, as_expression, parse, simplify
from neuralopt.language.rules import AGREEMENT, RULES

EPSILON = "1e-08"
EPSILONS = ("1e-5", "1e-6", "1e-7", "1e-8", "1e-10", "1e-12")
"""Values of the constant in a divisor. Rules that differ only in it are equal in
form."""


@dataclass(frozen=True, slots=True)
class Target:
    """A known optimizer.

    Attributes:
        name: for people and for options.
        rules: the optimizer in canonical form, and other arrangements of the same
            formula, which differ by rounding.
        forms: canonical texts of these, for each value of epsilon.
    """

    name: str
    rules: tuple[Expression, ...]
    forms: frozenset[str]

    @property
    def rule(self) -> Expression:
        """The optimizer as it is usually written."""
        return self.rules[0]


def make_target(name: str, *rules: str | Expression) -> Target:
    """Return a rule as a target, with all forms of its epsilon.

    Args:
        name: for people.
        rules: the rule, and other arrangements of it: names, texts or expressions.

    Example:
        >>> adam = make_target("adam", "m / (sqrt(v) + 1e-8)")
        >>> str(simplify(parse("m / (1e-5 + sqrt(v))"))) in adam.forms
        True
    """
    canonical = tuple(simplify(as_expression(rule)) for rule in rules)
    forms = {
        str(simplify(parse(str(rule).replace(EPSILON, each))))
        for rule in canonical
        for each in EPSILONS
    }
    return Target(name, canonical, frozenset(forms))


DEFINITIONS: Mapping[str, tuple[str, ...]] = {
    "adam": ("adam_uncorrected",),
    "rmsprop": ("rmsprop",),
    "momentum": ("momentum_ema",),
    "signum": ("signum",),
    "powersign": ("powersign",),
    "addsign": ("addsign",),
    "sign_agreement": ("sign_agreement",),
    "adam_agreement": (
        f"m / (sqrt(v) + 1e-8) * exp({AGREEMENT})",
        f"m * exp({AGREEMENT}) / (sqrt(v) + 1e-8)",
    ),
    "rmsprop_agreement": (
        "rmsprop_agreement",
        f"g * exp({AGREEMENT}) / (sqrt(v) + 1e-8)",
    ),
    "lion": ("lion",),
    "nesterov": ("nesterov",),
    "amsgrad": ("amsgrad_plain",),
    "muon_unscaled": ("muon_unscaled",),
    "muon_plain": ("muon_plain",),
    "muon_adam": (
        f"where(matrix, {RULES['muon_unscaled'].expression}, m / (sqrt(v) + 1e-8))",
    ),
}
"""Names of RULES where they exist, else texts; all without bias correction, and Muon
without a factor for a matrix's shape.

Adam and AMSGrad are equal in behaviour on the probes, whose 48 steps are too few for a
second moment with decay 0.999 to shrink: there, only the form tells them apart."""

TARGETS: Mapping[str, Target] = MappingProxyType(
    {name: make_target(name, *rules) for name, rules in DEFINITIONS.items()}
)
"""All targets by name."""


def find_targets(names: Collection[str]) -> list[Target]:
    """Return targets by name.

    Args:
        names: of TARGETS; empty for all.

    Raises:
        ValueError: a name is unknown.
    """
    for name in names:
        if name not in TARGETS:
            raise ValueError(f"unknown target {name!r}: {hint(name, TARGETS)}")
    return [TARGETS[name] for name in names or TARGETS]
