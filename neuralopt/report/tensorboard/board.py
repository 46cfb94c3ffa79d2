"""Watch a search, and write what TensorBoard shows of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from neuralopt.archive import Archive, ArchiveError
from neuralopt.archive.ranking import RankedRule
from neuralopt.report.tensorboard import pictures, texts
from neuralopt.report.tensorboard.event_files import SEARCH, EventFiles
from neuralopt.report.tensorboard.rule_runs import FOLDER, write_rule_runs
from neuralopt.report.tensorboard.run_pictures import CARDS_SHARE, draw_cards
from neuralopt.report.tensorboard.scalars import MEAN, SCORE, Scalars, layout, scored
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


LEADERBOARD = "best/leaderboard"

OPTIMIZERS = "optimizers"
"""Folder of the runs that are lines of known optimizers."""

MOST_OPTIMIZERS = 6
"""Known optimizers that are lines, the best ones: TensorBoard has seven colours."""


class TensorBoard:
    """Observes a search and writes it below ``directory``.

    The step of everything is the number of rules trained, which a search is charged
    for. The run ``search`` holds everything except lines of known optimizers, each of
    which is a run of its own, ``optimizers/adam``. Tags, in TensorBoard's order:

    - ``best/``: ``curve``, a picture; ``card_1`` and so on, cards of the best rules, as
      many as a tenth of the search's time allows; ``measured_mean``, the mean over
      fresh replicates once there is a shortlist; ``search_score``, the highest single
      score
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
    """

    def __init__(
        self,
        directory: str | Path,
        archive: str | Path | None = None,
        every: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        scoring: Scoring | None = None,
    ) -> None:
        self._directory, self._scoring = Path(directory), scoring
        self._archive = None if archive is None else Path(archive)
        self._every, self._clock = every, clock
        self._files = EventFiles(self._directory)
        self._started = False
        self._warned: set[str] = set()

    def start(self, total: int, told: int) -> None:
        """Begin; nothing is written before the first batch.

        Args:
            total: proposals that the search will tell.
            told: proposals told before, by an earlier process.

        Raises:
            OSError: the directory can't be made.
        """
        (self._directory / SEARCH).mkdir(parents=True, exist_ok=True)
        self._started = True
        self._total, self._told = total, told
        self._scalars, self._scores = Scalars(), list[float]()
        self._schedule = pictures.Schedule(self._clock)
        self._began = self._flushed = self._tabled = self._clock()
        self._written: tuple[int, int] | None = None  # told, step
        self._histogram = told
        self._lines: dict[str, float] = {}
        self._texts: dict[str, str] = {}
        self._last: Progress | None = None

    def batch(self, progress: Progress) -> None:
        """Write one told batch; of a long search, several of them together.

        Args:
            progress: where the search is after the batch.
        """
        if not self._started:
            raise RuntimeError("this observer isn't started; call start() first")
        self._scalars.note(progress)
        self._scores += scored(progress.rewards).tolist()
        self._last = progress
        step = progress.evaluations
        if self._written is not None:
            told, before = self._written
            if step == before or (progress.told - told) * POINTS < self._total:
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
        """Write the last tables and close the files; a second time does nothing."""
        if not self._files.is_open:
            return
        if self._last is not None:
            self._write_tables(self._last, self._last.evaluations)
        self._files.close()

    def finish(self) -> None:
        """Write the pictures and tables of a search that has ended, after `close`.

        What can't be written costs a line on standard error, and nothing else.
        """
        if self._archive is None:
            return
        try:
            with Archive.open(self._archive) as archive:
                view = read_run(archive)
            # A step of its own, so that a search that ends again replaces it.
            step = view.charged + 1
            self._files.open(step)
            self._write_optimizers(view, step)
            self._write_pictures(view, step, final=True)
            self._write_cards(view, step)
            self._files.text(LEADERBOARD, texts.leaderboard(view.leaderboard), step)
            if judged := texts.verdict(view):
                self._files.text("verdict", judged, step)
            write_rule_runs(view, self._directory.parent / FOLDER)
        except Exception as error:  # noqa: BLE001 - the search has ended well
            pictures.warn("the end of the search", error, self._warned)
        finally:
            self._files.close()

    def _write(self, progress: Progress, step: int) -> None:
        numbers = self._scalars.written(progress)
        if not self._files.is_open:
            self._open(step, numbers)
        for tag, value in numbers.items():
            self._files.scalar(SEARCH, tag, value, step)
        for name, quality in self._lines.items():
            for tag in (MEAN, SCORE):
                self._files.scalar(f"{OPTIMIZERS}/{name}", tag, quality, step)
        self._written = (progress.told, step)
        enough = (progress.told - self._histogram) * HISTOGRAMS >= self._total
        if enough and len(self._scores) >= FEWEST_SCORES:
            self._files.histogram("scores/told", scored(self._scores), step)
            self._histogram, self._scores = progress.told, []
        now = self._clock()
        if now - self._flushed >= self._every:
            if now - self._tabled >= TABLES_SHARE * (now - self._began):
                self._write_tables(progress, step)
                self._tabled = now
            self._files.flush()
            self._flushed = now

    def _open(self, step: int, numbers: Mapping[str, float]) -> None:
        """Open the files; a new search begins with what it is."""
        earlier = self._files.has_earlier(SEARCH) and step > 0
        self._files.open(step)
        context = self._context()
        if "adam" in context:
            self._lines["adam"] = SHARE_OF_ADAM
        if not earlier:
            self._files.layout(layout(numbers))
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

    def _write_tables(self, progress: Progress, step: int) -> None:
        """Write the best rules and the known ones, unless they are as before."""
        found = {}
        if rules := progress.ranking() or _plain_ranking(progress):
            found[LEADERBOARD] = texts.leaderboard(rules)
        if progress.rediscoveries:
            found["known_rules"] = texts.rediscoveries(progress.rediscoveries)
        for tag, text in found.items():
            if text != self._texts.get(tag):
                self._files.text(tag, text, step)
                self._texts[tag] = text

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

    def _write_cards(self, view: RunView, step: int) -> None:
        seconds = CARDS_SHARE * (self._clock() - self._began)
        for tag, figure in draw_cards(view, self._scoring, seconds, self._clock):
            self._files.png(tag, png_of(figure), step)

    def _write_optimizers(self, view: RunView, step: int) -> None:
        """Write the verdict's means of known optimizers as lines over all steps."""
        for each in view.baselines[:MOST_OPTIMIZERS]:
            run = f"{OPTIMIZERS}/{each.name}"
            if each.source != "verdict":
                continue
            steps = (step,) if self._files.has_earlier(run) else (1, step)
            for tag in (MEAN, SCORE):
                for place in steps:
                    self._files.scalar(run, tag, each.quality, place)


def _plain_ranking(progress: Progress) -> list[RankedRule]:
    """The best rules, of a search that does not say what was found out about them."""
    places = {place.number: place for place in progress.shortlist}
    return [RankedRule(each, places.get(each.number)) for each in progress.best]
