"""Searches that begin with small rules: one searcher for each size."""

import numpy as np
import pytest

from neuralopt.searchers import SEARCHERS, Searcher, make_searcher
from neuralopt.searchers.growing import Growing
from neuralopt.spaces import Space
from tests.conformance.searchers import through_torch

SPACE = Space(
    "three",
    ("g", "m", "v", "1"),
    ("x", "sign(x)", "sqrt(x)"),
    ("x", "x * y", "x / (y + 1e-8)"),
    3,
)
NAMES = [name for name in SEARCHERS if name != "tpe"]


def growing(name: str, seed: int) -> Searcher:
    searcher = make_searcher(name, SPACE, seed, grow=True)
    assert isinstance(searcher, Growing)
    return searcher


def rewards_of(rows: np.ndarray) -> np.ndarray:
    """Any fixed function of the rule: the same text has the same reward."""
    texts = SPACE.canonical(rows)
    return np.array([(sum(map(ord, text)) * 37 % 101) / 101 for text in texts])


def drive(searcher: Searcher, asks: int) -> np.ndarray:
    proposed = []
    for _ in range(asks):
        rows = searcher.ask(16)
        searcher.tell(rows, rewards_of(rows))
        proposed.append(rows)
    return np.concatenate(proposed)


def groups_that_act(row: np.ndarray) -> int:
    """Groups up to the last one that does more than pass a result on."""
    groups = row.reshape(-1, 5).tolist()
    passing = [
        number > 0 and group[0] == 4 + number - 1 and group[2] == 0 and group[4] == 0
        for number, group in enumerate(groups)
    ]
    return max(number + 1 for number, passes in enumerate(passing) if not passes)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_valid_and_half_of_them_are_of_one_group(name: str) -> None:
    rows = drive(growing(name, 0), 60)
    assert all(SPACE.valid(row) for row in rows)
    # Once the best small rules have been passed on.
    sizes = np.array([groups_that_act(row) for row in rows[len(rows) // 2 :]])
    assert 0.45 < (sizes == 1).mean() < 0.75
    assert (sizes == 3).mean() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_state_continues_exactly(name: str) -> None:
    searcher = growing(name, 1)
    drive(searcher, 5)
    open_ask = searcher.ask(7)
    twin = growing(name, 9)
    twin.load_state_dict(through_torch(searcher.state_dict()))
    for each in (searcher, twin):
        each.tell(open_ask, rewards_of(open_ask))
    assert np.array_equal(drive(searcher, 6), drive(twin, 6))


def test_a_state_of_another_law_is_refused_in_a_line() -> None:
    searcher = growing("uniform", 0)
    old = {**searcher.state_dict(), "options": {}}
    with pytest.raises(ValueError, match="option by None, this searcher 'operands'"):
        searcher.load_state_dict(old)


def test_the_best_small_rules_are_proposed_to_larger_sizes() -> None:
    searcher = growing("hill_climbing", 0)
    drive(searcher, 30)
    assert isinstance(searcher, Growing)
    largest = searcher.searchers[-1].state_dict()
    summits = [np.array(row) for row, _, _ in largest["summits"]]
    assert any(groups_that_act(row) == 1 for row in summits)


def test_given_rows_come_first() -> None:
    searcher = growing("quality_diversity", 0)
    given = SPACE.sample(3, np.random.default_rng(0))
    searcher.enqueue(given)
    rows = searcher.ask(9)
    assert np.array_equal(rows[:3], given)
    searcher.tell(rows, rewards_of(rows))


@pytest.mark.parametrize(
    "space",
    [
        Space("one", SPACE.operands, SPACE.unary, SPACE.binary, 1),
        Space("no identity", ("g", "m"), ("sign(x)",), ("x", "x * y"), 3),
        Space("no keep-left", ("g", "m"), ("x", "sign(x)"), ("x * y",), 3),
    ],
    ids=lambda space: space.name,
)
def test_where_no_space_is_smaller_there_is_one_searcher(space: Space) -> None:
    assert not isinstance(make_searcher("uniform", space, 0, grow=True), Growing)


def test_a_smaller_space_says_the_same_rules() -> None:
    rng = np.random.default_rng(0)
    for small in SPACE.smaller():
        rows = small.sample(50, rng)
        longer = SPACE.extend(rows)
        assert all(SPACE.valid(row) for row in longer)
        assert np.array_equal(longer[:, : rows.shape[1]], rows)
        assert SPACE.canonical(longer) == small.canonical(rows)


def test_a_binary_that_may_not_end_a_rule_passes_nothing_on() -> None:
    space = Space.from_mapping(
        "no end",
        {
            **SPACE.to_mapping(),
            "name": "no end",
            "constraints": {"not_final": ["x"]},
        },
    )
    assert space.smaller() == ()


def test_rules_of_every_set_of_operands_are_passed_on() -> None:
    """A worse rule of other operands is a part that a larger rule may need."""
    searcher = growing("quality_diversity", 0)
    smaller = SPACE.smaller()[0]
    for _ in range(40):
        rows = searcher.ask(16)
        # The best rule that reads m is far behind all others.
        reads_m = np.array(["m" in text for text in _names(rows)])
        searcher.tell(rows, rewards_of(rows) * np.where(reads_m, 0.3, 0.7) + 0.2)
    assert isinstance(searcher, Growing)
    elites = searcher.searchers[-1].state_dict()["elites"]
    known = {tuple(row) for row in SPACE.extend(_all_rows(smaller)).tolist()}
    passed = np.array([row for row, _, _ in elites if tuple(row) in known])
    assert any("m" in text for text in _names(passed))


def _names(rows: np.ndarray) -> list[str]:
    return [text.replace("ema(g, 0.9)", "m") for text in SPACE.canonical(rows)]


def _all_rows(space: Space) -> np.ndarray:
    return np.concatenate(list(space.rows()))
