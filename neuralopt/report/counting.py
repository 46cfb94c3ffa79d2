"""Show how many of a known number of things are done: a bar, or plain lines."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft

from neuralopt.report.duration import duration

EVERY = 5.0
"""Seconds between two plain lines."""

Count = Callable[[float, int], None]
"""Called with (done, total). What is half done may count as half."""


@contextlib.contextmanager
def counting(
    what: str, stream: TextIO | None = None, show: bool = True
) -> Iterator[Count]:
    """Return a function that shows progress while the block runs.

    On a terminal it draws a bar with an estimate of the time left, and removes it at
    the end. Elsewhere it writes a line every few seconds, with the time left at
    the pace so far, and none if the block takes less time than that.

    Args:
        what: the things that are counted, such as ``trainings``.
        stream: standard error if not given.
        show: whether anything is shown.

    Yields:
        A function of (done, total).
    """
    if not show:
        yield lambda done, total: None
        return
    stream = sys.stderr if stream is None else stream
    if stream.isatty():
        columns = BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeLeft()
        with Progress(*columns, console=Console(file=stream), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    began = last = time.monotonic()

    def write(done: float, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > EVERY and done < total:
            last = now
            left = duration((now - began) * (total - done) / done) if done else "?"
            line = f"  {int(done):,} of {total:,} {what}, {left} left"
            print(line, file=stream, flush=True)

    yield write
