"""Rules are named in order, once, however a search is interrupted or divided."""

import random
from collections import Counter
from pathlib import Path

import pytest

import neuralopt.naming
from neuralopt.archive import Archive, Proposal
from neuralopt.behaviour.naming import name
from neuralopt.language import parse, simplify
from neuralopt.loop import search
from neuralopt.naming import Naming, Rediscovery
from neuralopt.scoring.score import Score
from tests.test_loop import BATCH, SPACE, TOTAL, Scrambled, same, searcher_of
from tests.test_loop_shortlist import OPTIONS, interrupted_run

RULES = (
    *("g", "sign(m)", "2 * sign(m)", "g + g", "v * g", "m", "clip(sign(m), 0.001)"),
    *("rmsprop", "sign(g)", "g / (sqrt(v) + 1e-8)", "m + g", "3 * m + 3 * g"),
)
QUALITIES = {n: 0.3 + 0.05 * (n % 5) for n in range(len(RULES))}


@pytest.fixture
def archive(tmp_path: Path):
    with Archive.create(tmp_path / "archive.sqlite", {}) as made:
        made.record(
            [
                Proposal(
                    n,
                    (n,),
                    text,
                    str(simplify(parse(text))),
                    score=Score("scored", QUALITIES[n]),
                )
                for n, text in enumerate(RULES)
            ]
        )
        yield made


def test_names_are_those_of_the_rules_alone(archive: Archive) -> None:
    Naming(archive).tell(QUALITIES)
    records = archive.behaviours()
    assert [record.number for record in records] == list(range(len(RULES)))
    for record, text in zip(records, RULES, strict=True):
        alone = name(parse(text))
        assert (record.nearest, record.equal) == (alone.nearest, alone.equal)
        assert record.families == alone.families
        assert record.similarity == pytest.approx(alone.similarity, abs=2e-4)
    leaders = [record.leader for record in records]
    assert leaders[2] == leaders[6] == leaders[1] == 1  # all of them sign(m)
    assert leaders[3] == 0
    assert leaders[11] == 10


@pytest.mark.parametrize("seed", range(5))
def test_how_they_are_divided_makes_no_difference(
    archive: Archive, tmp_path: Path, seed: int
) -> None:
    whole = Naming(archive)
    whole.tell(QUALITIES)
    rng = random.Random(seed)
    with Archive.create(tmp_path / "other.sqlite", {}) as other:
        other.record(list(archive.proposals()))
        part: dict[int, float | None] = {}
        naming = Naming(other)
        for number, quality in QUALITIES.items():
            part[number] = quality
            if rng.random() < 0.4:
                naming.tell(part)
                part = {}
                if rng.random() < 0.5:  # as after an interruption
                    naming = Naming(other)
                    naming.tell({n: QUALITIES[n] for n in range(number + 1)})
        naming.tell(part)
        assert other.behaviours() == archive.behaviours()
        assert naming.rediscoveries == whole.rediscoveries
        assert naming.best_of_classes(QUALITIES) == whole.best_of_classes(QUALITIES)


def test_what_the_archive_holds_is_not_computed_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Naming(archive)
    first.tell(QUALITIES)

    def fail(*_: object) -> None:
        raise AssertionError("computed again")

    again = Naming(archive)
    monkeypatch.setattr(neuralopt.naming, "updates", fail)
    again.tell(QUALITIES)
    assert again.rediscoveries == first.rediscoveries


def test_a_rule_that_is_useless_is_no_rediscovery(archive: Archive) -> None:
    """A tenth of the best quality says that its factor is out of reach."""
    naming = Naming(archive)
    naming.tell({0: 0.5, 1: 0.05, 2: 0.45, 5: None, 8: 0.24})
    assert naming.rediscoveries == (
        Rediscovery(0, "sgd"),
        Rediscovery(2, "signum"),
        Rediscovery(5, "momentum"),  # stopped, but late
    )
    assert [record.number for record in archive.behaviours()] == [0, 2, 5]
    assert naming.best_of_classes(range(9)) == [0, 2]


def test_a_class_with_a_candidate_has_no_other(archive: Archive) -> None:
    naming = Naming(archive)
    naming.tell({1: 0.4, 2: 0.45})
    assert naming.best_of_classes(range(9)) == [2]
    assert naming.best_of_classes(range(9), [1]) == []
    naming.tell({3: 0.5})
    assert naming.best_of_classes(range(9), [1]) == [3]


def named(archive, evaluator, lag=1):
    arguments = SPACE, searcher_of(), evaluator, archive, TOTAL, BATCH, lag
    return search(*arguments, shortlist=OPTIONS, names=True)


@pytest.mark.parametrize("lag", [0, 2])
def test_any_order_of_completion_gives_the_same_names(tmp_path: Path, lag: int) -> None:
    with (
        Archive.create(tmp_path / "1.sqlite", {"seed": "0"}) as one,
        Archive.create(tmp_path / "2.sqlite", {"seed": "0"}) as other,
    ):
        named(one, Scrambled(1), lag)
        named(other, Scrambled(2), lag)
        same(one, other)
        assert one.behaviours() == other.behaviours() != []


@pytest.mark.parametrize("seconds", [float("inf"), -1.0], ids=["rare", "always"])
def test_an_interrupted_search_names_and_measures_the_same_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    with Archive.create(tmp_path / "whole.sqlite", {"seed": "0"}) as whole:
        named(whole, Scrambled(1))
        monkeypatch.setattr("neuralopt.loop.CHECKPOINT_SECONDS", seconds)
        times = 0
        for seed in range(2):
            path = tmp_path / f"interrupted-{seed}.sqlite"
            times += interrupted_run(path, seed, 1, Counter(), names=True)
            with Archive.open(path) as found:
                same(whole, found)
                assert found.behaviours() == whole.behaviours() != []
        assert times > 4


def test_of_rules_that_behave_alike_the_best_is_measured(tmp_path: Path) -> None:
    with Archive.create(tmp_path / "1.sqlite", {"seed": "0"}) as archive:
        named(archive, Scrambled(1))
        leaders = {record.number: record.leader for record in archive.behaviours()}
        measured = [place.number for place in archive.measured()]
        qualities = {p.number: p.quality for p in archive.proposals("scored")}
        for number in measured:
            earlier = [
                other
                for other, leader in leaders.items()
                if leader == leaders[number] and other < number
            ]
            assert all(qualities[other] < qualities[number] for other in earlier)
        assert len(measured) > 4
        assert len({leaders[number] for number in measured}) == len(measured)
