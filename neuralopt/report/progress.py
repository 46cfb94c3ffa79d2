"""Show the progress of a search, on a terminal or in a log."""

from __future__ import annotations

import io
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from neuralopt.report.sparkline import supports_unicode

if TYPE_CHECKING:  # they load torch
    from neuralopt.evaluators.evaluator import Workers
    from neuralopt.observer import Progress

_WINDOW = (
    30.0  # seconds: rates are of the recent past, since caches fill and rules vary
)
_BAR = 24  # characters
_SHORT = {"duplicates": "dup", "diverged": "div", "rejected": "rej"}


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the search was at one time.

    Attributes:
        seconds: of its process.
        done: proposals told; while a batch is being trained also the rules of it that
            are trained, those in training counted by their share of steps.
        trained: rules trained, those in training counted likewise.
    """

    seconds: float
    done: float
    trained: float


class ProgressLine:
    """Observes a search: one line kept up to date, or plain lines now and then.

    On a terminal the line is redrawn after every batch. Elsewhere a line is written
    after the first batch, then at most one every ``every`` seconds, and one at the end.
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
        self._samples: deque[Sample] = deque()
        self._last: Progress | None = None
        self._live: Live | None = None
        self._written: float | None = None
        self._pending = False
        self._announced = 0
        self._resumed_at = 0

    def start(self, total: int, told: int) -> None:
        """Begin at ``told`` of ``total`` proposals.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.
        """
        self._samples = deque([Sample(0.0, told, 0)])
        self._resumed_at = told
        if self._stream is None:
            self._stream = sys.stderr
        try:
            console = _Console(file=self._stream, highlight=False, markup=False)
            if self._stream.isatty() and not console.is_dumb_terminal:
                waiting = Text(f"{told:,}/{total:,}  first batch ...")
                # No refresh thread: nothing may run next to, or outlive, the search.
                # What others print appears above the line, unless it goes to a file.
                self._live = Live(
                    waiting,
                    console=console,
                    auto_refresh=False,
                    redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
                )
                self._live.start(refresh=True)
        except (AttributeError, OSError, ValueError):  # None, full, closed
            self._give_up()

    def batch(self, progress: Progress) -> None:
        """Show the progress after a told batch.

        Args:
            progress: where the search is after the batch.
        """
        self._announce(progress)
        self._last = progress
        self._note(progress, progress.told)
        now = self._clock()
        due = self._written is None or now - self._written >= self._every
        self._pending = True
        if self._live is not None or due:
            self._show(progress, now)

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
                self._live.console.print(text)
            elif self._stream is not None:
                self._stream.write(text + "\n")
        except (OSError, ValueError):
            self._give_up()

    def waiting(self, progress: Progress) -> None:
        """Show how far trainings are while nothing is told.

        Args:
            progress: where the search is, with no rewards and no diagnostics.
        """
        before = self._last.trained if self._last is not None else 0
        trained = progress.trained - before + _in_training(progress)
        self._note(progress, progress.told + trained)
        now = self._clock()
        due = self._written is None or now - self._written >= self._every
        if self._live is not None or due:
            self._show(progress, now)

    def _note(self, progress: Progress, done: float) -> None:
        """Keep where the search is; neither number falls when a batch is told late."""
        before, seconds = self._samples[-1], progress.seconds
        self._samples.append(
            Sample(
                seconds,
                max(before.done, min(done, progress.total)),
                max(before.trained, progress.trained + _in_training(progress)),
            )
        )
        while len(self._samples) > 2 and seconds - self._samples[1].seconds >= _WINDOW:
            self._samples.popleft()

    def close(self) -> None:
        """Write what hasn't been written and leave the cursor on a fresh line."""
        if self._pending and self._last is not None:
            self._show(self._last, self._clock())
        if self._live is not None:
            live, self._live = self._live, None
            try:
                live.stop()
            except (OSError, ValueError):
                self._give_up()

    def _show(self, progress: Progress, now: float) -> None:
        if self._stream is None:
            return
        self._written, self._pending = now, False
        try:
            if self._live is not None:
                width = self._live.console.width
                unicode = supports_unicode(self._stream)
                line = terminal_line(progress, self._samples, width, unicode)
                self._live.update(line, refresh=True)
            else:
                self._stream.write(plain_line(progress, self._samples) + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        live, self._live, self._stream = self._live, None, None
        if live is not None:  # it has redirected the standard streams: hand them back
            live.console.file = io.StringIO()
            live.stop()


def plain_line(progress: Progress, samples: Sequence[Sample]) -> str:
    """Return the progress as one line of a log.

    Args:
        progress: where the search is.
        samples: of the recent past, oldest first, at least one; rates are taken from
            the first to the last.

    Returns:
        The line, without its end.
    """
    share = 100 * samples[-1].done / max(1, progress.total)
    return ", ".join(
        [
            f"told {progress.told:,} of {progress.total:,} ({share:.0f}%)",
            *_facts(progress, samples),
        ]
    )


def terminal_line(
    progress: Progress, samples: Sequence[Sample], width: int, unicode: bool = True
) -> Text:
    """Return the progress as one line that fits a terminal.

    The bar gives way first, then words are shortened, then facts are left out.

    Args:
        progress: where the search is.
        samples: of the recent past, oldest first, at least one; rates are taken from
            the first to the last.
        width: of the terminal, in characters.
        unicode: whether the bar may be drawn with box characters.

    Returns:
        Styled text of at most ``width`` characters.
    """
    done = f"{progress.told:,}/{progress.total:,}"
    facts = _facts(progress, samples)
    filled = round(_BAR * samples[-1].done / max(1, progress.total))
    mark, rest = ("━", "─") if unicode else ("#", "-")
    bar = [(mark * filled, "green"), (rest * (_BAR - filled), "dim"), ("  ", "")]
    text = "  ".join([done, *facts])
    if len(text) + _BAR + 2 < width:
        return Text.assemble(*bar, text, no_wrap=True)
    if len(text) >= width:  # all at once, or words would change while numbers grow
        for long, short in _SHORT.items():
            facts = [fact.replace(long, short) for fact in facts]
        text = "  ".join([done, *facts])
    while len(text) >= width and len(facts) > 1:
        facts.pop(-2)
        text = "  ".join([done, *facts])
    return Text(text[: max(0, width - 1)], no_wrap=True)


def _facts(progress: Progress, samples: Sequence[Sample]) -> list[str]:
    """Rules a second, best quality, counts, time left, as words."""
    first, last = samples[0], samples[-1]
    seconds = last.seconds - first.seconds
    rate = (last.trained - first.trained) / seconds if seconds > 0 else 0.0
    pace = (last.done - first.done) / seconds if seconds > 0 else 0.0
    counts = progress.counts
    left = progress.total - last.done
    return [
        f"{rate:.3g} rules/s",
        _best(progress),
        *_shortlist_facts(progress),
        f"duplicates {counts.get('duplicate', 0):,}",
        f"diverged {counts.get('diverged', 0):,}",
        f"rejected {counts.get('rejected', 0):,}",
        *_worker_facts(progress.workers),
        f"{_duration(left / pace) if pace > 0 else '?'} left" if left > 0 else "done",
    ]


def _best(progress: Progress) -> str:
    """The best quality: a mean with its error, once there is a shortlist."""
    if progress.shortlist:
        first = progress.shortlist[0]
        return f"best {first.mean:.4f} ({first.low:.4f}..{first.high:.4f})"
    best = progress.best[0].quality if progress.best else None
    return f"best {'-' if best is None else format(best, '.4f')}"


def _shortlist_facts(progress: Progress) -> list[str]:
    """What the shortlist has cost, and what is being measured, as words."""
    facts = []
    if progress.measurements:
        facts.append(f"measurements {progress.measurements:,}")
    if progress.measuring:
        facts.append(f"measuring {progress.measuring:,} more")
    return facts


def _in_training(progress: Progress) -> float:
    """Rules in training, each counted by the share of its steps that are done.

    Measurements are none of the proposals that are counted.
    """
    workers = progress.workers
    each = 0 if progress.measuring else workers.steps_per_rule
    return workers.steps_done / each if each else 0.0


def _worker_facts(workers: Workers) -> list[str]:
    """How many work, and what has gone wrong or waits, as words."""
    facts = [f"workers {workers.busy}/{workers.alive} busy"]
    if workers.busy and workers.steps_expected:
        share = workers.steps_done / workers.steps_expected
        facts.append(f"rules in training {share:.0%} done")
    if workers.lost:
        facts.append(f"lost {workers.lost:,}")
    if workers.retried:
        facts.append(f"retried {workers.retried:,}")
    if workers.queued:
        facts.append(f"queued {workers.queued:,}")
    if workers.gpu_bytes:
        facts.append(f"GPU {workers.gpu_bytes / 2**30:.1f} GiB")
    return facts


def _duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Console(Console):
    """A console that leaves the cursor on, which a killed search couldn't turn on."""

    def show_cursor(self, show: bool = True) -> bool:
        return False

    def on_broken_pipe(self) -> None:
        raise  # what rich is handling; its own answer is to end the process
