"""Write the best rules and the known ones of a running search, as they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuralopt.archive.ranking import RankedRule
from neuralopt.report.tensorboard import pictures, texts
from neuralopt.report.tensorboard.event_files import EventFiles

if TYPE_CHECKING:  # it loads torch
    from neuralopt.observer import Progress

LEADERBOARD = "best/leaderboard"


class ProgressTables:
    """The tables that were written last.

    Args:
        files: to write into.
        warned: what a line on standard error was written of.
    """

    def __init__(self, files: EventFiles, warned: set[str]) -> None:
        self._files, self._warned = files, warned
        self._texts: dict[str, str] = {}

    def write(self, progress: Progress, step: int) -> None:
        """Write the tables, unless they are as before.

        Args:
            progress: where the search is.
            step: of the search.
        """
        found = {}
        if rules := self._ranking(progress):
            found[LEADERBOARD] = texts.leaderboard(rules)
        if progress.rediscoveries:
            found["known_rules"] = texts.rediscoveries(progress.rediscoveries)
        for tag, text in found.items():
            if text != self._texts.get(tag):
                self._files.text(tag, text, step)
                self._texts[tag] = text

    def _ranking(self, progress: Progress) -> Sequence[RankedRule]:
        try:
            return progress.ranking() or _plain_ranking(progress)
        except Exception as error:  # noqa: BLE001 - the search must go on
            pictures.warn("the leaderboard", error, self._warned)
            return []


def _plain_ranking(progress: Progress) -> list[RankedRule]:
    """The best rules, of a search that does not say what was found out about them."""
    places = {place.number: place for place in progress.shortlist}
    return [RankedRule(each, places.get(each.number)) for each in progress.best]
