"""Name the rules of a search by what they do, as they are scored.

Every useful rule gets its behaviour (`neuralopt.behaviour`) and its class: the first
proposal of the search that behaves alike. They are kept in the archive, in the order of
asking, so that they do not depend on workers or interruptions.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from neuralopt.archive import Archive, BehaviourRecord
from neuralopt.behaviour.classes import BehaviourClasses, KnownLeader
from neuralopt.behaviour.comparing import directions_of
from neuralopt.behaviour.naming import behaviours
from neuralopt.behaviour.probes import updates
from neuralopt.language import parse

USEFUL = 0.5
"""A rule is useful if its quality is at least this share of the best so far. Nine in
ten random rules are not, and a rule that behaves like a named one is not if its factor
is out of reach of the learning rates."""


@dataclass(frozen=True, slots=True)
class Rediscovery:
    """The first useful rule of a search that behaves like a named rule.

    Attributes:
        number: of the proposal.
        name: of the named rule.
    """

    number: int
    name: str


class Naming:
    """The behaviours of one search.

    Args:
        archive: of the search, open for writing. What it holds is not computed again.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._leaders: dict[int, int] = {}
        self._names: dict[int, str] = {}
        self._found: dict[str, Rediscovery] = {}
        self._best: dict[int, tuple[float, int]] = {}
        self._highest = 0.0
        self._known_leaders: list[KnownLeader] = []
        for record in archive.behaviours():
            self._remember(record)
            if record.leader == record.number:
                self._known_leaders.append(
                    KnownLeader(record.number, record.nearest, record.similarity)
                )

    @cached_property
    def _classes(self) -> BehaviourClasses:
        """Made when the first rule is to be named."""
        return BehaviourClasses(
            self._known_leaders,
            lambda number: parse(self._archive.proposal(number).canonical),
        )

    @property
    def rediscoveries(self) -> tuple[Rediscovery, ...]:
        """What was found so far of the named rules, in the order of finding."""
        return tuple(self._found.values())

    def tell(self, qualities: Mapping[int, float | None]) -> None:
        """Name the useful ones of proposals, unless they are named already.

        Args:
            qualities: of scored proposals by number, in rising order; None for one that
                was stopped after it had passed several gates, which is useful too. All
                of a search are told once, in order; how they are divided makes no
                difference.
        """
        useful: dict[int, float | None] = {}
        for number, quality in qualities.items():
            self._highest = max(self._highest, quality or 0.0)
            if quality is None or quality >= USEFUL * self._highest:
                useful[number] = quality
        fresh = [number for number in useful if number not in self._leaders]
        for record in self._records(fresh):
            self._remember(record)
        for number, quality in useful.items():
            name, leader = self._names.get(number, ""), self._leaders[number]
            if name:
                self._found.setdefault(name, Rediscovery(number, name))
            if quality is not None:
                place = (-quality, number)
                self._best[leader] = min(self._best.get(leader, place), place)

    def best_of_classes(
        self, numbers: Iterable[int], known: Collection[int] = ()
    ) -> list[int]:
        """Return which proposals are the best scored ones of their classes so far.

        Args:
            numbers: of proposals.
            known: proposals that stand for their classes already; those are left out.
        """
        left = {self._leaders[number] for number in known if number in self._leaders}
        found = []
        for number in numbers:
            leader = self._leaders.get(number)
            if leader is None or leader in left:
                continue
            if self._best.get(leader, (0.0, -1))[1] == number:
                found.append(number)
        return found

    def _remember(self, record: BehaviourRecord) -> None:
        self._leaders[record.number] = record.leader
        if record.equal:
            self._names[record.number] = record.nearest

    def _records(self, numbers: Sequence[int]) -> list[BehaviourRecord]:
        """Compute and save behaviours."""
        if not numbers:
            return []
        first, last = min(numbers), max(numbers)
        texts = {
            proposal.number: proposal.canonical
            for proposal in self._archive.proposals(start=first, stop=last + 1)
        }
        rules = [parse(texts[number]) for number in numbers]
        rows = updates(rules)
        directions = directions_of(rows)
        leaders = self._classes.assign_all(
            list(zip(numbers, rules, strict=True)), directions
        )
        records = [
            BehaviourRecord(
                number, each.nearest, each.similarity, each.equal, each.families, leader
            )
            for number, each, leader in zip(
                numbers, behaviours(rules, rows, directions), leaders, strict=True
            )
        ]
        self._archive.save_behaviours(records)
        return records
