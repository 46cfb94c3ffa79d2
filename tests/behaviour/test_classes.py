"""Classes of rules that are equal in behaviour."""

import numpy as np
import pytest

from neuralopt.behaviour.classes import BehaviourClasses, KnownLeader
from neuralopt.behaviour.comparing import TOLERANCE, differences, directions_of
from neuralopt.behaviour.naming import names
from neuralopt.behaviour.probes import updates
from neuralopt.language import Expression, parse
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES


def test_disguises_join_the_first_of_their_kind() -> None:
    texts = ("g", "sign(m)", "2 * g", "clip(sign(m), 1e-3)", "adam", "g + g", "-g")
    classes = BehaviourClasses()
    found = [classes.assign(10 + i, parse(text)) for i, text in enumerate(texts)]
    assert found == [10, 11, 10, 11, 14, 10, 16]
    assert classes.leaders == (10, 11, 14, 16)


def test_rules_without_updates_are_of_one_class_each() -> None:
    classes = BehaviourClasses()
    rules = [parse(text) for text in ("g / 0", "0 * g", "2 * g / 0", "g - g", "g")]
    found = classes.assign_all(list(enumerate(rules)))
    assert found == [0, 1, 0, 1, 4]


def some_rules() -> list[tuple[int, Expression]]:
    """Random rules with disguises of them among themselves."""
    rules = random_rules(SPACES["bello2017"], 120, seed=5)
    rng = np.random.default_rng(0)
    more = [
        parse(f"{factor} * ({rules[i]}) + {small} * g**3")
        for i in rng.integers(0, len(rules), 60)
        for factor, small in [(rng.uniform(0.1, 9), rng.choice([0, 1e-9, 1e-2]))]
    ]
    order = rng.permutation(len(rules) + len(more)).tolist()
    return list(enumerate([(rules + more)[i] for i in order], 1000))


def test_classes_are_those_of_comparing_everything_with_all_leaders() -> None:
    rules = some_rules()
    directions = directions_of(updates([rule for _, rule in rules]))
    leaders: list[int] = []
    expected = []
    for i in range(len(rules)):
        known = directions.rows(np.array(leaders, np.intp))
        equal = differences(directions.row(i), known) <= TOLERANCE
        if not equal.any():
            leaders.append(i)
        expected.append(rules[leaders[int(np.argmax(equal))] if equal.any() else i][0])
    classes = BehaviourClasses()
    assert classes.assign_all(rules) == expected
    assert classes.leaders == tuple(rules[i][0] for i in leaders)
    assert 100 < len(leaders) < 170


def test_classes_do_not_depend_on_batches() -> None:
    rules = some_rules()
    together, one_by_one = BehaviourClasses(), BehaviourClasses()
    expected = together.assign_all(rules)
    assert [one_by_one.assign(*rule) for rule in rules] == expected
    assert together.assign_all([]) == []


@pytest.mark.parametrize("cut", [0, 50, 180])
def test_classes_made_again_from_their_leaders_go_on_as_before(cut: int) -> None:
    rules = some_rules()
    classes = BehaviourClasses()
    expected = classes.assign_all(rules)
    by_number = dict(rules)
    first = BehaviourClasses()
    first.assign_all(rules[:cut])
    behaviours = names([by_number[number] for number in first.leaders])
    known = [
        KnownLeader(number, each.nearest, each.similarity)
        for number, each in zip(first.leaders, behaviours, strict=True)
    ]
    again = BehaviourClasses(known, by_number.__getitem__)
    assert again.leaders == first.leaders
    assert again.assign_all(rules[cut:]) == expected[cut:]
    assert again.leaders == classes.leaders


def test_few_updates_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = some_rules()
    expected = BehaviourClasses().assign_all(rules)
    monkeypatch.setattr("neuralopt.behaviour.classes.KEPT", 3)
    classes = BehaviourClasses()
    assert classes.assign_all(rules) == expected
    assert len(classes._recent) == 3
