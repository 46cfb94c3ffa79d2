"""The named rules of the field: the zoo.

One row a rule in a table of its family: text, reference, usual learning rate and a
sentence on it. A name that is also an abbreviation means the same rule.
"""

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

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in chain(
        rules_of(classics.CLASSICS, {}),
        rules_of(adaptive.ADAPTIVE, adaptive.PARTS),
        rules_of(paper.sign_agreement(), {}),
        rules_of(paper.found(), {}),
        rules_of(recent.RECENT, recent.PARTS),
        rules_of(whole.WHOLE_TENSOR, whole.PARTS),
        rules_of(orthogonal.ORTHOGONAL, orthogonal.PARTS),
    )
}
