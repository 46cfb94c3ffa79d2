"""Show the progress of a search, on a terminal or in a log."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from neuralopt.archive.ranking import RankedRule
from neuralopt.report.live_display import LiveDisplay, is_capable
from neuralopt.report.progress_facts import RecentPast, plain_line

if TYPE_CHECKING:  # it loads torch
    from neuralopt.observer import Progress

REDRAWN = 0.1
"""Seconds between two drawings on a terminal: small batches are told more often."""

NAMED = 5.0
"""Seconds between two readings of the best rule, while it has no name."""


class ProgressDisplay:
    """Observes a search: lines kept up to date, or plain lines now and then.

    On a terminal a bar, the best rule and the rates are redrawn after every batch; see
    `live_lines`. Elsewhere a line is written after the first batch, then at most one
    every ``every`` seconds, and one at the end. Rediscoveries get lines that stay.
    A stream that is closed, missing or full ends the reporting, never the search.

    Args:
        stream: standard error, as it is when the search starts, if not given.
        every: seconds between plain lines.
        clock: seconds from any origin.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._every = every
        self._clock = clock
        self._recent = RecentPast(0)
        self._last: Progress | None = None
        self._live: LiveDisplay | None = None
        self._best: RankedRule | None = None
        self._read = -math.inf
        self._written = -math.inf
        self._pending = False
        self._announced = 0
        self._resumed_at = 0

    def start(self, total: int, told: int) -> None:
        """Begin at ``told`` of ``total`` proposals.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.
        """
        self._recent = RecentPast(told)
        self._resumed_at = told
        if self._stream is None:
            self._stream = sys.stderr
        try:
            if is_capable(self._stream):
                self._live = LiveDisplay(self._stream, told, total)
        except (AttributeError, OSError, ValueError):  # None, full, closed
            self._give_up()

    def batch(self, progress: Progress) -> None:
        """Show the progress after a told batch.

        Args:
            progress: where the search is after the batch.
        """
        self._announce(progress)
        self._last = progress
        self._recent.tell(progress)
        self._pending = True
        self._show_if_due(progress)

    def waiting(self, progress: Progress) -> None:
        """Show how far trainings are while nothing is told.

        Args:
            progress: where the search is, with no rewards and no diagnostics.
        """
        self._recent.wait(progress)
        self._show_if_due(progress)

    def close(self) -> None:
        """Write what hasn't been written and leave the cursor on a fresh line."""
        if self._pending and self._last is not None:
            self._show(self._last, self._clock())
        if self._live is not None:
            try:
                self._live.stop()
            except (OSError, ValueError):
                self._give_up()
            self._live = None

    def _announce(self, progress: Progress) -> None:
        """Say which named rules were found since the last batch."""
        for found in progress.rediscoveries[self._announced :]:
            if found.number >= self._resumed_at:
                self._say(f"#{found.number}: {found.name} rediscovered")
        self._announced = len(progress.rediscoveries)

    def _say(self, text: str) -> None:
        """Write a line that stays."""
        try:
            if self._live is not None:
                self._live.say(text)
            elif self._stream is not None:
                self._stream.write(text + "\n")
        except (OSError, ValueError):
            self._give_up()

    def _show_if_due(self, progress: Progress) -> None:
        now = self._clock()
        every = self._every if self._live is None else min(REDRAWN, self._every)
        if now - self._written >= every:
            self._show(progress, now)

    def _show(self, progress: Progress, now: float) -> None:
        if self._stream is None:
            return
        self._written, self._pending = now, False
        samples = self._recent.samples
        try:
            if self._live is not None:
                self._live.show(progress, samples, self._best_rule(progress, now))
            else:
                self._stream.write(plain_line(progress, samples) + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _best_rule(self, progress: Progress, now: float) -> RankedRule | None:
        """The best rule with its name, read when it changes or still has no name."""
        if not progress.best:
            return None
        known = self._best
        if known is None or known.proposal.number != progress.best[0].number:
            stale = True
        else:
            stale = not known.name and now - self._read >= NAMED
        if stale:
            self._read = now
            self._best = _best_ranked(progress)
        return self._best

    def _give_up(self) -> None:
        live, self._live, self._stream = self._live, None, None
        if live is not None:
            live.abandon()


def _best_ranked(progress: Progress) -> RankedRule:
    """The best rule, with what was found out about it where the search says so."""
    ranked = progress.ranking()
    return ranked[0] if ranked else RankedRule(progress.best[0])
