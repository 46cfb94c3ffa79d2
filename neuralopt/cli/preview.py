"""What a search would cost, from its own first seconds.

Knows how to run a little of a search and to extrapolate; refuses to write where the
search would.
"""

import math
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuralopt.archive import Archive
from neuralopt.cli.parts import SearchParts
from neuralopt.language import simplify
from neuralopt.loop import Progress
from neuralopt.loop import search as run_search

SECONDS = 10.0
BATCHES = 3
"""How long the beginning is tried, and how many batches at least."""
ROWS = 4096
"""Rows drawn at random, at most, to see how often they repeat each other."""
BUSY = 0.7
"""Share of the time that workers should have something to do."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a search was: seconds of its process, proposals told, rules trained."""

    seconds: float
    told: int
    trained: int


class Calibration:
    """Observes the beginning of a search and ends it."""

    def __init__(self, stop: threading.Event) -> None:
        self.moments: list[Moment] = []
        self.workers = 0
        self._stop = stop

    def start(self, total: int, told: int) -> None:
        self.moments = [Moment(time.monotonic(), told, 0)]

    def waiting(self, progress: Progress) -> None: ...

    def batch(self, progress: Progress) -> None:
        now = Moment(time.monotonic(), progress.told, progress.trained)
        self.moments.append(now)
        self.workers = max(self.workers, progress.workers.alive)
        timed = now.seconds - self.moments[1].seconds
        if timed > SECONDS and len(self.moments) > BATCHES + 1:
            self._stop.set()

    def close(self) -> None: ...


def show_preview(parts: SearchParts) -> None:
    """Run the beginning of a search in a temporary place, and say what all would cost.

    The first batch is not timed: workers start and kernels load meanwhile.
    """
    settings, stop = parts.settings, threading.Event()
    calibration = Calibration(stop)
    with (
        closing(parts.evaluator()) as evaluator,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "archive.sqlite"
        with Archive.create(path, parts.context()) as archive:
            run_search(
                parts.space,
                parts.searcher,
                evaluator,
                archive,
                settings.proposals,
                settings.batch,
                settings.lag,
                [calibration],
                stop,
            )
            # A search of one batch is timed with its start, there is nothing else.
            first, last = calibration.moments[:2][-1], calibration.moments[-1]
            if last == first:
                first = calibration.moments[0]
            told = list(archive.proposals(stop=last.told))
            trained = {p.number for p in told if p.number >= first.told}
            busy = sum(e.seconds for e in archive.executions() if e.number in trained)
            checkpoint = archive.checkpoint()
        state = len(checkpoint.state) if checkpoint else 0
        each = (path.stat().st_size - state) / len(told)
    seconds, count = last.seconds - first.seconds, last.told - first.told
    kinds = Counter(_kind(proposal.status) for proposal in told)
    total = settings.proposals
    expected = {kind: total * n / len(told) for kind, n in kinds.items()}
    share = busy / (seconds * max(calibration.workers, 1))
    print(
        f"Timed     {count:,} proposals, {last.trained - first.trained:,} of them "
        f"trained, in {seconds:.1f} s: {count / seconds:.3g} proposals/s, "
        f"{(last.trained - first.trained) / seconds:.3g} rules/s, "
        f"{calibration.workers} workers busy {share:.0%} of the time\n"
        f"Expected  of {total:,} proposals "
        + ", ".join(f"{_round(n):,} {kind}" for kind, n in expected.items())
        + ", if all go on like these\n"
        f"Repeats   {_repeated(parts):.1%} of {min(total, ROWS):,} rows drawn at "
        "random; a searcher that learns repeats itself more and more\n"
        f"Time      {_time(total * seconds / count)}\n"
        f"Disk      {(total * each + 2 * state) / 1e6:.3g} MB"
    )
    if share < BUSY and settings.lag < 8:
        print(
            f"Workers wait for the searcher: lag={2 * settings.lag + 1} or a larger "
            "batch keeps them busier, and lets it learn later"
        )


def _kind(status: str) -> str:
    return "trained" if status in ("scored", "diverged") else status


def _repeated(parts: SearchParts) -> float:
    """Share of random rows whose canonical form an earlier one has."""
    count = min(parts.settings.proposals, ROWS)
    rows = parts.space.sample(count, np.random.default_rng(parts.settings.seed))
    rules = [rule for rule in parts.space.decode_all(rows) if rule is not None]
    return 1 - len({simplify(rule) for rule in rules}) / max(len(rules), 1)


def _round(number: float) -> int:
    """To two digits: more would be a promise."""
    if number < 1:
        return math.ceil(number)
    return int(float(f"{number:.1e}"))


def _time(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"about {seconds / unit:.1f} {name}"
    return f"about {max(seconds, 1):.0f} seconds"
