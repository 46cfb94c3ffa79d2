"""Pictures of a page: of the best rules, none of what can't be drawn."""

import math
from pathlib import Path

import pytest

from neuralopt.archive import Archive
from neuralopt.cli import report_pictures
from neuralopt.views.card.card import card_of_proposal
from neuralopt.views.card.store import CardStore
from neuralopt.views.run_view import read_run
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
        cards = report_pictures.cards(str(run), archive, 2, read_run(archive))
        best = archive.best(1)[0].number
        (preferences,) = report_pictures.preferences(archive)
    assert [card.image[:4] for card in cards] == [PNG, PNG]
    assert f"Rule {best}, pruned" in cards[0].caption
    assert preferences.image[:4] == PNG
    assert "best rules so far" in preferences.caption


class Slow:
    """A store of cards whose measurements would take 10 evaluations a rule."""

    work = 10.0

    def __init__(self) -> None:
        self.trained: list[bool] = []

    def missing(self, ranked: object) -> int:
        return 3

    def card(self, ranked: object, train: bool = True) -> object:
        self.trained.append(train)
        return card_of_proposal(ranked)


@pytest.mark.parametrize(
    ("limit", "trained"), [(14.0, False), (16.0, True), (math.inf, True)]
)
def test_cards_are_measured_if_the_time_for_them_is_left(
    limit: float, trained: bool, tmp_path: Path, monkeypatch, capsys
) -> None:
    run, store = make_run(tmp_path), Slow()  # evaluations of half a second
    monkeypatch.setattr(report_pictures, "card_store", lambda _: store)
    with Archive.open(run) as archive:
        (card,) = report_pictures.cards(str(run), archive, 1, read_run(archive), limit)
        number = archive.best(1)[0].number
    assert store.trained == [trained]
    assert ("Not measured: it takes about 15 s" in card.caption) is not trained
    said = capsys.readouterr().err
    assert said.startswith(f"Card of rule {number} (1 of 1): ")
    assert said.count("\n") == 1


def test_what_can_not_be_drawn_gets_a_line(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("no ink")

    run = make_hostile_run(tmp_path)
    with Archive.open(run) as archive:
        cards = report_pictures.cards(str(run), archive, 3, read_run(archive))
        assert report_pictures.preferences(archive) == []
        assert len(cards) == 1  # of the rule that can be read
        monkeypatch.setattr(report_pictures, "card_figure", breaks)
        monkeypatch.setattr(report_pictures, "card_store", breaks)
        assert report_pictures.cards(str(run), archive, 3, read_run(archive)) == []
    lines = capsys.readouterr().err.splitlines()
    missing = [line for line in lines if line.startswith("There is no ")]
    assert len(missing) == 3 + 4
    assert missing[-1].endswith("in the page: RuntimeError: no ink")
