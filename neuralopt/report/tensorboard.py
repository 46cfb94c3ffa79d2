"""Write a search to TensorBoard, as one run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuralopt.archive.ranking import RankedRule
from neuralopt.report.tables import rules_table

if TYPE_CHECKING:  # it loads torch, and TensorBoard takes two seconds
    from torch.utils.tensorboard import SummaryWriter

    from neuralopt.naming import Rediscovery
    from neuralopt.observer import Progress

_RULES = {"rule", "pruned from"}
_QUANTILES = {"reward/p10": 0.1, "reward/median": 0.5, "reward/p90": 0.9}
# Margin: value, lower, upper. The others are regular expressions of tags; entropy has
# its own chart because on one with it the divergence would be a flat line.
_CHARTS = {
    "search": {
        "best": ["Multiline", ["quality/best.*"]],
        "rewards of a batch": ["Margin", ["reward/median", "reward/p10", "reward/p90"]],
        "proposals by status": ["Multiline", ["counts/.*"]],
    },
    "workers": {"workers": ["Multiline", ["workers/alive", "workers/busy"]]},
    "controller": {
        "entropy": ["Multiline", ["controller/entropy"]],
        "policy change": ["Multiline", ["controller/.*kl.*", "controller/clip.*"]],
    },
}


class TensorBoard:
    """Observes a search and writes it to ``directory``, one run for all of its rules.

    The step of everything is the number of proposals told. Scalars: ``quality/best``,
    which is a mean over fresh replicates with the ends of its interval,
    ``quality/best_low`` and ``quality/best_high``, once there is a shortlist, and
    before that the highest score; ``shortlist/measurements``;
    ``reward/`` mean and quantiles of a batch; ``counts/`` of each status;
    ``controller/`` each diagnostic of the searcher; ``speed/rules_per_second``;
    ``workers/`` alive, busy, lost, retried, queued, and their memory on GPUs;
    ``rules/rediscovered``, how many named rules were found. Text: ``rules/top``, the
    best rules as a table, one of those that behave alike; ``rules/rediscovered``, which
    named rules were found. A search that is resumed continues in the same directory,
    and what the earlier process wrote after the point of resuming is hidden.

    One run a rule is avoided on purpose: with more than 40 runs TensorBoard opens with
    all of them unticked.

    Args:
        directory: such as ``run_dir/tb/search``; made if missing.
        every: seconds between two flushes, and between two tables of rules.
        clock: seconds from any origin.
    """

    def __init__(
        self,
        directory: str | Path,
        every: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = Path(directory)
        self._every = every
        self._clock = clock
        self._writer: SummaryWriter | None = None
        self._flushed = -math.inf
        self._texts: dict[str, str] = {}
        self._last: Progress | None = None
        self._speed = (0.0, 0)

    def start(self, total: int, told: int) -> None:
        """Open the run; what an earlier process told after ``told`` is hidden.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.

        Raises:
            OSError: the directory can't be written.
        """
        from torch.utils.tensorboard import SummaryWriter  # two seconds to load

        # Written whenever there is an earlier file: a search killed before its first
        # checkpoint is resumed with nothing told, and repeats all of it.
        earlier = self._directory.is_dir() and any(self._directory.iterdir())
        self._writer = SummaryWriter(
            str(self._directory), purge_step=told + 1 if earlier else None
        )
        if not earlier:
            self._writer.add_custom_scalars(_CHARTS)
        self._speed = (0.0, 0)

    def batch(self, progress: Progress) -> None:
        """Write one told batch.

        Args:
            progress: where the search is after the batch.
        """
        for tag, value in self._scalars(progress).items():
            self._opened.add_scalar(tag, value, progress.told)
        self._last = progress
        now = self._clock()
        if now - self._flushed >= self._every:
            self._flushed = now
            self._write_tables(progress)
            self._opened.flush()

    def waiting(self, progress: Progress) -> None:
        """Write nothing, because without a told batch there is no step.

        Args:
            progress: where the search is.
        """

    def close(self) -> None:
        """Write the last table and close the run; a second time does nothing."""
        if self._writer is None:
            return
        if self._last is not None:
            self._write_tables(self._last)
        self._writer.close()
        self._writer = None

    @property
    def _opened(self) -> SummaryWriter:
        if self._writer is None:
            raise RuntimeError("this observer isn't started; call start() first")
        return self._writer

    def _scalars(self, progress: Progress) -> dict[str, float]:
        scalars: dict[str, float] = {}
        if progress.shortlist:
            first = progress.shortlist[0]
            scalars["quality/best"] = first.mean
            scalars["quality/best_low"] = first.low
            scalars["quality/best_high"] = first.high
            scalars["shortlist/measurements"] = progress.measurements
        elif progress.best and progress.best[0].quality is not None:
            scalars["quality/best"] = progress.best[0].quality
        rewards = np.array(progress.rewards, dtype=np.float64)
        rewards = rewards[~np.isnan(rewards)]
        if len(rewards):
            scalars["reward/mean"] = float(rewards.mean())
            for tag, share in _QUANTILES.items():
                scalars[tag] = float(np.quantile(rewards, share))
        for status, count in progress.counts.items():
            scalars[f"counts/{status}"] = count
        for name, value in progress.diagnostics.items():
            scalars[f"controller/{name}"] = value
        if progress.rediscoveries:
            scalars["rules/rediscovered"] = len(progress.rediscoveries)
        workers = progress.workers
        scalars["workers/alive"] = workers.alive
        scalars["workers/busy"] = workers.busy
        scalars["workers/lost"] = workers.lost
        scalars["workers/retried"] = workers.retried
        scalars["workers/queued"] = workers.queued
        if workers.gpu_bytes:
            scalars["workers/gpu_gib"] = workers.gpu_bytes / 2**30
        seconds, trained = self._speed
        if progress.seconds > seconds:
            rate = (progress.trained - trained) / (progress.seconds - seconds)
            scalars["speed/rules_per_second"] = rate
            self._speed = (progress.seconds, progress.trained)
        return scalars

    def _write_tables(self, progress: Progress) -> None:
        """Write the best rules and the rediscoveries, unless they are as before."""
        texts = {}
        if rules := progress.ranking() or _plain_ranking(progress):
            texts["rules/top"] = markdown_table(rules)
        if progress.rediscoveries:
            texts["rules/rediscovered"] = _rediscovered(progress.rediscoveries)
        for tag, text in texts.items():
            if text != self._texts.get(tag):
                self._opened.add_text(tag, text, progress.told)
                self._texts[tag] = text


def _plain_ranking(progress: Progress) -> list[RankedRule]:
    """The best rules, of a search that does not say what was found out about them."""
    places = {place.number: place for place in progress.shortlist}
    return [RankedRule(each, places.get(each.number)) for each in progress.best]


def _rediscovered(found: Sequence[Rediscovery]) -> str:
    """Named rules as a Markdown table, in the order of finding."""
    rows = [f"| {each.name} | {each.number} |" for each in found]
    return "\n".join(["| named rule | found as number |", "|:---|---:|", *rows])


def markdown_table(rules: Sequence[RankedRule]) -> str:
    """Return the table of rules and its footnote as Markdown, rules as code.

    TensorBoard's Markdown does not end a cell at a ``|`` inside code, and would show
    the backslash of an escaped one; a backtick would end the code, so it is shown as an
    apostrophe.

    Args:
        rules: best first.

    Returns:
        The lines, joined; one for each rule below the header, then the footnote.
    """
    table = rules_table(rules)
    titles = [column.title for column in table.columns]
    sides = ["---:" if column.right else ":---" for column in table.columns]
    lines = [f"| {' | '.join(titles)} |", f"|{'|'.join(sides)}|"]
    for row in table.rows:
        cells = [
            _code(cell.text)
            if title in _RULES
            else cell.text.replace("*", "\\*").strip()
            for title, cell in zip(titles, row, strict=True)
        ]
        lines.append(f"| {' | '.join(cells)} |")
    notes = (note.replace("*", "\\*") for note in table.notes)
    return "\n".join(lines) + "".join(f"\n\n{note}" for note in notes)


def _code(text: str) -> str:
    code = " ".join(text.replace("`", "'").split())
    return f"`{code}`" if code else ""
