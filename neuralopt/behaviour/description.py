"""A rule's behaviour as a few facts, and as text. Loads no numpy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a rule's updates are like.

    Attributes:
        nearest: name of the named rule that is equal, or else most similar; empty if
            no update of the rule is finite and other than zero.
        similarity: to that rule, in [-1, 1], rounded to four digits.
        equal: whether the rule's updates are those of the named rule, up to a positive
            factor and a tolerance of one per cent.
        families: such as ``sign-like``; see `neuralopt.behaviour.families`.
    """

    nearest: str
    similarity: float
    equal: bool
    families: tuple[str, ...] = ()


ALIKE = 0.5
"""Less similar rules are not compared in words. Constants and noise have 0.1."""

LIKE = 0.9
"""From this similarity on a rule counts as a variant of a named one. AMSGrad, AdamW and
AdaMax are 0.93 like Adam or more, Signum is 0.81, momentum 0.75 and RMSProp 0.64."""


def describe(behaviour: Behaviour) -> str:
    """Return a behaviour in a few words.

    The similarity is cut to two digits, so that 1.00 is said of nothing but 1.

    Args:
        behaviour: of a rule.

    Returns:
        Such as "= signum" or "0.93 like adam".

    Example:
        >>> describe(Behaviour("signum", 1.0, True))
        '= signum'
        >>> describe(Behaviour("adam", 0.9996, False))
        '0.99 like adam'
    """
    if not behaviour.nearest:
        return "no update"
    if behaviour.equal:
        return f"= {behaviour.nearest}"
    if behaviour.similarity < ALIKE:
        return "unlike the named rules"
    hundredths = int(behaviour.similarity * 100 + 1e-9)
    return f"{hundredths / 100:.2f} like {behaviour.nearest}"
