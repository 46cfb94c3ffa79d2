"""Rules grouped by behaviour, as they come."""

import bisect
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralopt.behaviour.comparing import (
    TOLERANCE,
    Directions,
    differences,
    directions_of,
)
from neuralopt.behaviour.naming import SLACK, named_rules, similarities
from neuralopt.behaviour.probes import updates
from neuralopt.language import Expression

BATCH = 256
"""Rules probed together when classes are made again."""

KEPT = 1024
"""Leaders whose updates are kept, those that were needed last: 28 KB each."""


@dataclass(frozen=True, slots=True)
class KnownLeader:
    """What an archive knows of a leader without computing it.

    Attributes:
        number: of the leader.
        nearest: the named rule that its behaviour is nearest to.
        similarity: to that one, to four digits.
    """

    number: int
    nearest: str
    similarity: float


class BehaviourClasses:
    """Classes of rules that are equal in behaviour, each led by its first rule.

    A rule joins the class of the earliest leader that it equals (`comparing`), or else
    leads a class of its own. Equality within a tolerance is not transitive, so the
    classes depend on the order of the rules, and on nothing else.

    A leader is kept as its expression and its similarities to the named rules. Equal
    rules have nearly equal similarities, so few leaders remain to be compared with, and
    their updates are computed again.

    Args:
        leaders: of classes so far, in order, such as an archive keeps. They are not
            compared with each other, and each is computed when a rule comes that may
            equal it.
        rule_of: returns the rule of a leader by its number.

    Example:
        >>> from neuralopt.language import parse
        >>> classes = BehaviourClasses()
        >>> classes.assign(1, parse("sign(m)"))
        1
        >>> classes.assign(2, parse("2 * sign(m)"))
        1
    """

    def __init__(
        self,
        leaders: Iterable[KnownLeader] = (),
        rule_of: Callable[[int], Expression] | None = None,
    ) -> None:
        self._numbers: list[int] = []
        self._expressions: dict[int, Expression] = {}
        self._sketches = np.empty((0, len(named_rules().names)), np.float32)
        self._sorted: list[tuple[float, int]] = []
        self._recent: OrderedDict[int, Directions] = OrderedDict()
        given = list(leaders)
        self._rule_of = rule_of
        self._numbers += [each.number for each in given]
        self._waiting = np.arange(len(given))  # places of those not computed yet
        named = {name: place for place, name in enumerate(named_rules().names)}
        self._nearest = np.array([named.get(x.nearest, -1) for x in given], np.intp)
        self._similarity = np.array([each.similarity for each in given])
        if given:
            self._sketches = np.empty((2 * len(given), len(named)), np.float32)

    def _compute_near(self, sketches: npt.NDArray[np.float32]) -> None:
        """Compute the waiting leaders that any rule of these sketches may equal.

        Equal rules have nearly equal similarities to any third one.
        """
        if not len(self._waiting):
            return
        nearest = self._nearest[self._waiting]
        near = nearest < 0
        for sketch in sketches:
            apart = abs(sketch[nearest] - self._similarity[self._waiting])
            near |= apart <= TOLERANCE + SLACK
        places = self._waiting[near].tolist()
        self._waiting = self._waiting[~near]
        assert self._rule_of is not None
        for start in range(0, len(places), BATCH):
            some = places[start : start + BATCH]
            rules = [self._rule_of(self._numbers[place]) for place in some]
            found = similarities(directions_of(updates(rules)))
            for place, rule, sketch in zip(some, rules, found, strict=True):
                self._expressions[place] = rule
                self._sketches[place] = sketch
                bisect.insort(self._sorted, (float(sketch[0]), place))

    @property
    def leaders(self) -> tuple[int, ...]:
        """Numbers of the leaders, in order of first appearance."""
        return tuple(self._numbers)

    def assign(self, number: int, expression: Expression) -> int:
        """Put a rule into a class.

        Args:
            number: of the rule.
            expression: the rule, in any form.

        Returns:
            The number of the leader of its class; the rule's own if it leads a new one.
        """
        return self.assign_all([(number, expression)])[0]

    def assign_all(
        self,
        rules: Sequence[tuple[int, Expression]],
        directions: Directions | None = None,
    ) -> list[int]:
        """Put rules into classes, one after another; computed together.

        Args:
            rules: number and expression of each.
            directions: of their updates, if they are known.

        Returns:
            The number of each rule's leader, as `assign` returns it.
        """
        if not rules:
            return []
        if directions is None:
            directions = directions_of(updates([rule for _, rule in rules]))
        sketches = similarities(directions)
        self._compute_near(sketches)
        found = []
        for i, (number, expression) in enumerate(rules):
            rule = directions.row(i)
            place = self._place_of(rule, sketches[i])
            if place is None:
                place = self._lead(number, expression, sketches[i])
                self._keep(place, rule)
            found.append(self._numbers[place])
        return found

    def _place_of(
        self, rule: Directions, sketch: npt.NDArray[np.float32]
    ) -> int | None:
        """The first leader that a rule equals."""
        if not self._numbers:
            return None
        # A similarity is the mean of cosines over runs, and no cosine to a third rule
        # differs by more than the directions do.
        margin = TOLERANCE + SLACK
        key = float(sketch[0])
        low = bisect.bisect_left(self._sorted, (key - margin, -1))
        high = bisect.bisect_right(self._sorted, (key + margin, len(self._numbers)))
        near = np.array([place for _, place in self._sorted[low:high]], np.intp)
        apart = abs(self._sketches[near] - sketch).max(axis=1, initial=0)
        for place in np.sort(near[apart <= margin]).tolist():
            if differences(rule, self._directions(place))[0] <= TOLERANCE:
                return int(place)
        return None

    def _lead(
        self,
        number: int,
        expression: Expression,
        sketch: npt.NDArray[np.float32],
    ) -> int:
        """Begin a class; return its place."""
        place = len(self._numbers)
        if place >= len(self._sketches):
            room = np.empty((max(64, 2 * place), len(sketch)), np.float32)
            room[:place] = self._sketches[:place]
            self._sketches = room
        self._sketches[place] = sketch
        self._numbers.append(number)
        self._expressions[place] = expression
        bisect.insort(self._sorted, (float(sketch[0]), place))
        return place

    def _directions(self, place: int) -> Directions:
        """Those of a leader, computed again if they were not kept."""
        if place in self._recent:
            self._recent.move_to_end(place)
            return self._recent[place]
        found = directions_of(updates([self._expressions[place]]))
        self._keep(place, found)
        return found

    def _keep(self, place: int, directions: Directions) -> None:
        # A copy: a row of a batch would keep the whole batch alive.
        self._recent[place] = Directions(
            directions.units.copy(), directions.sizes.copy(), directions.kinds.copy()
        )
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)
