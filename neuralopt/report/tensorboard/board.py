"""Watch a search, and write what TensorBoard shows of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from neuralopt.archive import Archive, ArchiveError
from neuralopt.report.tensorboard import pictures, texts
from neuralopt.report.tensorboard.event_files import SEARCH, EventFiles
from neuralopt.report.tensorboard.optimizer_lines import (
    write_optimizers,
    write_point,
)
from neuralopt.report.tensorboard.progress_tables import LEADERBOARD, ProgressTables
from neuralopt.report.tensorboard.rule_runs import FOLDER, write_rule_runs
from neuralopt.report.tensorboard.run_pictures import draw_cards
from neuralopt.report.tensorboard.scalars import (
    Charts,
    Scalars,
    layout,
    scored,
)
from neuralopt.views.baselines import SHARE_OF_ADAM
from neuralopt.views.figures.canvas import png_of
from neuralopt.views.run_view import RunView, read_run

if TYPE_CHECKING:  # they load torch
    from neuralopt.observer import Progress
    from neuralopt.views.card.measure import Scoring

POINTS = 1000
"""Points of each line, as many as TensorBoard shows."""

HISTOGRAMS = 50
"""Histograms of scores, as many as TensorBoard shows."""

FEWEST_SCORES = 30
"""Scores of a histogram, at least."""

TABLES_SHARE = 0.01
"""Largest part of the search's time between two tables of rules, above `every`."""


