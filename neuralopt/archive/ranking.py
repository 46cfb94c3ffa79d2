"""The best rules of an archive, with what was found out about them. Loads no numpy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby, islice

from neuralopt.archive.findings import FindingsKeeper
from neuralopt.archive.reader import checked_count
from neuralopt.archive.records import (
    BehaviourRecord,
    Place,
    Proposal,
    PruningRecord,
)
from neuralopt.behaviour.description import Behaviour, describe
from neuralopt.language import RULES, parse, simplify, size_of
from neuralopt.machine.memory import values_per_parameter

READ_SINGLY = 5000
"""Of fewer proposals than these the behaviours are read one by one."""


@dataclass(frozen=True, slots=True)
class RankedRule:
    """A proposal in a ranking, with what is recorded of it.

    Attributes:
        proposal: with or without a quality.
        place: by fresh replicates, if it was measured.
        behaviour: if its rule was named; those of useful rules are.
        pruning: a plainer rule, if one was found.
        group: smallest number of a proposal of its group: of those that behave alike
            or were pruned to the same rule. None stands for a group of its own.
        alike: other proposals of its group, scored or stopped by a late gate.
    """

    proposal: Proposal
    place: Place | None = None
    behaviour: BehaviourRecord | None = None
    pruning: PruningRecord | None = None
    group: int | None = None
    alike: int = 0

    @property
    def worth(self) -> tuple[int, float]:
        """By what it is ranked; the larger one is the better.

        For members of the shortlist (2, mean), for others that were measured (1, mean),
        and for those with only the search's score (0, quality).
        """
        if self.place is not None:
            return 1 + self.place.member, self.place.mean
        quality = self.proposal.quality
        return 0, -1.0 if quality is None or math.isnan(quality) else quality

    @property
    def pruned(self) -> bool:
        """Whether a rule other than its own is recorded as the plainer one."""
        return self.pruning is not None and self.pruning.rule != self.proposal.canonical

    @property
    def rule(self) -> str:
        """Text of the plainest rule that is recorded, in canonical form.

        The rule as decoded, where there is no canonical form; "" for an invalid row.
        """
        if self.pruning is not None:
            return self.pruning.rule
        return self.proposal.canonical or self.proposal.rule

    @property
    def size(self) -> int | None:
        """Nodes of the plainest rule; see `rule_size`."""
        return rule_size(self.rule)

    @property
    def memory(self) -> int | None:
        """Values per parameter that the plainest rule keeps; see `rule_memory`."""
        return rule_memory(self.rule)

    @property
    def name(self) -> str:
        """What the rule does in a few words, such as "= signum"; "" if not recorded.

        The record is of the rule before pruning. A pruned rule that is written like a
        named one has that name.
        """
        if self.pruned and (known := _named().get(self.rule)):
            return f"= {known}"
        record = self.behaviour
        if record is None:
            return ""
        return describe(Behaviour(record.nearest, record.similarity, record.equal))


Keep = Callable[[Sequence[RankedRule]], Sequence[bool]]
"""Says of each of some rules whether it is kept."""


def ranking(
    archive: FindingsKeeper,
    count: int = 10,
    grouped: bool = True,
    keep: Keep | None = None,
) -> list[RankedRule]:
    """Return the best scored rules, in the order of `Archive.best`.

    Args:
        archive: open for reading or writing.
        count: how many at most.
        grouped: whether only the best one of each group is returned: of those that
            behave alike or were pruned to the same rule. A rule of which neither is
            recorded is a group of its own.
        keep: which rules are considered, before they are grouped; all by default. It is
            called once for each rule.

    Returns:
        The rules, best first.

    Raises:
        ValueError: the count is negative.
    """
    findings = Findings(archive)
    proposals = archive.best_first()
    asked = checked_count(count)
    found: dict[int, RankedRule] = {}
    while len(found) < count and (some := list(islice(proposals, asked))):
        rules = findings.of_all(some)
        kept = [True] * len(rules) if keep is None else keep(rules)
        for rule, good in zip(rules, kept, strict=True):
            if good:
                group = rule.group if grouped else None
                found.setdefault(rule.proposal.number if group is None else group, rule)
        # Most were alike, or not kept: look further down.
        asked = max(asked, min(4 * asked, READ_SINGLY - 1))
    return list(found.values())[:count]


class Findings:
    """What an archive holds about its proposals; behaviours are read as needed.

    Args:
        archive: open for reading or writing.
    """

    def __init__(self, archive: FindingsKeeper) -> None:
        self._archive = archive
        self._places = {each.number: each for each in archive.measured()}
        self._prunings = {each.number: each for each in archive.prunings()}
        pruned = archive.behaviours(list(self._prunings))
        self._leaders = {each.number: each.leader for each in pruned}
        self._joined: dict[int, int] = {}  # leaders to a smaller one of the same group
        self._join_pruned()
        sizes = Counter(archive.class_sizes())
        sizes.update(number for number in self._prunings if number not in self._leaders)
        self._sizes: Counter[int] = Counter()
        for leader, size in sizes.items():
            self._sizes[self._first(leader)] += size

    def of(self, proposal: Proposal) -> RankedRule:
        """Return a proposal with what was found out about it.

        Args:
            proposal: of the archive.

        Returns:
            The proposal and its findings.
        """
        (found,) = self.of_all([proposal])
        return found

    def of_all(self, proposals: Sequence[Proposal]) -> list[RankedRule]:
        """Return proposals with what was found out about them, read together.

        Args:
            proposals: of the archive.

        Returns:
            The proposals with their findings, in the same order.
        """
        few = len(proposals) < READ_SINGLY
        numbers = [proposal.number for proposal in proposals] if few else None
        behaviours = {each.number: each for each in self._archive.behaviours(numbers)}
        found = []
        for proposal in proposals:
            number = proposal.number
            behaviour, pruning = behaviours.get(number), self._prunings.get(number)
            group = None
            if behaviour is not None:
                group = self._first(behaviour.leader)
            elif pruning is not None:
                group = self._first(number)
            found.append(
                RankedRule(
                    proposal,
                    self._places.get(number),
                    behaviour,
                    pruning,
                    group,
                    0 if group is None else self._sizes[group] - 1,
                )
            )
        return found

    def _first(self, leader: int) -> int:
        """Return the smallest leader of a leader's group."""
        while leader in self._joined:
            leader = self._joined[leader]
        return leader

    def _join_pruned(self) -> None:
        """Join the classes of proposals that were pruned to the same rule."""
        leaders: dict[str, int] = {}  # by the rule that was pruned to
        for number, pruning in self._prunings.items():
            mine = self._first(self._leaders.get(number, number))
            other = self._first(leaders.setdefault(pruning.rule, mine))
            if mine != other:
                self._joined[max(mine, other)] = min(mine, other)


