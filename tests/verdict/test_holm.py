"""Holm's correction compared with the closed test that it shortens."""

from itertools import combinations

import numpy as np
import pytest

from neuralopt.verdict.holm import holm, holm_levels


def closed_test(p_values):
    """Adjusted p of i: the largest Bonferroni p of any set that i is in."""
    positions = range(len(p_values))
    sets = [s for k in positions for s in combinations(positions, k + 1)]
    return [
        max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if i in s)
        for i in positions
    ]


def test_holm_equals_the_closed_bonferroni_test():
    rng = np.random.default_rng(0)
    for count in range(7):
        p_values = rng.random(count) ** 3
        np.testing.assert_allclose(holm(p_values), closed_test(p_values), rtol=1e-13)


def test_holm_adjusts_equal_p_values_equally():
    assert holm([0.02, 0.5, 0.02]).tolist() == [0.06, 0.5, 0.06]


@pytest.mark.parametrize("bad", [[0.5, np.nan], [-0.1], [1.1], [[0.5]]])
def test_holm_refuses_what_is_not_a_vector_of_probabilities(bad):
    with pytest.raises(ValueError, match=r"p-values|vector"):
        holm(bad)


def test_a_p_value_is_at_most_its_level_exactly_when_holm_rejects_it():
    rng = np.random.default_rng(1)
    for _ in range(300):
        p_values = np.round(rng.random(rng.integers(1, 8)) ** 4, 3)
        levels = holm_levels(p_values, 0.05)
        assert ((p_values <= levels) == (holm(p_values) <= 0.05)).all()
        assert (levels <= 0.05).all()
