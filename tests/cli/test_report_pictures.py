"""Pictures of a page: of the best rules, none of what can't be drawn."""

import json
from pathlib import Path

import pytest

from neuralopt.archive import Archive
from neuralopt.cli import report_pictures
from neuralopt.views.card.store import CardStore
from tests.report.report_runs import make_hostile_run, make_run

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def no_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_pictures, "card_store", lambda _: CardStore(None, None))


def test_rules_have_cards_and_the_search_preferences(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path)
    with Archive.open(run) as archive:
        cards = report_pictures.cards(str(run), archive, 2)
        best = archive.best(1)[0].number
        settings = json.loads(archive.context["configuration"])
        (preferences,) = report_pictures.preferences(str(run), archive, settings)
    assert [card.image[:4] for card in cards] == [PNG, PNG]
    assert f"Rule {best}, pruned" in cards[0].caption
    assert preferences.image[:4] == PNG
    assert "best rules so far" in preferences.caption


def test_what_can_not_be_drawn_gets_a_line(tmp_path: Path, capsys) -> None:
    run = make_hostile_run(tmp_path)
    with Archive.open(run) as archive:
        cards = report_pictures.cards(str(run), archive, 3)
        assert report_pictures.preferences(str(run), archive, {"space": {}}) == []
    assert len(cards) == 1  # of the rule that can be read
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("There is no ") for line in lines)
