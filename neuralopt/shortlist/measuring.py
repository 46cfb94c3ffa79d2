"""Measure a search's candidates for its shortlist, and keep what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from neuralopt.archive import Archive, Place, Replicate
from neuralopt.evaluators.evaluator import Completion, Request
from neuralopt.language import parse
from neuralopt.scoring.score import NO_RESULT, Score
from neuralopt.shortlist.settling import Settling, ShortlistOptions


class Measuring:
    """The measurements of one search.

    Which ones are made follows from the proposals told at each milestone, so that it is
    the same for any number of workers and for a search that was interrupted: on
    resuming, earlier milestones are gone through again with the measurements that the
    archive has, and only missing ones are made.

    Args:
        archive: of the search, open for writing.
        options: how much is measured.
        attempts: how often a training may break before its measurement is `failed`.
    """

    def __init__(
        self, archive: Archive, options: ShortlistOptions, attempts: int
    ) -> None:
        self._archive, self._options, self._attempts = archive, options, attempts
        self._settling = Settling(options)
        self._reached = 0
        self._open: dict[tuple[int, int | None], Request] = {}
        self._failures: Counter[tuple[int, int | None]] = Counter()
        self._kept: dict[tuple[int, int], Score] = {}
        if options.size:
            self._kept = {
                (each.number, each.replicate): each.score
                for each in archive.replicates()
            }
        self._places = tuple(archive.shortlist())

    @property
    def places(self) -> tuple[Place, ...]:
        """The shortlist of the last milestone, best first."""
        return self._places

    @property
    def measurements(self) -> int:
        """Measurements of this search, those before a resume included."""
        return self._settling.measurements

    @property
    def rules(self) -> int:
        """Rules that were measured."""
        return self._settling.rules

    @property
    def numbers(self) -> list[int]:
        """Numbers of the proposals that are candidates, or were."""
        return self._settling.numbers

    @property
    def open(self) -> int:
        """Measurements that were requested and have not come back."""
        return len(self._open)

    @property
    def reached(self) -> int:
        """The last milestone that was entered; 0 before the first."""
        return self._reached

    def is_due(self, told: int, total: int) -> bool:
        """Return whether a milestone is due; see `milestones`.

        Args:
            told: proposals told so far.
            total: proposals of the search.
        """
        return any(True for _ in self.milestones(told, total))

    def milestones(self, told: int, total: int) -> Iterator[int]:
        """Return the milestones that are due.

        Args:
            told: proposals told so far.
            total: proposals of the search, which ends with a milestone.

        Returns:
            Numbers of proposals, ascending; they are due until `enter` was given them.
        """
        if not self._options.size:
            return
        every = self._options.every
        while (following := self._reached - self._reached % every + every) <= told:
            yield following
        if told == total > self._reached:
            yield total

    def enter(self, milestone: int, qualities: Mapping[int, float]) -> None:
        """Let the best proposals before a milestone become candidates.

        Args:
            milestone: the next one that is due.
            qualities: of scored proposals, by number.
        """
        numbers = range(self._reached, milestone)
        self._settling.enter((n, qualities[n]) for n in numbers if n in qualities)
        self._reached = milestone

    def requests(self) -> list[Request]:
        """Return the next requests, which are open then; empty once all is settled."""
        while wanted := self._settling.wanted():
            missing = [key for key in wanted if key not in self._kept]
            for key in wanted:
                if key in self._kept:
                    self._note(*key, self._kept[key])
            if missing:
                made = [self._request(*key) for key in missing]
                self._open = {request.key: request for request in made}
                return made
        return []

    def take(self, completions: Sequence[Completion]) -> list[Request]:
        """Keep what was measured, in the archive first.

        Args:
            completions: of open requests.

        Returns:
            Requests to be submitted again, because their training broke.
        """
        done: list[Replicate] = []
        again: list[Request] = []
        for each in completions:
            if each.retried or each.replicate is None:
                continue
            failed = each.score.status == "failed"
            self._failures[each.key] += failed
            if failed and self._failures[each.key] < self._attempts:
                again.append(self._open[each.key])
            else:
                done.append(Replicate(each.number, each.replicate, each.score))
        self._archive.save_replicates(done)
        for replicate in done:
            del self._open[replicate.number, replicate.replicate]
            self._kept[replicate.number, replicate.replicate] = replicate.score
            self._note(replicate.number, replicate.replicate, replicate.score)
        return again

    def save(self) -> None:
        """Replace the archive's shortlist by the places as they are now."""
        places = self._settling.places()
        if sorted(places, key=_number) != sorted(self._archive.measured(), key=_number):
            self._archive.save_shortlist(places)
        self._places = tuple(self._archive.shortlist())

    def _request(self, number: int, replicate: int) -> Request:
        return Request(
            number, parse(self._archive.proposal(number).canonical), replicate
        )

    def _note(self, number: int, replicate: int, score: Score) -> None:
        broken = score.status in NO_RESULT
        self._settling.note(number, replicate, None if broken else score.quality)


def _number(place: Place) -> int:
    return place.number
