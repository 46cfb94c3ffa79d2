"""Draw the pictures of a search now and then, for a small part of its time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from neuralopt.report.tensorboard.run_pictures import lineage_of_best, preferences
from neuralopt.views.figures.behaviour import behaviour_figure
from neuralopt.views.figures.best import best_figure
from neuralopt.views.figures.canvas import png_of
from neuralopt.views.figures.front import front_figure
from neuralopt.views.figures.funnel import funnel_figure
from neuralopt.views.figures.rediscovery import rediscovery_figure
from neuralopt.views.figures.scores import scores_figure
from neuralopt.views.figures.search import search_figure
from neuralopt.views.figures.verdict import verdict_figure
from neuralopt.views.figures.workers import worker_figure
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARE = 0.03
"""Largest part of the search's time that drawing takes."""

GROWTH = 0.5
"""Pictures are drawn again once the search has taken so much longer than at the last
ones. TensorBoard keeps ten of each tag, which then span all of a search."""

FIRST = 1.5
"""Seconds that the first drawing is expected to take."""

PICTURES: Mapping[str, Callable[[RunView], Figure | None]] = {
    "best/curve": best_figure,
    "best/search": search_figure,
    "found/behaviours": behaviour_figure,
    "found/front": front_figure,
    "found/known_rules_in_time": rediscovery_figure,
    "found/lineage": lineage_of_best,
    "proposals/funnel": funnel_figure,
    "scores/in_time": scores_figure,
    "searcher/preferences": preferences,
    "workers/in_time": worker_figure,
}
"""Pictures of a running search by tag; None where there is nothing to draw."""


class Schedule:
    """Says when pictures are drawn, so that they take little of a search's time.

    Args:
        clock: seconds from any origin.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = self._drawn = clock()
        self._took = FIRST

    @property
    def due(self) -> bool:
        """Whether it is time to draw."""
        now = self._clock()
        grown = GROWTH * (self._drawn - self._started)
        return now - self._drawn >= max(self._took / SHARE, grown)

    def drew(self, seconds: float) -> None:
        """Take note that pictures were drawn.

        Args:
            seconds: that it took.
        """
        self._drawn, self._took = self._clock(), seconds


def draw(
    view: RunView, warned: set[str], final: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Draw a search, one picture after another.

    What can't be drawn costs a line on standard error, once, and nothing else.

    Args:
        view: of the search.
        warned: tags that such a line was written of.
        final: whether the search has ended, so that its verdict is drawn too.

    Yields:
        Tag and content of a PNG file of each picture.
    """
    pictures = dict(PICTURES)
    if final and view.verdicts:
        pictures["verdict/intervals"] = verdict_figure
    for tag, figure in pictures.items():
        try:
            drawn = figure(view)
            png = None if drawn is None else png_of(drawn)
        except Exception as error:  # noqa: BLE001 - a picture must not stop a search
            warn(f"the picture {tag}", error, warned)
            continue
        if png is not None:
            yield tag, png


def warn(what: str, error: Exception, warned: set[str]) -> None:
    """Write one line on standard error, the first time only.

    Args:
        what: could not be made.
        error: why.
        warned: what such a line was written of.
    """
    if what in warned:
        return
    warned.add(what)
    why = " ".join(f"{type(error).__name__}: {error}".split())
    sys.stderr.write(f"TensorBoard goes without {what}: {why[:200]}\n")
