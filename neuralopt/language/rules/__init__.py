"""The named rules of the field: the zoo.

One row a rule in a table of its family: text, reference, usual learning rate and a
sentence on it. A name that is also an abbreviation means the same rule.
"""

import difflib
from collections.abc import Mapping
from itertools import chain

from neuralopt.language.rules import (
    adaptive,
    classics,
    orthogonal,
    paper,
    recent,
    whole,
)
from neuralopt.language.rules.paper import AGREEMENT as AGREEMENT
from neuralopt.language.rules.rule import Rule as Rule
from neuralopt.language.rules.rule import rules_of


def unknown_rule(name: str) -> str:
    """Return what to say of a name that no rule has.

    Args:
        name: as typed.

    Returns:
        One line, with the nearest name if one is near.
    """
    near = difflib.get_close_matches(name.lower(), RULES, n=1)
    advice = (
        f"did you mean {near[0]!r}?"
        if near
        else "it is not a named rule (see docs/ZOO.md) and not valid rule text"
    )
    return f"unknown rule {name!r}: {advice}"


class _Zoo(dict[str, Rule]):
    """Rules by name; KeyError tells the nearest name."""

    def __missing__(self, name: object) -> Rule:
        raise KeyError(unknown_rule(name) if isinstance(name, str) else name)


RULES: Mapping[str, Rule] = _Zoo(
    (rule.name, rule)
    for rule in chain(
        rules_of(classics.CLASSICS, {}),
        rules_of(adaptive.ADAPTIVE, adaptive.PARTS),
        rules_of(paper.sign_agreement(), {}),
        rules_of(paper.found(), {}),
        rules_of(recent.RECENT, recent.PARTS),
        rules_of(whole.WHOLE_TENSOR, whole.PARTS),
        rules_of(orthogonal.ORTHOGONAL, orthogonal.PARTS),
    )
)
