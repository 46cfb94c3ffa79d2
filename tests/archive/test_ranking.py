"""The best rules with what was found out about them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from neuralopt.archive import (
    Archive,
    BehaviourRecord,
    Place,
    Proposal,
    PruningRecord,
)
from neuralopt.archive.ranking import RankedRule, front, ranking
from neuralopt.scoring.score import Score

TEXTS = ("g", "sign(g)", "g * 2.5", "sign(g) * 3.5", "g * g", "exp(g)")
QUALITIES = (0.3, 0.6, 0.9, 0.8, 0.5, 0.7)
"""Best first: 2 3 5 1 4 0."""


def scored(number: int, rule: str, quality: float) -> Proposal:
    score = Score("scored", quality, 0.1)
    return Proposal(number, (number,), rule, rule, score=score)


def behaviour(number: int, leader: int, name: str = "sgd") -> BehaviourRecord:
    return BehaviourRecord(number, name, 1.0, True, (), leader)


def pruning(number: int, rule: str) -> PruningRecord:
    return PruningRecord(number, rule, 0.01, 0.0, -0.005, 8)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.create(tmp_path, {}) as made:
        made.record(
            [scored(n, *each) for n, each in enumerate(zip(TEXTS, QUALITIES))]  # noqa: B905
        )
        yield made


def numbers(rules: list[RankedRule]) -> list[int]:
    return [rule.proposal.number for rule in rules]


def test_without_findings_every_rule_is_a_group(archive: Archive) -> None:
    assert numbers(ranking(archive)) == [2, 3, 5, 1, 4, 0]
    assert {rule.alike for rule in ranking(archive)} == {0}
    assert {rule.name for rule in ranking(archive)} == {""}


def test_rules_are_chosen_before_they_are_grouped(archive: Archive) -> None:
    archive.save_behaviours([behaviour(0, 0), behaviour(2, 0), behaviour(3, 3)])
    judged: list[int] = []

    def keep(rules: Sequence[RankedRule]) -> list[bool]:
        judged.extend(numbers(list(rules)))
        return [rule.proposal.number not in (2, 5) for rule in rules]

    assert numbers(ranking(archive, 4, keep=keep)) == [3, 1, 4, 0]
    assert sorted(judged) == [0, 1, 2, 3, 4, 5]
    assert numbers(ranking(archive, 2, keep=keep)) == [3, 1]
    assert ranking(archive, keep=lambda rules: [False] * len(rules)) == []


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 400])
def test_pages_of_the_best_are_in_the_order_of_a_sort(
    size: int, tmp_path: Path
) -> None:
    random = Random(size)
    proposals = []
    for number in range(size):
        quality = random.choice([0.1, 0.5, 0.9])
        lr, loss = random.choice([None, 0.1]), random.choice([None, 0.1, math.inf])
        score = Score("scored", quality, lr, loss)
        proposals.append(Proposal(number, (number,), "g", "g * 2", score=score))
    places = {
        number: Place(number, number % 7 / 7, 0, 1, 3, number % 2 == 0)
        for number in range(0, size, 9)
    }

    def last_if_missing(value: float | None) -> tuple[bool, float]:
        return value is None, value or 0.0

    def order(each: Proposal) -> tuple[object, ...]:
        place, score = places.get(each.number), each.score
        assert score is not None
        measured = (2 + place.member, place.mean) if place else (0, 0.0)
        rest = last_if_missing(score.loss), last_if_missing(score.lr), each.number
        return -measured[0], -measured[1], -score.quality, *rest

    with Archive.create(tmp_path, {}) as archive:
        archive.record(proposals)
        archive.save_shortlist(list(places.values()))
        expected = [each.number for each in sorted(proposals, key=order)]
        assert [each.number for each in archive.best_first()] == expected
        rules = ranking(
            archive, 30, keep=lambda some: [r.proposal.number % 3 == 0 for r in some]
        )
    assert numbers(rules) == [each for each in expected if each % 3 == 0][:30]


def test_of_those_that_behave_alike_the_best_placed_is_listed(
    archive: Archive,
) -> None:
    archive.save_behaviours(
        [
            behaviour(0, 0),
            behaviour(1, 1, "signsgd"),
            behaviour(2, 0),
            behaviour(3, 1, "signsgd"),
            behaviour(4, 0),
        ]
    )
    rules = ranking(archive)
    assert numbers(rules) == [2, 3, 5]
    assert [rule.alike for rule in rules] == [2, 1, 0]
    assert [rule.name for rule in rules] == ["= sgd", "= signsgd", ""]
    assert numbers(ranking(archive, grouped=False)) == [2, 3, 5, 1, 4, 0]
    archive.save_shortlist([Place(4, 0.5, 0.4, 0.6, 3)])
    assert numbers(ranking(archive)) == [4, 3, 5]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_the_count_is_of_groups_however_large_they_are(
    tmp_path: Path, count: int
) -> None:
    with Archive.create(tmp_path, {}) as archive:
        archive.record([scored(n, f"g * {n + 2}", 1 - n / 100) for n in range(90)])
        # Thirty times three groups: 30 of the first, 30 of the second, ...
        archive.save_behaviours([behaviour(n, n - n % 30) for n in range(90)])
        rules = ranking(archive, count)
    assert numbers(rules) == [0, 30, 60][:count]
    assert {rule.alike for rule in rules} <= {29}


def test_rules_that_were_pruned_to_one_rule_are_a_group(archive: Archive) -> None:
    archive.save_behaviours([behaviour(0, 0), behaviour(4, 0), behaviour(3, 3, "x")])
    archive.save_prunings([pruning(2, "g"), pruning(3, "sign(g)"), pruning(4, "g")])
    first, second, *others = ranking(archive)
    assert numbers([first, second, *others]) == [2, 3, 5, 1]
    assert (first.pruned, first.rule, first.size, first.memory) == (True, "g", 1, 0)
    assert first.alike == 2  # 4, which was pruned to the same, and 0, which is like it
    assert (first.group, second.group) == (0, 3)


def test_a_pruned_rule_has_the_name_of_the_rule_that_it_is(archive: Archive) -> None:
    far = BehaviourRecord(2, "adam", 0.75, False, (), 2)
    archive.save_behaviours([far, replace(far, number=3, leader=3)])
    archive.save_prunings([pruning(2, "g"), pruning(3, "cos(g)")])
    first, second = ranking(archive, 2)
    assert (first.name, second.name) == ("= sgd", "0.75 like adam")


def test_a_rule_that_was_not_made_smaller_is_not_pruned(archive: Archive) -> None:
    archive.save_prunings([pruning(2, TEXTS[2])])
    assert not ranking(archive, 1)[0].pruned


def test_a_text_of_another_version_has_no_size() -> None:
    rule = RankedRule(scored(0, "frobnicate(g)", 0.5))
    assert (rule.size, rule.memory, rule.name) == (None, None, "")
    assert front([rule]) == []


def test_the_front_is_what_no_other_rule_dominates(archive: Archive) -> None:
    archive.record(
        [
            scored(6, "sign(g) + exp(g)", 0.9),
            scored(7, "cos(g)", 0.7),
            scored(8, "frobnicate(g)", 0.95),
        ]
    )
    rules = ranking(archive, 50)
    sized = [rule for rule in rules if rule.size is not None]

    def dominated(rule: RankedRule) -> bool:
        mine = rule.proposal.quality or 0, -(rule.size or 0)
        others = [(o.proposal.quality or 0, -(o.size or 0)) for o in sized]
        return any(o != mine and o[0] >= mine[0] and o[1] >= mine[1] for o in others)

    found = front(rules)
    assert sorted(numbers(found)) == sorted(
        rule.proposal.number for rule in sized if not dominated(rule)
    )
    assert [rule.size for rule in found] == sorted(rule.size or 0 for rule in found)
    assert set(numbers(found)) == {0, 5, 7, 2}  # 5 and 7 are as good and as large


def test_single_scores_do_not_take_members_of_the_shortlist_off_the_front(
    archive: Archive,
) -> None:
    places = [Place(5, 0.2, 0.1, 0.3, 9), Place(4, 0.05, 0.01, 0.1, 3, member=False)]
    archive.save_shortlist(places)
    # Of size 2, 5 is a member; 1 has a higher single score. 0 is smaller.
    assert set(numbers(front(ranking(archive)))) == {5, 0}
    archive.save_prunings([pruning(5, "g")])
    assert numbers(front(ranking(archive))) == [5]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_no_more_are_returned_than_asked_for(archive: Archive, count: int) -> None:
    """Looking further down, past a group, may find more groups than one."""
    archive.save_behaviours([behaviour(2, 2), behaviour(3, 2)])
    assert numbers(ranking(archive, count)) == [2, 5, 1, 4, 0][:count]
