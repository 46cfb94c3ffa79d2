"""Cards of several rules, measured as long as there is time for it."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

from neuralopt.archive.ranking import RankedRule
from neuralopt.views.card.card import Card
from neuralopt.views.card.store import CardStore


class TimedCards:
    """Makes cards, and trains rules for them only within a limit.

    A card is measured if the time that its rule and the baselines are expected to take
    is left; at first by the evaluations of the search, then by the cards before. What
    was measured before is always used.

    Args:
        store: of the run.
        evaluation: seconds of one evaluation; infinite if that is not known.
        limit: seconds of all measurements; infinite for no limit.
        clock: seconds from any origin.
    """

    def __init__(
        self,
        store: CardStore,
        evaluation: float,
        limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock = store, clock
        self._limit, self._left = limit, limit
        self._each = store.work * evaluation if store.work else 0.0

    def card(self, ranked: RankedRule, tell: Callable[[str], None]) -> Card:
        """Return the card of a proposal.

        Args:
            ranked: of the run's archive.
            tell: is told in one line what is trained, before that begins.

        Returns:
            The card; its note says if there was no time to measure it.

        Raises:
            ValueError: the proposal has no rule that this version can read.
        """
        missing = self._store.missing(ranked)
        if not missing:
            tell("nothing is to be trained")
            return self._store.card(ranked)
        expected = missing * self._each
        known = math.isfinite(expected)
        took = (
            f"about {max(expected, 1):,.0f} s" if known else "a time that is not known"
        )
        what = f"training {missing} rule{'s' * (missing != 1)} takes {took}"
        if expected > self._left:
            of = f"{max(self._left, 0):.0f} s of {self._limit:.0f} s are left"
            tell(f"not measured: {what}, and {of}")
            card = self._store.card(ranked, train=False)
            note = f"Not measured: it takes {took}"
            return card if card.measurements else replace(card, note=note)
        tell(what)
        began = self._clock()
        card = self._store.card(ranked)
        passed = self._clock() - began
        self._left -= passed
        self._each = passed / missing
        return card
