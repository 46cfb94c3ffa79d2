"""Pictures that need more of a run than its view: ancestry, preferences, cards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from neuralopt.archive import Archive
from neuralopt.views.card.card import card_of_proposal
from neuralopt.views.card.figure import card_figure
from neuralopt.views.figures.lineage import lineage_figure
from neuralopt.views.lineage import lineage
from neuralopt.views.preference_history import run_history
from neuralopt.views.preferences import preferences_figure
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:  # they load torch
    from matplotlib.figure import Figure

    from neuralopt.views.card.measure import Scoring
    from neuralopt.views.card.store import CardStore

CARDS = 4
"""Best rules that have a card."""

CARDS_SHARE = 0.1
"""Largest part of the search's time that its cards take, measurements included."""

MOST_SECONDS = 60.0
"""Largest time for all cards: the search has ended, and somebody waits."""

DRAWING = 2.0
"""Seconds that the drawing of a card is expected to take."""


def lineage_of_best(view: RunView) -> Figure | None:
    """Draw the ancestry of the best rule; None where no parents are recorded.

    Args:
        view: of the run.
    """
    if not view.leaderboard:
        return None
    with Archive.open(view.path) as archive:
        found = lineage(archive, view.leaderboard[0].proposal.number)
    return lineage_figure(found) if len(found.relatives) > 1 else None


def preferences(view: RunView) -> Figure | None:
    """Draw what the searcher preferred over time; None while there is nothing.

    Args:
        view: of the run.
    """
    with Archive.open(view.path) as archive:
        history = run_history(archive, view.folder)
    return preferences_figure(history) if len(history.told) else None


def draw_cards(
    view: RunView,
    scoring: Scoring | None,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[str, Figure]]:
    """Draw cards of the best rules, as many as there is time for.

    A card is not begun where it is expected to take longer than what is left, unless
    its measurements are kept already.

    Args:
        view: of the run.
        scoring: what measures rules; None to draw formula and tree only.
        seconds: that the search took.
        clock: seconds from any origin.

    Yields:
        Tag and picture of each card.
    """
    store = _store(view, scoring)
    # Of training one rule, a baseline or the card's own.
    each = 0.0 if store is None else store.work * seconds / max(1, view.charged)
    end = clock() + min(CARDS_SHARE * seconds, MOST_SECONDS)
    for place, ranked in enumerate(view.leaderboard[:CARDS], 1):
        started = clock()
        missing = 0 if store is None else store.missing(ranked)
        kept = store is not None and not missing
        if not kept and started + DRAWING + missing * each > end:
            continue
        card = card_of_proposal(ranked) if store is None else store.card(ranked)
        if missing:
            each = (clock() - started) / missing
        yield f"cards/{place}", card_figure(card)


def _store(view: RunView, scoring: Scoring | None) -> CardStore | None:
    if scoring is None:
        return None
    from neuralopt.views.card.store import FOLDER, CardStore

    return CardStore(view.folder / FOLDER, scoring)