class TensorBoard:
    """Observes a search and writes it below ``directory``.

    The step of everything is the number of rules trained, which a search is charged
    for. The run ``search`` holds everything except lines of known optimizers, each of
    which is a run of its own, ``optimizers/adam``. Tags, in TensorBoard's order:

    - ``best/``: ``curve``, a picture; ``measured_mean``, the mean over fresh replicates
      once there is a shortlist; ``search_score``, the highest single score
    - ``cards/``: ``1`` and so on, cards of the best rules, as many as a tenth of the
      search's time and a minute allow
    - ``found/``: ``front``, ``behaviours``, ``lineage`` of the best rule and
      ``known_rules_in_time``, pictures;
      ``known_rules``, how many; ``measurements`` on fresh replicates
    - ``interval/``: the best mean again, with the ends of its interval
    - ``proposals/``: ``funnel``, a picture; how many have each status
    - ``scores/``: ``in_time``, a picture; ``told``, a histogram; quantiles
    - ``searcher/``: ``preferences``, a picture; each diagnostic of the searcher
    - ``workers/``: ``in_time``, a picture; their number, load and rate

    Texts: ``best/leaderboard``, ``known_rules``, ``configuration`` and ``verdict``.

    A search that is resumed continues in the same directory, and what the earlier
    process wrote after the point of resuming is hidden. Pictures are drawn in the
    thread of the search, for 3% of its time at most and at its end.

    Args:
        directory: such as ``run_dir/tb``; made if missing.
        archive: file or run directory of the search, which pictures and known
            optimizers are read from; without one there are neither.
        every: seconds between two flushes.
        clock: seconds from any origin.
        scoring: what measures rules for their cards; without it cards show formula and
            tree only.
        evaluations: rules to be trained, if that limits the search; 0 if not.
    """

    def __init__(
        self,
        directory: str | Path,
        archive: str | Path | None = None,
        every: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        scoring: Scoring | None = None,
        evaluations: int = 0,
    ) -> None:
        self._directory, self._scoring = Path(directory), scoring
        self._archive = None if archive is None else Path(archive)
        self._every, self._clock = every, clock
        self._files = EventFiles(self._directory)
        self._evaluations = evaluations
        self._started = self._gave_up = False
        self._began = clock()
        self._warned: set[str] = set()

    def start(self, total: int, told: int) -> None:
        """Begin; nothing is written before the first batch.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.
        """
        self._started = True
        self._total, self._told = total, told
        self._scalars, self._scores = Scalars(), list[float]()
        self._schedule = pictures.Schedule(self._clock)
        self._began = self._flushed = self._tabled = self._clock()
        self._written: tuple[int, int] | None = None  # told, step
        self._histogram = told, 0
        self._lines: dict[str, float] = {}
        self._tables = ProgressTables(self._files, self._warned)
        self._tags: set[str] = set()
        self._charts: Charts = {}
        self._last: Progress | None = None
        try:
            (self._directory / SEARCH).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)

    def batch(self, progress: Progress) -> None:
        """Write one told batch; of a long search, several of them together.

        Args:
            progress: where the search is after the batch.
        """
        if not self._started:
            raise RuntimeError("this observer isn't started; call start() first")
        if self._gave_up:
            return
        try:
            self._note(progress)
        except Exception as error:  # noqa: BLE001 - the search must go on
            self._give_up(error)

    def _note(self, progress: Progress) -> None:
        self._scalars.note(progress)
        self._scores += scored(progress.rewards).tolist()
        self._last = progress
        step = progress.evaluations
        if self._written is not None:
            same = step == self._written[1]
            if same or not self._due(progress, self._written, POINTS):
                return
        self._write(progress, step)
        if self._schedule.due:
            self._draw(step)

    def waiting(self, progress: Progress) -> None:
        """Take note of the workers; without a told batch there is no step.

        Args:
            progress: where the search is.
        """
        self._scalars.note(progress)

    def close(self) -> None:
        """Write the last batch and tables, and close; a second time does nothing."""
        if not self._files.is_open:
            return
        try:
            if (last := self._last) is not None:
                if self._written is None or self._written[1] != last.evaluations:
                    self._write(last, last.evaluations)
                self._tables.write(last, last.evaluations)
            self._files.close()
        except Exception as error:  # noqa: BLE001 - the search must go on
            self._give_up(error)

    def finish(self, heartbeat: Callable[[], None] = lambda: None) -> None:
        """Write the pictures and tables of a search that has ended, after `close`.

        What can't be written costs a line on standard error, and nothing else.

        Args:
            heartbeat: called after each card, which takes seconds to measure.
        """
        if self._archive is None or self._gave_up:
            return
        try:
            with Archive.open(self._archive) as archive:
                view = read_run(archive)
            # A step of its own, so that a search that ends again replaces it.
            step = view.charged + 1
            self._files.open(step)
            write_optimizers(self._files, view, step)
            self._write_pictures(view, step, final=True)
            self._files.text(LEADERBOARD, texts.leaderboard(view.leaderboard), step)
            if judged := texts.verdict(view):
                self._files.text("verdict", judged, step)
            write_rule_runs(view, self._directory.parent / FOLDER)
            self._write_cards(view, step, heartbeat)
            self._files.close()
        except Exception as error:  # noqa: BLE001 - the search has ended well
            pictures.warn("the end of the search", error, self._warned)
            self._files.abandon()

    def _due(self, progress: Progress, since: tuple[int, int], parts: int) -> bool:
        """Whether one of so many parts of the search was told since a batch."""
        told, step = since
        trained = (progress.evaluations - step) * parts
        enough = 0 < self._evaluations <= trained
        return enough or (progress.told - told) * parts >= self._total

    def _give_up(self, error: Exception) -> None:
        """Write no more, which the search must not end because of."""
        self._gave_up = True
        pictures.warn("the rest of the search", error, self._warned)
        self._files.abandon()

    def _write(self, progress: Progress, step: int) -> None:
        numbers = self._scalars.written(progress)
        if not self._files.is_open:
            self._open(step)
        self._lay_out(numbers)
        for tag, value in numbers.items():
            self._files.scalar(SEARCH, tag, value, step)
        for name, quality in self._lines.items():
            write_point(self._files, name, quality, step)
        self._written = (progress.told, step)
        enough = self._due(progress, self._histogram, HISTOGRAMS)
        if enough and len(self._scores) >= FEWEST_SCORES:
            self._files.histogram("scores/told", scored(self._scores), step)
            self._histogram, self._scores = self._written, []
        now = self._clock()
        if now - self._flushed >= self._every:
            if now - self._tabled >= TABLES_SHARE * (now - self._began):
                self._tables.write(progress, step)
                self._tabled = now
            self._files.flush()
            self._flushed = now

    def _lay_out(self, tags: Iterable[str]) -> None:
        """Write the charts again when there are more; TensorBoard shows the newest."""
        self._tags.update(tags)
        charts = layout(self._tags)
        if charts != self._charts:
            self._files.layout(charts)
            self._charts = charts

    def _open(self, step: int) -> None:
        """Open the files; a new search begins with what it is."""
        earlier = self._files.has_earlier(SEARCH) and step > 0
        self._files.open(step)
        context = self._context()
        if "adam" in context:
            self._lines["adam"] = SHARE_OF_ADAM
        if not earlier:
            if context:
                self._files.text("configuration", texts.configuration(context), 0)
            self._files.flush()

    def _context(self) -> Mapping[str, str]:
        if self._archive is None:
            return {}
        try:
            with Archive.open(self._archive) as archive:
                return archive.context
        except ArchiveError as error:
            pictures.warn("the configuration", error, self._warned)
            return {}

    def _draw(self, step: int) -> None:
        """Draw the search as its archive has it, and take note of the time it took."""
        began = self._clock()
        if self._archive is not None:
            try:
                with Archive.open(self._archive) as archive:
                    self._write_pictures(read_run(archive), step)
            except Exception as error:  # noqa: BLE001 - they must not stop it
                pictures.warn("pictures", error, self._warned)
        self._schedule.drew(self._clock() - began)

    def _write_pictures(self, view: RunView, step: int, final: bool = False) -> None:
        for tag, png in pictures.draw(view, self._warned, final):
            self._files.png(tag, png, step)

    def _write_cards(
        self, view: RunView, step: int, heartbeat: Callable[[], None]
    ) -> None:
        took = self._clock() - self._began
        for tag, figure in draw_cards(view, self._scoring, took, self._clock):
            self._files.png(tag, png_of(figure), step)
            heartbeat()
