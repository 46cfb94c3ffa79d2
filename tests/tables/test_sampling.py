"""Closed forms of uniform sampling, against simulations and by hand."""

import numpy as np
import pytest

from neuralopt.tables import expected_evaluations, expected_proposals, top
from tests.tables.builders import random_table, small_table


def simulated(table, wanted, rounds, seed):
    """Means and standard errors of proposals and evaluations, by drawing rows."""
    rng = np.random.default_rng(seed)
    rules = np.repeat(np.arange(len(table)), table.rows)
    found = []
    for _ in range(rounds):
        proposals, trained = 0, set()
        while not trained & set(wanted):
            rule = int(rules[rng.integers(len(rules))])
            proposals += 1
            if table.trained[rule]:
                trained.add(rule)
        found.append((proposals, len(trained)))
    values = np.array(found)
    return values.mean(axis=0), values.std(axis=0) / np.sqrt(rounds)


@pytest.mark.parametrize("wanted", [[0], [3, 7], [1, 2, 9]])
def test_expectations_are_those_of_simulations(wanted):
    rows = [1, 5, 2, 9, 1, 1, 30, 3, 4, 2, 8, 1]
    rejected = [False] * 10 + [True] * 2
    table = random_table(rows, rejected, 1)
    wanted = [f"r{n}" for n in wanted]
    numbers = [table.rules.index(rule) for rule in wanted]
    means, errors = simulated(table, numbers, 4000, 5)
    exact = expected_proposals(table, numbers), expected_evaluations(table, numbers)
    assert np.all(abs(means - exact) < 4 * errors)
    assert errors[1] < 0.1  # a formula that forgets the multiplicities is further off


def test_equal_rows_draw_rules_in_a_random_order():
    # The place of the first of k among n in a random order has the mean (n+1)/(k+1).
    table = random_table([3] * 9, [False] * 9, 0)
    for count in (1, 2, 4, 9):
        assert expected_evaluations(table, range(count)) == pytest.approx(
            10 / (count + 1)
        )
        assert expected_proposals(table, range(count)) == pytest.approx(9 / count)


def test_two_rules_by_hand():
    table = random_table([1, 3], [False, False], 0)
    assert expected_proposals(table, [0]) == 4
    assert expected_evaluations(table, [0]) == 1 + 3 / 4  # the other comes first


def test_top_rounds_up_and_takes_equals():
    table = small_table()
    assert [table.rules[n] for n in top(table, 0.01)] == ["g"]
    assert [table.rules[n] for n in top(table, 0.5)] == ["g", "m"]
    assert [table.rules[n] for n in top(table, 1)] == ["g", "g / m", "m", "sign(g)"]
    with pytest.raises(ValueError, match="share is 0"):
        top(table, 0)


@pytest.mark.parametrize("wanted", [[], [0]])
def test_only_trained_rules_are_reached(wanted):
    assert not small_table().trained[0]
    for function in (expected_proposals, expected_evaluations):
        with pytest.raises(ValueError, match="at least one rule, and only trained"):
            function(small_table(), wanted)