def first_of_named(behaviours: Iterable[BehaviourRecord]) -> dict[str, int]:
    """Return the first proposal that equals each named rule in behaviour.

    Args:
        behaviours: in the order of their numbers.

    Returns:
        Numbers of proposals by name, in the order of finding.
    """
    found: dict[str, int] = {}
    for record in behaviours:
        if record.equal:
            found.setdefault(record.nearest, record.number)
    return found


def front(rules: Iterable[RankedRule]) -> list[RankedRule]:
    """Return the Pareto front of quality and size.

    A rule is on it if no other one is better and as small, or as good and smaller.
    Quality is the mean where it was measured, else the score that the search was told;
    members of the shortlist are better than all others, whose scores may be lucky.
    Rules that this version can't read have no size and are not on it.

    Args:
        rules: in any order.

    Returns:
        Those on the front, smallest first.
    """
    return list(_front(sorted(rules, key=_merit, reverse=True)))[::-1]


def _merit(rule: RankedRule) -> tuple[bool, float]:
    return rule.place is not None and rule.place.member, rule.worth[1]


def _front(rules: Iterable[RankedRule]) -> Iterator[RankedRule]:
    smallest = math.inf
    for _, equals in groupby(rules, key=_merit):
        sizes = [(rule.size, rule) for rule in equals]
        least = min((size for size, _ in sizes if size is not None), default=math.inf)
        if least < smallest:
            smallest = least
            yield from (rule for size, rule in sizes if size == least)
        if smallest == 1:  # no rule is smaller: sizes of the others are not needed
            return


@lru_cache(maxsize=4096)
def rule_size(text: str) -> int | None:
    """Return the nodes of a rule that a person sees; see `neuralopt.language.size_of`.

    Args:
        text: of a rule.

    Returns:
        The number; None for text that this version's language can't read.
    """
    try:
        return size_of(parse(text))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def rule_memory(text: str) -> int | None:
    """Return how many values a rule keeps for each number that it trains.

    Args:
        text: of a rule.

    Returns:
        The number, for the kind of parameters that needs most; None for text that this
        version's language can't read.
    """
    try:
        return values_per_parameter(parse(text))
    except ValueError:
        return None


@cache
def _named() -> dict[str, str]:
    """Names of known rules by canonical text, the shortest of those that share one."""
    names: dict[str, str] = {}
    for name in sorted(RULES, key=len, reverse=True):
        names[str(simplify(RULES[name].expression))] = name
    return names
