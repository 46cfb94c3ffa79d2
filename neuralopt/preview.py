"""Estimate what a search will cost by running its first seconds."""

import math
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuralopt.archive import Archive
from neuralopt.evaluators import Evaluator
from neuralopt.language import simplify
from neuralopt.loop import search
from neuralopt.observer import Observer, Progress
from neuralopt.outcomes import CHARGED
from neuralopt.searchers import Searcher
from neuralopt.spaces import Space

SECONDS = 10.0
BATCHES = 3
"""The beginning of a search is run for at least so many seconds and batches."""
ROWS = 4096
"""Largest sample of random rows from which the share of repeats is estimated."""
BUSY = 0.7
"""Share of the time that workers should be busy."""
TRAINED = ("scored", "diverged")


@dataclass(frozen=True, slots=True)
class Preview:
    """Measurements of a search's beginning, and the expected cost of all of it.

    Attributes:
        proposals: Timed proposals.
        trained: Rules trained among them.
        seconds: Time that the timed proposals took.
        workers: Largest number of workers at once.
        busy: Share of the time that workers were busy, in [0, 1].
        counts: Expected proposals of each status; ``trained`` counts those that are
            scored or diverged.
        repeats: Share of random rows whose canonical form an earlier row has.
        sampled: Number of rows from which `repeats` is computed.
        total: Proposals of the whole search.
        total_seconds: Expected time of the whole search.
        total_bytes: Expected size of its archive.
        lag: Batches asked ahead.
    """

    proposals: int
    trained: int
    seconds: float
    workers: int
    busy: float
    counts: Mapping[str, float]
    repeats: float
    sampled: int
    total: int
    total_seconds: float
    total_bytes: float
    lag: int

    def __str__(self) -> str:
        expected = ", ".join(f"{_round(n):,} {kind}" for kind, n in self.counts.items())
        lines = [
            f"Timed     {self.proposals:,} proposals, {self.trained:,} of them "
            f"trained, in {self.seconds:.1f} s: "
            f"{self.proposals / self.seconds:.3g} proposals/s, "
            f"{self.trained / self.seconds:.3g} rules/s, {self.workers} workers busy "
            f"{self.busy:.0%} of the time",
            f"Expected  of {self.total:,} proposals {expected}, if all go on like "
            "these",
            f"Repeats   {self.repeats:.1%} of {self.sampled:,} rows drawn at random; a "
            "searcher that learns repeats itself more and more",
            f"Time      {_time(self.total_seconds)}",
            f"Disk      {self.total_bytes / 1e6:.3g} MB",
        ]
        if self.busy < BUSY and self.lag < 8:
            lines.append(
                f"Workers wait for the searcher: lag={2 * self.lag + 1} or a larger "
                "batch keeps them busier, and lets it learn later"
            )
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Sample:
    """State of a search at one moment.

    Attributes:
        seconds: Reading of the monotonic clock.
        told: Proposals told.
        trained: Rules trained.
    """

    seconds: float
    told: int
    trained: int


class _Calibration:
    """Observes the beginning of a search and ends it."""

    def __init__(self, stop: threading.Event) -> None:
        self.samples: list[_Sample] = []
        self.workers = 0
        self._stop = stop

    def start(self, total: int, told: int) -> None:
        self.samples = [_Sample(time.monotonic(), told, 0)]

    def waiting(self, progress: Progress) -> None: ...

    def batch(self, progress: Progress) -> None:
        now = _Sample(time.monotonic(), progress.told, progress.trained)
        self.samples.append(now)
        self.workers = max(self.workers, progress.workers.alive)
        timed = now.seconds - self.samples[1].seconds
        if timed > SECONDS and len(self.samples) > BATCHES + 1:
            self._stop.set()

    def close(self) -> None: ...


def preview(
    space: Space,
    searcher: Searcher,
    evaluator: Evaluator,
    context: Mapping[str, str],
    proposals: int,
    batch: int = 64,
    lag: int = 1,
    seed: int = 0,
    observers: tuple[Observer, ...] = (),
    evaluations: int = 0,
) -> Preview:
    """Run the beginning of a search in a temporary directory and extrapolate.

    The first batch is not timed: workers start and kernels load during it.

    Args:
        space: As for `search`.
        searcher: As for `search`; it keeps the state that the beginning ended with.
        evaluator: As for `search`.
        context: Context of the temporary archive.
        proposals: Number of proposals of the whole search.
        batch: Proposals asked for at once.
        lag: Batches asked ahead.
        seed: Seed of the random rows from which the share of repeats is estimated.
        observers: Further observers of the beginning.
        evaluations: Rules to be trained before the search ends; 0 for no limit.
    """
    stop = threading.Event()
    calibration = _Calibration(stop)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive.sqlite"
        with Archive.create(path, context) as archive:
            search(
                space,
                searcher,
                evaluator,
                archive,
                proposals,
                batch,
                lag,
                [calibration, *observers],
                stop,
            )
            # A search of only one batch is timed with its start.
            first, last = calibration.samples[:2][-1], calibration.samples[-1]
            if last == first:
                first = calibration.samples[0]
            told = list(archive.proposals(stop=last.told))
            trained = {p.number for p in told if p.number >= first.told}
            busy = sum(e.seconds for e in archive.executions() if e.number in trained)
            checkpoint = archive.checkpoint()
        state = len(checkpoint.state) if checkpoint else 0
        each = (path.stat().st_size - state) / len(told)
    seconds, count = last.seconds - first.seconds, last.told - first.told
    kinds = Counter("trained" if p.status in TRAINED else p.status for p in told)
    charged = sum(p.status in CHARGED for p in told)
    if evaluations and charged:
        proposals = min(proposals, math.ceil(evaluations * len(told) / charged))
    sampled = min(proposals, ROWS)
    return Preview(
        proposals=count,
        trained=last.trained - first.trained,
        seconds=seconds,
        workers=calibration.workers,
        busy=busy / (seconds * max(calibration.workers, 1)),
        counts={kind: proposals * n / len(told) for kind, n in kinds.items()},
        repeats=_repeats(space, sampled, seed),
        sampled=sampled,
        total=proposals,
        total_seconds=proposals * seconds / count,
        total_bytes=proposals * each + 2 * state,
        lag=lag,
    )


def _repeats(space: Space, count: int, seed: int) -> float:
    """Share of random rows whose canonical form an earlier row has."""
    rows = space.sample(count, np.random.default_rng(seed))
    rules = [rule for rule in space.decode_all(rows) if rule is not None]
    return 1 - len({simplify(rule) for rule in rules}) / max(len(rules), 1)


def _round(number: float) -> int:
    """Round to two digits, as more would suggest a precision that is not there."""
    if number < 1:
        return math.ceil(number)
    return int(float(f"{number:.1e}"))


def _time(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"about {seconds / unit:.1f} {name}"
    return f"about {max(seconds, 1):.0f} seconds"
