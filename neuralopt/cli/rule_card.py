"""Rule cards for commands: measured as the run of a rule trains its rules."""

import sys
from dataclasses import replace
from pathlib import Path

from neuralopt.archive import Archive
from neuralopt.archive.ranking import Findings
from neuralopt.cli.build import build_scoring
from neuralopt.cli.commands.compare import settings_of_runs
from neuralopt.cli.config.compose import compose_settings
from neuralopt.cli.rule_lookup import FoundRule, archive_path
from neuralopt.language import simplify
from neuralopt.picture_files import KINDS, save_figure
from neuralopt.views.card.card import Card
from neuralopt.views.card.figure import card_figure
from neuralopt.views.card.store import FOLDER, CardStore


def card_store(run: str) -> CardStore:
    """Return the store of a run's cards, or of rules that are of no run.

    Args:
        run: its folder; "" for none, whose rules are measured on the suite.

    Returns:
        A store. One that can't measure, as the task is a module of the user's or not
        to be had on this machine, makes cards without measurements, and a line on
        standard error says why.
    """
    folder = Path(run) / FOLDER if run else None
    try:
        settings = settings_of_runs([f"{run}:best"]) if run else compose_settings([])
        assert settings is not None
        return CardStore(folder, build_scoring(settings))
    except ValueError as error:
        print(f"Cards have no measurements: {error}", file=sys.stderr)
        return CardStore(folder, None)


def card_of(found: FoundRule, run: str) -> Card:
    """Return the card of a rule that was looked up.

    Args:
        found: the rule.
        run: its run directory; "" if it is of no run.

    Returns:
        The card, measured if possible.
    """
    store = card_store(run)
    if found.proposal is None:
        return store.card_of_rule(found.name, found.expression)
    with Archive.open(archive_path(run)) as archive:
        ranked = Findings(archive).of(found.proposal)
    if str(simplify(found.expression)) != ranked.rule:  # asked for as it was found
        ranked = replace(ranked, pruning=None)
    return store.card(ranked)


def check_picture(path: Path) -> None:
    """Check that a card can be drawn into a file of this name.

    Args:
        path: of the file.

    Raises:
        ValueError: its ending is not one of KINDS.
    """
    if path.suffix.lower() not in KINDS:
        known = ", ".join(KINDS)
        raise ValueError(f"{path} names no kind of picture: end it in one of {known}")


def save_card(card: Card, path: Path) -> None:
    """Draw a card into a file.

    Args:
        card: of a rule.
        path: of a picture; its ending says of which kind.

    Raises:
        ValueError: its ending is not one of KINDS.
        OSError: the file can't be written.
    """
    check_picture(path)
    save_figure(card_figure(card), path)
