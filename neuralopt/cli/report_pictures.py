"""Pictures for the page of a run: cards of its best rules, and its preferences."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from neuralopt.archive import Archive
from neuralopt.archive.ranking import RankedRule, ranking
from neuralopt.cli.rule_card import card_store
from neuralopt.report.html.pictures import Picture
from neuralopt.views.card.figure import card_figure
from neuralopt.views.card.store import CardStore
from neuralopt.views.figures.lineage import lineage_figure
from neuralopt.views.lineage import ancestry_lines, lineage
from neuralopt.views.preference_history import best_history, policy_history
from neuralopt.views.preference_recorder import FILE
from neuralopt.views.preferences import preferences_figure


def cards(run: str, archive: Archive, count: int) -> list[Picture]:
    """Return the cards of the best rules.

    Args:
        run: its directory, where measurements of cards are kept.
        archive: of the run.
        count: of rules; 0 for none.

    Returns:
        A picture for each rule, best first. A rule that this version can't read has
        none.
    """
    if count < 1:
        return []
    store = card_store(run)
    found: list[Picture] = []
    for ranked in ranking(archive, count):
        number = ranked.proposal.number
        make = partial(_rule_card, store, ranked)
        found += _made(f"card of rule {number}", make)
    return found


def _rule_card(store: CardStore, ranked: RankedRule) -> Picture:
    card = store.card(ranked)
    measured = " and how it trains" if card.measurements else ""
    alternative = (
        f"{card.title}, {card.likeness}, size {card.size}, {card.memory} values kept "
        "per parameter."
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


def preferences(
    run: str, archive: Archive, configuration: Mapping[str, Any]
) -> list[Picture]:
    """Return what the searcher preferred over time, or what the best rules have.

    Args:
        run: its directory.
        archive: of the run.
        configuration: as saved with the run.

    Returns:
        One picture; none where nothing is known.
    """
    make = partial(_preferences, run, archive, configuration)
    return [*_made("picture of preferences", make)]


def _preferences(
    run: str, archive: Archive, configuration: Mapping[str, Any]
) -> Picture | None:
    space = configuration.get("space")
    if not isinstance(space, Mapping) or not len(archive):
        return None
    history = policy_history(Path(run, FILE), space)
    if not len(history.told):
        history = best_history(archive, space)
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
    except (ValueError, OSError) as error:
        print(f"There is no {what} in the page: {error}", file=sys.stderr)
        return ()
    return () if picture is None else (picture,)
