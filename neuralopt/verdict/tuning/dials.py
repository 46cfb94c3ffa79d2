"""The numbers of a rule that are tuned: decays of moving averages, and epsilons."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from neuralopt.language.expression import Expression, call, constant
from neuralopt.language.primitives import DECAY, PRIMITIVES

LEAST_DECAY, MOST_DECAY = 0.5, 0.9999
"""Numbers above the first, up to the second, are tuned as decays."""

MOST_EPSILON = 1e-3
"""Numbers up to this that are added inside a divisor or a root are epsilons."""

MOST_DECAYS, MOST_EPSILONS = 3, 2
"""Further numbers of a rule stay as they are."""

MOST_OWN_DECAY = 0.1
"""A rule ``R + c * w`` with c up to this has a weight decay of its own."""

DECAY_PLACES = {
    name: [
        place
        for place, parameter in enumerate(primitive.parameters)
        if parameter.name == DECAY.name and parameter.role == DECAY.role
    ]
    for name, primitive in PRIMITIVES.items()
}
"""Which arguments of each primitive are decays."""


@dataclass(frozen=True, slots=True)
class Dial:
    """A number of a rule that can be tuned.

    Attributes:
        kind: ``decay`` or ``epsilon``.
        value: that the rule is written with.
    """

    kind: Literal["decay", "epsilon"]
    value: float


def dials_of(rule: Expression) -> tuple[Dial, ...]:
    """Return the dials of a rule, decays first, each in the order of the text.

    A number that occurs several times is one dial.

    Args:
        rule: as it is written; abbreviations such as `debiased` need not be expanded.

    Example:
        >>> from neuralopt.language import RULES
        >>> [(each.kind, each.value) for each in dials_of(RULES["adam"].expression)]
        [('decay', 0.9), ('decay', 0.999), ('epsilon', 1e-08)]
    """
    decays = dict.fromkeys(_decays(rule))
    epsilons = dict.fromkeys(_epsilons(rule, False))
    return (
        *(Dial("decay", value) for value in list(decays)[:MOST_DECAYS]),
        *(Dial("epsilon", value) for value in list(epsilons)[:MOST_EPSILONS]),
    )


def with_dials(
    rule: Expression, dials: tuple[Dial, ...], values: tuple[float, ...]
) -> Expression:
    """Return the rule with other numbers in the places of its dials.

    A decay is replaced wherever its number occurs: in ``1 - 0.9 ** (t + 1)``, which
    corrects the bias of ``ema(g, 0.9)``, and in ``g + 0.9 * trace(g, 0.9)`` too.

    Args:
        rule: that the dials are of.
        dials: as `dials_of` returns them.
        values: one for each dial.

    Example:
        >>> from neuralopt.language import parse
        >>> rule = parse("g + 0.9 * trace(g, 0.9)")
        >>> str(with_dials(rule, dials_of(rule), (0.95,)))
        'g + 0.95 * trace(g, 0.95)'
    """
    changes: dict[tuple[str, float], float] = {
        (dial.kind, dial.value): value
        for dial, value in zip(dials, values, strict=True)
        if dial.value != value
    }
    return _changed(rule, changes, False) if changes else rule


def without_own_decay(rule: Expression) -> tuple[Expression, float]:
    """Return a rule ``R + c * w`` as R and c; any other rule, and 0.

    Args:
        rule: such as ``adamw``.

    Example:
        >>> from neuralopt.language import parse
        >>> rest, decay = without_own_decay(parse("0.01 * w + sign(g)"))
        >>> str(rest), decay
        ('sign(g)', 0.01)
    """
    if rule.primitive == "add":
        for term, rest in (rule.arguments, rule.arguments[::-1]):
            if term.primitive != "multiply":
                continue
            numbers = [each.value for each in term.arguments if each.value is not None]
            named = [each for each in term.arguments if each.primitive == "w"]
            if numbers and named and 0 < numbers[0] <= MOST_OWN_DECAY:
                return rest, numbers[0]
    return rule, 0.0


def _decays(rule: Expression) -> Iterator[float]:
    for node in rule.walk():
        for place in DECAY_PLACES.get(node.primitive, ()):
            value = node.arguments[place].value
            if value is not None and LEAST_DECAY < value <= MOST_DECAY:
                yield value


def _epsilons(node: Expression, inside: bool) -> Iterator[float]:
    """Values of the epsilons of a tree; `inside` says that it is within a divisor."""
    for place, argument in enumerate(node.arguments):
        if inside and node.primitive == "add" and _is_epsilon(argument):
            assert argument.value is not None
            yield argument.value
        yield from _epsilons(argument, inside or _opens(node, place))


def _changed(
    node: Expression, changes: dict[tuple[str, float], float], inside: bool
) -> Expression:
    if node.value is not None:
        return constant(changes.get(("decay", node.value), node.value))
    arguments = []
    for place, argument in enumerate(node.arguments):
        if inside and node.primitive == "add" and _is_epsilon(argument):
            assert argument.value is not None
            value = changes.get(("epsilon", argument.value), argument.value)
            arguments.append(constant(value))
        else:
            within = inside or _opens(node, place)
            arguments.append(_changed(argument, changes, within))
    return call(node.primitive, *arguments) if arguments else node


def _is_epsilon(node: Expression) -> bool:
    return node.value is not None and 0 < node.value <= MOST_EPSILON


def _opens(node: Expression, place: int) -> bool:
    """Whether an argument is a divisor or under a root."""
    if node.primitive == "divide":
        return place == 1
    if node.primitive in ("power", "pow"):
        exponent = node.arguments[1].value
        return place == 0 and exponent is not None and exponent < 1
    return node.primitive in ("reciprocal", "sqrt")
