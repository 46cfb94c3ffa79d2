"""The facts on a rule card, and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from neuralopt.archive.ranking import RankedRule
from neuralopt.archive.records import Place
from neuralopt.behaviour.description import describe
from neuralopt.behaviour.naming import name as behaviour_of
from neuralopt.language import Expression, parse, simplify, size_of
from neuralopt.machine.memory import memory_figure
from neuralopt.views.card.measurements import Measurements


@dataclass(frozen=True, slots=True)
class Card:
    """What a rule card says.

    Attributes:
        title: such as "Rule 1482" or the name of a rule.
        rule: in canonical form.
        likeness: the nearest named rule in a few words, such as "0.93 like adam".
        size: nodes of the rule; see `neuralopt.language.size_of`.
        memory: values that it keeps per parameter; in words where kinds differ.
        rates: learning rates that a search chose, in rising order; may be empty.
        quality: that a search gave to it; None if it comes from no search.
        place: by fresh replicates, if it was measured.
        measurements: for the panels; None leaves them out.
        baselines: the same for rules to compare with, by name.
        note: why there are no measurements; may be empty.
    """

    title: str
    rule: Expression
    likeness: str
    size: int
    memory: str
    rates: tuple[float, ...] = ()
    quality: float | None = None
    place: Place | None = None
    measurements: Measurements | None = None
    baselines: Mapping[str, Measurements] = field(default_factory=dict)
    note: str = ""


def card_of_rule(title: str, rule: Expression) -> Card:
    """Return the card of a rule that comes from no search, without measurements.

    Args:
        title: such as its name.
        rule: in any form.
    """
    canonical = simplify(rule)
    memory = memory_figure(canonical)
    likeness = describe(behaviour_of(canonical))
    return Card(title, canonical, likeness, size_of(canonical), memory)


def card_of_proposal(ranked: RankedRule) -> Card:
    """Return the card of a proposal, in its plain form, without measurements.

    Args:
        ranked: of an archive.

    Raises:
        ValueError: the proposal has no rule that this version can read.
    """
    proposal = ranked.proposal
    if not ranked.rule:
        raise ValueError(f"proposal {proposal.number} has no rule: {proposal.reason}")
    rule = simplify(parse(ranked.rule))
    score = proposal.score
    parts = () if score is None else (score, *score.tasks)
    pruned = ", pruned" if ranked.pruned else ""
    return Card(
        f"Rule {proposal.number}{pruned}",
        rule,
        ranked.name or describe(behaviour_of(rule)),
        size_of(rule),
        memory_figure(rule),
        tuple(sorted({part.lr for part in parts if part.lr is not None})),
        proposal.quality,
        ranked.place,
    )
