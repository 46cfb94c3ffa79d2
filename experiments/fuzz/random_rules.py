"""Random rules of the whole language, made from the table of primitives alone.

An operation that is added to the table is drawn from then on: nothing here names one.
"""

import random

from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.language.primitive import Parameter, Primitive
from neuralopt.language.primitives import CLOCK, PRIMITIVES, SCALAR_NAMES

NUMBERS = (
    *("0", "-0", "1", "-1", "2", "3", "0.5", "-2.5", "0.9", "0.999", "1e-8", "0.1"),
    *("65504", "70000", "1e30", "1e-30", "1e300", "1e-300", "5e-324", "4"),
    *("1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308"),
)
"""Literals: ordinary ones, and those near the ends of floating-point types."""

WHOLE = ("1", "2", "3", "5", "8")
"""Literals for parameters that take a whole number."""

LEAVES = tuple(
    name
    for name, each in PRIMITIVES.items()
    if each.is_leaf and name not in ("constant", "s")
)
OPERATIONS = tuple(each for each in PRIMITIVES.values() if not each.is_leaf)
SCALARS = tuple(each for each in OPERATIONS if each.name in SCALAR_NAMES)
MOST_DEPTH = 5


class RuleTexts:
    """Texts of random rules; not all of them are rules of the language.

    Args:
        rng: source of randomness.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def text(self) -> str:
        """Return a text of up to MOST_DEPTH levels, small ones being likelier."""
        depth = min(self.rng.randint(1, MOST_DEPTH), self.rng.randint(1, MOST_DEPTH))
        return self._any(depth, in_fold=False)

    def _any(self, depth: int, in_fold: bool) -> str:
        """Text of what may be a tensor."""
        if depth <= 0 or self.rng.random() < 0.08:
            return self._leaf(in_fold)
        return self._call(self.rng.choice(OPERATIONS), depth, in_fold)

    def _call(self, primitive: Primitive, depth: int, in_fold: bool) -> str:
        inside = in_fold or primitive.name == "fold"
        arguments = [
            self._argument(parameter, depth - 1, inside)
            for parameter in primitive.parameters
        ]
        if primitive.name == "power":  # most texts would be refused otherwise
            place = self.rng.randrange(2)
            arguments[place] = self._literal(positive=place == 0)
        return _written(primitive, arguments)

    def _argument(self, parameter: Parameter, depth: int, in_fold: bool) -> str:
        role = str(parameter.role)
        if role == "any":
            return self._any(depth, in_fold)
        if role == "scalar":
            within = parameter.lowest is not None or parameter.highest is not None
            if within and self.rng.random() < 0.7:
                return self._within(parameter)
            return self._scalar(min(depth, 2))
        return self.rng.choice(WHOLE)

    def _scalar(self, depth: int) -> str:
        """Text of what is one number a step."""
        if depth <= 0 or self.rng.random() < 0.4:
            choice = self.rng.random()
            return self._literal() if choice < 0.6 else self.rng.choice(sorted(CLOCK))
        primitive = self.rng.choice(SCALARS)
        return _written(
            primitive, [self._scalar(depth - 1) for _ in primitive.parameters]
        )

    def _within(self, parameter: Parameter) -> str:
        low = -1.0 if parameter.lowest is None else parameter.lowest
        high = low + 2.0 if parameter.highest is None else parameter.highest
        return repr(self.rng.choice((low, high, 0.5 * (low + high))))

    def _literal(self, positive: bool = False) -> str:
        number = self.rng.choice(NUMBERS)
        if self.rng.random() < 0.2:
            number = f"{self.rng.lognormvariate(0, 3):.3g}"
        return number.lstrip("-") if positive else number

    def _leaf(self, in_fold: bool) -> str:
        choice = self.rng.random()
        if in_fold and choice < 0.35:
            return "s"
        if choice < 0.55:
            return "g"
        if choice < 0.7:
            return self._literal()
        if choice < 0.8:
            return self.rng.choice(sorted(ABBREVIATIONS))
        return self.rng.choice(LEAVES)


def _written(primitive: Primitive, arguments: list[str]) -> str:
    if not primitive.symbol:
        return f"{primitive.name}({', '.join(arguments)})"
    bracketed = [f"({argument})" for argument in arguments]
    if len(bracketed) == 1:
        return f"{primitive.symbol}{bracketed[0]}"
    return f" {primitive.symbol} ".join(bracketed)
