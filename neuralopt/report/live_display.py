"""Draw the progress of a search on a terminal, and redraw it in place."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType
from rich.table import Table
from rich.text import Text

from neuralopt.report.duration import duration
from neuralopt.report.progress_facts import (
    Sample,
    best_quality,
    count_facts,
    how_far,
    rate,
    share_done,
    shortlist_facts,
    time_left,
    worker_facts,
)
from neuralopt.report.rule_text import folded

if TYPE_CHECKING:  # they load torch
    from neuralopt.archive.ranking import RankedRule
    from neuralopt.observer import Progress

GAP = "  "
SHORTEST_BAR, LONGEST_BAR = 8, 48
RULE_LINES = 2
"""Lines that the best rule may take; `neuralopt top` shows a longer one in full."""

ROOMY = 100
"""Characters in which no word is shortened."""

_SHORT = {"duplicates": "dup", "diverged": "div", "rejected": "rej"}


class LiveDisplay:
    """Lines at the bottom of a terminal that are redrawn, and lines above that stay.

    There is no refresh thread: nothing may run next to, or outlive, the search. What
    others print appears above, unless it goes to a file.

    Args:
        stream: a terminal.
        told: proposals told before, by an earlier process.
        total: proposals that the search will tell.

    Raises:
        OSError: the terminal can't be written.
        ValueError: it is closed.
    """

    def __init__(self, stream: TextIO, told: int, total: int) -> None:
        self._console = _console(stream)
        self._drawn: list[int] = []  # width of each line
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            vertical_overflow="crop",
        )
        try:
            self._live.start()
            self._draw([Text(f"{told:,}/{total:,}  first batch ...")])
        except (OSError, ValueError):
            self.abandon()
            raise

    def show(
        self, progress: Progress, samples: Sequence[Sample], best: RankedRule | None
    ) -> None:
        """Draw where the search is; see `live_lines`."""
        self._draw(live_lines(progress, samples, best, self._console.width))

    def say(self, text: str) -> None:
        """Write a line that stays, above what is redrawn."""
        self._erase_wrapped()
        self._console.print(text)  # what was drawn is drawn again, cut to the width
        self._drawn = [min(each, self._console.width) for each in self._drawn]

    def stop(self) -> None:
        """Leave what was drawn last, and the cursor on a fresh line."""
        self._live.stop()

    def abandon(self) -> None:
        """Draw no more and hand back the standard streams, which were redirected."""
        self._console.file = io.StringIO()
        self._live.stop()

    def _draw(self, lines: Sequence[RenderableType]) -> None:
        self._erase_wrapped()
        self._live.update(Group(*lines), refresh=True)
        shown = lines[: self._console.height]
        self._drawn = [self._console.measure(line).maximum for line in shown]

    def _erase_wrapped(self) -> None:
        """Erase the lines that a narrower terminal made of those drawn before."""
        width = max(1, self._console.width)
        more = sum((drawn - 1) // width for drawn in self._drawn if drawn)
        up = [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)] * more
        if up:
            self._console.control(Control((ControlType.ERASE_IN_LINE, 2), *up))


def is_capable(stream: TextIO) -> bool:
    """Return whether lines can be redrawn: on a terminal that is not a dumb one.

    Args:
        stream: open.
    """
    return stream.isatty() and not _console(stream).is_dumb_terminal


def live_lines(
    progress: Progress,
    samples: Sequence[Sample],
    best: RankedRule | None,
    width: int,
) -> list[RenderableType]:
    """Return the progress as a few lines that fit a terminal.

    Args:
        progress: where the search is.
        samples: of the recent past, oldest first, at least one; rates are taken from
            the first to the last.
        best: the best rule so far.
        width: of the terminal, in characters. One is left free, or some terminals would
            begin another line.

    Returns:
        The bar with the time left, the best rule with its name and quality, and the
        rates and counts.
    """
    room = max(1, width - 1)
    found = progress.rediscoveries
    working = [rate(samples), *worker_facts(progress.workers)]
    counted = [
        *count_facts(progress.counts),
        *([f"rediscovered {len(found):,}"] if found else []),
        *shortlist_facts(progress),
    ]
    if room < ROOMY:
        counted = [_shortened(fact) for fact in counted]
    lines = _packed(working, room) + _packed(counted, room)
    return [
        _bar(progress, samples, room),
        *_best(progress, best, room),
        *(Text(line, style="dim", no_wrap=True) for line in lines),
    ]


def _bar(progress: Progress, samples: Sequence[Sample], room: int) -> RenderableType:
    """The bar and how far the search is; facts give way, then the bar."""
    counted, done, end = how_far(progress)
    facts = [
        f"{done:,}/{end:,}" + (" trained" if counted == "trained" else ""),
        f"{share_done(progress, samples):.0%}",
        f"{duration(progress.seconds)} passed",
        time_left(progress, samples),
    ]
    beside_bar = room - SHORTEST_BAR - len(GAP)
    while len(facts) > 2 and _width(facts) > beside_bar:
        facts.pop(-2)
    text = Text(GAP.join(facts)[:room], no_wrap=True)
    left = min(LONGEST_BAR, room - len(text) - len(GAP))
    if left < SHORTEST_BAR:
        return text
    line = Table.grid(padding=(0, len(GAP), 0, 0), pad_edge=False)
    bar = ProgressBar(1.0, share_done(progress, samples), width=left)
    line.add_row(bar, text)
    return line


def _best(progress: Progress, best: RankedRule | None, room: int) -> list[Text]:
    """Quality, number, name and formula of the best rule so far."""
    line = Text("best ", no_wrap=True, overflow="ellipsis")
    line.append(best_quality(progress), "bold")
    if best is None:
        return [line]
    line.append(f"{GAP}#{best.proposal.number}", "dim")
    if best.name:
        line.append(f"{GAP}{best.name}", "cyan")
    line.truncate(room, overflow="ellipsis")
    rule = Text(folded(best.rule), "green")
    lines = list(rule.wrap(_console(io.StringIO()), max(1, room - len(GAP))))
    if len(lines) > RULE_LINES:
        lines[RULE_LINES - 1].append(" ...")
    shown = [Text(GAP).append_text(each) for each in lines[:RULE_LINES]]
    for each in shown:
        each.rstrip()
        each.truncate(room, overflow="ellipsis")
    return [line, *shown]


def _packed(facts: Sequence[str], room: int) -> list[str]:
    """Facts on as few lines as they fit, none broken; one too long is cut."""
    lines: list[str] = []
    for fact in facts:
        together = f"{lines[-1]}{GAP}{fact}" if lines else fact
        if lines and cell_len(together) <= room:
            lines[-1] = together
        else:
            lines.append(fact[:room])
    return lines


def _shortened(fact: str) -> str:
    for long, short in _SHORT.items():
        fact = fact.replace(long, short)
    return fact


def _width(facts: Sequence[str]) -> int:
    return cell_len(GAP.join(facts))


def _console(stream: TextIO) -> _Console:
    return _Console(file=stream, highlight=False, markup=False, emoji=False)


class _Console(Console):
    """A console that leaves the cursor on, which a killed search couldn't turn on."""

    def show_cursor(self, show: bool = True) -> bool:
        return False

    def on_broken_pipe(self) -> None:
        raise  # what rich is handling; its own answer is to end the process
