"""Pictures for the page of a run: cards of its best rules, and its preferences."""

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from neuralopt.archive import Archive
from neuralopt.archive.ranking import RankedRule, ranking
from neuralopt.cli.rule_card import card_store
from neuralopt.machine.memory import memory_text
from neuralopt.report.failure import why
from neuralopt.report.html.pictures import Picture
from neuralopt.views.card.figure import card_figure
from neuralopt.views.card.store import CardStore
from neuralopt.views.card.time_limit import TimedCards
from neuralopt.views.figures.lineage import lineage_figure
from neuralopt.views.lineage import ancestry_lines, lineage
from neuralopt.views.preference_history import run_history
from neuralopt.views.preferences import preferences_figure
from neuralopt.views.run_view import RunView

LIMIT = 60.0
"""Seconds that rules may be trained for cards, unless their number was asked for."""


def cards(
    run: str, archive: Archive, count: int, view: RunView, limit: float = LIMIT
) -> list[Picture]:
    """Return the cards of the best rules, with a line on standard error for each.

    Args:
        run: its directory, where measurements of cards are kept.
        archive: of the run.
        count: of rules; 0 for none.
        view: of the run.
        limit: seconds that rules may be trained for all cards; those that are expected
            to take longer than what is left show formula and tree only.

    Returns:
        A picture for each rule, best first. A rule that this version can't read has
        none.
    """
    if count < 1:
        return []
    best = ranking(archive, count)
    try:
        store = card_store(run)
        evaluation = _seconds_of_evaluation(view)
        timed = TimedCards(store, evaluation, limit)
    except Exception as error:  # noqa: BLE001 - formula and tree are still of use
        _miss("measurement of cards", error)
        timed = TimedCards(CardStore(None, None), math.inf, limit)
    found: list[Picture] = []
    for place, ranked in enumerate(best, 1):
        number = ranked.proposal.number
        tell = partial(_tell, f"Card of rule {number} ({place} of {len(best)})")
        make = partial(_rule_card, timed, ranked, tell)
        found += _made(f"card of rule {number}", make)
    return found


def _tell(card: str, text: str) -> None:
    print(f"{card}: {text}", file=sys.stderr, flush=True)


def _seconds_of_evaluation(view: RunView) -> float:
    """Of a rule that no gate stopped, on average; infinite if none is known."""
    scored = view.proposals.number[view.proposals.where("scored")]
    mine = np.isin(view.attempts.number, scored) & ~view.attempts.lost
    return float(view.attempts.seconds[mine].mean()) if mine.any() else math.inf


def _rule_card(
    cards: TimedCards, ranked: RankedRule, tell: Callable[[str], None]
) -> Picture:
    card = cards.card(ranked, tell)
    measured = " and how it trains" if card.measurements else ""
    alternative = (
        f"{card.title}, {card.likeness}, size {card.size}, memory of "
        f"{memory_text(card.rule)}."
    )
    caption = f"{card.title}: its formula, its tree{measured}."
    return Picture.of(card_figure(card), f"{caption} {card.note}".strip(), alternative)


def lineages(archive: Archive, count: int) -> list[Picture]:
    """Return the ancestry of the best rules whose parents are recorded.

    Args:
        archive: of the run.
        count: of rules, at most.

    Returns:
        A picture for each rule, best first.
    """
    found: list[Picture] = []
    for ranked in ranking(archive, count):
        number = ranked.proposal.number
        make = partial(_lineage, archive, number)
        found += _made(f"ancestry of rule {number}", make)
    return found


def _lineage(archive: Archive, number: int) -> Picture | None:
    ancestry = lineage(archive, number)
    if len(ancestry.relatives) < 2:
        return None
    caption = f"Ancestry of rule {number}: what was changed in which earlier proposal."
    told = "; ".join(ancestry_lines(ancestry))
    return Picture.of(lineage_figure(ancestry), caption, told)


def preferences(archive: Archive) -> list[Picture]:
    """Return what the searcher preferred over time, or what the best rules have.

    Args:
        archive: of the run, in its directory.

    Returns:
        One picture; none where nothing is known.
    """
    return [*_made("picture of preferences", partial(_preferences, archive))]


def _preferences(archive: Archive) -> Picture | None:
    history = run_history(archive, archive.path.parent)
    if not len(history.told):
        return None
    if history.source == "policy":
        what = "The probability that the searcher gives to each choice"
    else:
        what = f"The share of each choice among the {history.best} best rules so far"
    caption = f"{what}, decision by decision over time, and the entropy of each."
    return Picture.of(preferences_figure(history), caption, caption)


def _made(what: str, make: Callable[[], Picture | None]) -> Sequence[Picture]:
    """A picture; none, and a line on standard error, if it can't be made."""
    try:
        picture = make()
    except Exception as error:  # noqa: BLE001 - the page is of use without it
        _miss(what, error)
        return ()
    return () if picture is None else (picture,)


def _miss(what: str, error: Exception) -> None:
    print(f"There is no {what} in the page: {why(error)}", file=sys.stderr)
