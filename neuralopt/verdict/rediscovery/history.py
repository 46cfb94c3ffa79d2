"""When a search first trained a rule that equals a target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralopt.archive import Archive, Proposal
from neuralopt.verdict.rediscovery.matching import BATCH, equal_in_behaviour
from neuralopt.verdict.rediscovery.targets import Target

CHARGED = ("scored", "stopped", "diverged")
"""Statuses of rules that were trained, each of which is one evaluation."""

USEFUL = 0.5
"""A rule is useful if its quality is at least this share of the best so far."""

PAUSE = 60.0
"""Seconds without any result, beyond the time that the next one took, after which a
search is taken to have been interrupted. The time above it is not counted."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A rule that a search trained.

    Attributes:
        number: of the proposal.
        evaluations: rules trained up to this one, in the order of asking.
        seconds: of the search, until the rule was scored.
        quality: that the search was told.
        rule: its text.
    """

    number: int
    evaluations: int
    seconds: float
    quality: float
    rule: str


@dataclass(frozen=True, slots=True)
class FirstFound:
    """The first rules of a search that equal a target; None where there is none.

    Attributes:
        form: equal in form, for any epsilon.
        behaviour: equal in behaviour. Its factor may be out of reach of the learning
            rates, and its quality low.
        useful: equal in behaviour, with at least half of the best quality so far.
    """

    form: Occurrence | None = None
    behaviour: Occurrence | None = None
    useful: Occurrence | None = None


class History:
    """What a search has found of some targets, as its proposals are told.

    Args:
        targets: that are looked for.

    Attributes:
        found: by name of the target.
        evaluations: rules trained so far.
        seconds: of the search so far.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self.found: dict[str, FirstFound] = {t.name: FirstFound() for t in targets}
        self.evaluations = 0
        self.seconds = 0.0
        self._best = 0.0
        self._targets = list(targets)

    @property
    def missing(self) -> list[str]:
        """Names of the targets that no useful rule behaves like so far."""
        return [name for name, each in self.found.items() if each.useful is None]

    def tell(self, proposals: Sequence[Proposal], seconds: Mapping[int, float]) -> None:
        """Look for targets among further proposals.

        Args:
            proposals: in the order of asking; those that were not trained are skipped.
            seconds: of the search until each of them was scored, by number.
        """
        trained = [each for each in proposals if each.status in CHARGED]
        if not trained:
            return
        occurrences = [
            Occurrence(
                each.number,
                self.evaluations + count,
                seconds.get(each.number, 0.0),
                each.quality or 0.0,
                each.canonical,
            )
            for count, each in enumerate(trained, 1)
        ]
        self.evaluations += len(trained)
        self.seconds = max(self.seconds, *(each.seconds for each in occurrences))
        qualities = np.array([each.quality for each in occurrences])
        best = np.maximum.accumulate(np.maximum(qualities, self._best))
        self._best, useful = float(best[-1]), qualities >= USEFUL * best
        wanted = [target for target in self._targets if target.name in self.missing]
        equal = equal_in_behaviour([each.expression for each in trained], wanted)
        alike = {target.name: equal[:, place] for place, target in enumerate(wanted)}
        nothing = np.zeros(len(trained), np.bool_)
        for target in self._targets:
            like, before = alike.get(target.name, nothing), self.found[target.name]
            same = np.array([each.rule in target.forms for each in occurrences])
            self.found[target.name] = FirstFound(
                before.form or _first(occurrences, same),
                before.behaviour or _first(occurrences, like),
                before.useful or _first(occurrences, like & useful),
            )


def _first(
    occurrences: Sequence[Occurrence], which: NDArray[np.bool_]
) -> Occurrence | None:
    return occurrences[int(which.argmax())] if which.any() else None


def history(archive: Archive, targets: Sequence[Target]) -> History:
    """Return what a search has found of some targets.

    Args:
        archive: of a search, finished or not.
        targets: that are looked for.
    """
    made, seconds = History(targets), seconds_until(archive)
    batch: list[Proposal] = []
    for proposal in archive.proposals():
        if proposal.status in CHARGED:
            batch.append(proposal)
        if len(batch) == BATCH:
            made.tell(batch, seconds)
            batch = []
    made.tell(batch, seconds)
    return made


def seconds_until(archive: Archive) -> dict[int, float]:
    """Return the seconds of the search until each proposal was scored, by number.

    They begin with the first training. Interruptions are left out (`PAUSE`).

    Args:
        archive: of a search.
    """
    ends = sorted(
        (each.finished, each.seconds, each.number) for each in archive.executions()
    )
    found: dict[int, float] = {}
    if not ends:
        return found
    elapsed, before = 0.0, ends[0][0] - ends[0][1]
    for finished, seconds, number in ends:
        elapsed += min(finished - before, seconds + PAUSE)
        before = finished
        found[number] = elapsed
    return found
