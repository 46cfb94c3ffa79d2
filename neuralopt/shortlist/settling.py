"""Decide what to measure until the places of the best rules are settled.

The best of thousands of noisy scores are the best partly by luck. So the best by the
score that the search was told are measured again, on replicates that did not select
them, and their places follow from these alone: never from the score that brought them
in. Measurements are made in rounds: a rule that is clearly not among the best gets no
more of them, and a rule that clearly is gets few, as in the races of Maron and Moore
1994. Intervals are Student's t at 95%, each for itself.

What is asked for is a function of the scores and the measurements, in any order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace

from neuralopt.archive import Place
from neuralopt.scoring.replicates import (
    FIRST_SHORTLIST_REPLICATE,
    SHORTLIST_REPLICATES,
)
from neuralopt.verdict.intervals import MeanEstimate, mean_interval

CANDIDATES = 3
"""Candidates by single score for each place of the shortlist."""
FIRST_ROUND = 3
"""Replicates before a candidate may be dropped."""
LEAST = 5
"""Replicates that a place rests on, even where fewer settle it."""


@dataclass(frozen=True, slots=True)
class ShortlistOptions:
    """How much a search measures.

    Attributes:
        size: places of the shortlist; 0 for no measurements.
        every: proposals told between two times of measuring; it also measures at its
            end.
        replicates: measurements of a rule, at most.

    Raises:
        ValueError: a number is out of range.
    """

    size: int = 20
    every: int = 1024
    replicates: int = 10

    def __post_init__(self) -> None:
        for name, least in (("size", 0), ("every", 1), ("replicates", 1)):
            value = getattr(self, name)
            if value < least:
                raise ValueError(f"shortlist.{name} is {value}: give {least} or more")
        if self.replicates > SHORTLIST_REPLICATES:
            raise ValueError(
                f"shortlist.replicates is {self.replicates}: give "
                f"{SHORTLIST_REPLICATES} or fewer"
            )


@dataclass(frozen=True, slots=True)
class _Standing:
    """A candidate's interval, and how many measurements it rests on or was asked."""

    low: float
    high: float
    asked: int


class Settling:
    """The candidates of a shortlist and their measurements.

    Args:
        options: how much is measured.

    Example:
        >>> settling = Settling(ShortlistOptions(size=1, replicates=3))
        >>> settling.enter([(7, 0.9), (4, 0.8)])
        >>> settling.wanted()[:4]
        [(7, 500), (7, 501), (7, 502), (4, 500)]
        >>> for number, replicate in settling.wanted():
        ...     settling.note(number, replicate, 0.5 if number == 7 else 0.6)
        >>> settling.wanted()
        []
        >>> settling.members()
        [Place(number=4, mean=0.6, low=0.6, high=0.6, replicates=3, member=True)]
    """

    def __init__(self, options: ShortlistOptions) -> None:
        self._options = options
        self._best: list[tuple[float, int]] = []
        self._scores: dict[int, float] = {}
        self._measured: dict[int, dict[int, float | None]] = {}
        self._standing: dict[int, _Standing] = {}  # of those without news

    @property
    def measurements(self) -> int:
        """Measurements noted so far, those that broke included."""
        return sum(map(len, self._measured.values()))

    @property
    def rules(self) -> int:
        """Candidates so far, those that were dropped included."""
        return len(self._measured)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the candidates so far, those that were dropped included."""
        return list(self._measured)

    def enter(self, scored: Iterable[tuple[int, float]]) -> None:
        """Let the best of further proposals become candidates.

        The best by single score of all that ever entered are candidates, and once
        measured they remain so: their measurements are there already.

        Args:
            scored: number and quality of scored proposals that were not entered before.
        """
        pool = CANDIDATES * self._options.size
        entered = [(-quality, number) for number, quality in scored]
        self._best = sorted(self._best + entered)[:pool]
        for loss, number in self._best:
            self._scores[number] = -loss
            self._measured.setdefault(number, {})

    def note(self, number: int, replicate: int, quality: float | None) -> None:
        """Take a measurement.

        Args:
            number: of a candidate.
            replicate: that it was measured on.
            quality: in [0, 1], 0 for a diverged training; None if the training broke,
                which says nothing about the rule and is left out of its mean.
        """
        self._measured[number][replicate] = quality
        self._standing.pop(number, None)

    def wanted(self) -> list[tuple[int, int]]:
        """Return the next measurements, (number, replicate); empty once settled.

        Every candidate gets `FIRST_ROUND` at once. Afterwards those whose place is open
        get one more a round: a candidate is out if its upper limit is below the lower
        limits of as many others as there are places, and in if its lower limit is above
        the upper limits of all but fewer than that.
        """
        most = self._options.replicates
        first = range(min(FIRST_ROUND, most))
        missing = [
            (number, FIRST_SHORTLIST_REPLICATE + n)
            for number in self._in_order()
            for n in first
            if FIRST_SHORTLIST_REPLICATE + n not in self._measured[number]
        ]
        if missing:
            return missing
        standings = self._standings()
        bar = self._bar(standings)
        highs = sorted(each.high for each in standings.values())
        return [
            (number, FIRST_SHORTLIST_REPLICATE + standings[number].asked)
            for number in self._in_order()
            if standings[number].asked < most
            and standings[number].high >= bar
            and not self._is_in(standings[number], highs)
        ]

    def places(self) -> list[Place]:
        """Return the places of all that are measured.

        Returns:
            The shortlist first, as its members, then the others; each with the highest
            mean first, of equal ones the better single score, then the lower number.
            Candidates that are out are no members; those of which every measurement
            broke have no place.
        """
        standings = self._standings()
        bar = self._bar(standings)
        found = []
        for number in self._in_order():
            if values := self._values(number):
                mean = MeanEstimate.of(values).mean
                at = standings[number]
                low, high = min(at.low, mean), max(at.high, mean)  # if rounding differs
                possible = at.high >= bar
                found.append(Place(number, mean, low, high, len(values), possible))
        # A stable sort: equal ones stay in order.
        found.sort(key=lambda place: (not place.member, -place.mean))
        size = self._options.size
        others = [replace(place, member=False) for place in found[size:]]
        others.sort(key=lambda place: -place.mean)
        return found[:size] + others

    def members(self) -> list[Place]:
        """Return the places of the shortlist, best first."""
        return [place for place in self.places() if place.member]

    def _in_order(self) -> list[int]:
        return sorted(self._measured, key=lambda n: (-self._scores[n], n))

    def _values(self, number: int) -> list[float]:
        measured = self._measured[number]
        found = (measured[replicate] for replicate in sorted(measured))
        return [value for value in found if value is not None]

    def _standings(self) -> dict[int, _Standing]:
        for number in self._measured.keys() - self._standing.keys():
            values = self._values(number)
            low, high = mean_interval(values) if values else (0.0, 1.0)
            asked = len(self._measured[number])
            self._standing[number] = _Standing(low, high, asked)
        return self._standing

    def _bar(self, standings: dict[int, _Standing]) -> float:
        """The lower limit that as many candidates reach as there are places."""
        lows = sorted((each.low for each in standings.values()), reverse=True)
        size = self._options.size
        return lows[size - 1] if 0 < size <= len(lows) else 0.0

    def _is_in(self, standing: _Standing, highs: list[float]) -> bool:
        """Whether a place is certain, on enough measurements."""
        if standing.asked < min(LEAST, self._options.replicates):
            return False
        # The candidate itself is one of those whose upper limit reaches its lower one.
        rivals = len(highs) - bisect_left(highs, standing.low) - 1
        return rivals < self._options.size
