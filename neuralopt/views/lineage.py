"""The ancestry of a rule: which rules it was made from, and how."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from neuralopt.archive import Archive, OriginRecord, Proposal
from neuralopt.origin import UNKNOWN
from neuralopt.views.changes import change_of
from neuralopt.views.labels import folded, shortened

KEPT = 40
"""Ancestors that are kept, the nearest ones."""

COUNTED = 2000
"""Ancestors that are looked for."""

RULE_WIDTH = 60
"""Characters of a rule in a line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One parent of a rule, and what was changed.

    Attributes:
        parent: number of the parent's proposal.
        change: see `changes.change_of`; "" for a row made of two.
    """

    parent: int
    change: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A rule of an ancestry.

    Attributes:
        number: of the proposal.
        rule: text in canonical form.
        quality: mean over fresh replicates if it was measured, else the search's score;
            None where there is none.
        kind: how its row was made, that of `UNKNOWN` where it is not recorded.
        steps: one for each parent.
        generation: most steps from it to the rule whose ancestry it is, 0 for that one.
    """

    number: int
    rule: str
    quality: float | None
    kind: str
    steps: tuple[Step, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """The ancestry of a rule.

    Attributes:
        relatives: the rule, then its ancestors, the nearest ones first.
        earlier: number of ancestors that are left out.
        complete: whether `earlier` is all of them; if not, there are more.
    """

    relatives: tuple[Relative, ...]
    earlier: int = 0
    complete: bool = True

    @property
    def rule(self) -> Relative:
        """The rule whose ancestry it is."""
        return self.relatives[0]


def lineage(archive: Archive, number: int, kept: int = KEPT) -> Lineage:
    """Return the ancestry of a proposal's rule.

    Args:
        archive: open for reading or writing.
        number: of the proposal; for a duplicate, the ancestry of its original.
        kept: how many ancestors are returned, at most.

    Returns:
        The ancestry; the rule alone where the archive has no origins, because it was
        made before they were recorded, or the searcher does not say them.

    Raises:
        ArchiveError: there is no such proposal.
    """
    first = archive.proposal(number)
    if first.original is not None:
        first = archive.proposal(first.original)
    origins = _origins(archive, first.number)
    nearest = list(origins)[: kept + 1]
    generations = _generations(first.number, origins, set(nearest))
    means = {place.number: place.mean for place in archive.measured()}
    proposals = {each: archive.proposal(each) for each in nearest}
    relatives = [
        Relative(
            each,
            proposals[each].canonical,
            means.get(each, proposals[each].quality),
            origins[each].kind,
            _steps(archive, proposals, origins[each]),
            generations[each],
        )
        for each in nearest
    ]
    relatives.sort(key=lambda each: (each.generation, -each.number))
    return Lineage(
        tuple(relatives), len(origins) - len(nearest), len(origins) <= COUNTED
    )


def _origins(archive: Archive, number: int) -> dict[int, OriginRecord]:
    """Origins of a rule and its ancestors, the nearest first, up to COUNTED of them.

    Those that are not recorded are of the kind of `UNKNOWN`.
    """
    found: dict[int, OriginRecord] = {}
    waiting = deque([number])
    met = {number}
    while waiting and len(found) <= COUNTED:
        each = waiting.popleft()
        recorded = archive.origins([each])
        found[each] = recorded[0] if recorded else OriginRecord(each, UNKNOWN.kind)
        new = [parent for parent in found[each].parents if parent not in met]
        met.update(new)
        waiting += new
    return found


def _generations(
    number: int, origins: dict[int, OriginRecord], kept: set[int]
) -> dict[int, int]:
    """The longest way from each of the kept ones to the rule.

    Parents have smaller numbers than their children, so that in falling order of the
    numbers each comes after all of its children.
    """
    generations = {number: 0}
    for each in sorted(kept, reverse=True):
        for parent in origins[each].parents:
            if parent in kept:
                further = generations[each] + 1
                generations[parent] = max(further, generations.get(parent, 0))
    return generations


def _steps(
    archive: Archive, proposals: dict[int, Proposal], origin: OriginRecord
) -> tuple[Step, ...]:
    parents = origin.parents
    if len(parents) != 1:
        return tuple(Step(parent, "") for parent in parents)
    (parent,) = parents
    before = proposals[parent] if parent in proposals else archive.proposal(parent)
    change = change_of(before.canonical, proposals[origin.number].canonical)
    return (Step(parent, change),)


def ancestry_lines(lineage: Lineage, most: int = 10) -> list[str]:
    """Return an ancestry as lines of text, the rule first.

    Args:
        lineage: of a rule.
        most: how many rules are written.

    Returns:
        A line for each, and one that counts those that are left out.
    """
    shown = lineage.relatives[:most]
    lines = [_line(each) for each in shown]
    earlier = lineage.earlier + len(lineage.relatives) - len(shown)
    if earlier:
        lines.append(earlier_text(earlier, lineage.complete))
    return lines


def earlier_text(count: int, complete: bool) -> str:
    """Return the words for ancestors that are left out.

    Args:
        count: of them, 1 or more.
        complete: whether there are no more.
    """
    more = "" if complete else "more than "
    return f"{more}{count:,} earlier ancestor{'s' * (count != 1)}"


def _line(each: Relative) -> str:
    quality = "  -   " if each.quality is None else f"{each.quality:.4f}"
    rule = shortened(folded(each.rule), RULE_WIDTH)
    return f"#{each.number}  {quality}  {rule}  ({how(each)})"


def how(each: Relative) -> str:
    """Return how a rule was made, in a few words.

    Args:
        each: of an ancestry.
    """
    if not each.steps:
        return each.kind
    parents = " and ".join(f"#{step.parent}" for step in each.steps)
    changes = "".join(f": {step.change}" for step in each.steps if step.change)
    return f"{each.kind} of {parents}{changes}"
