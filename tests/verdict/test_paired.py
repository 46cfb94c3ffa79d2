"""The test of paired differences compared with simulated samples and with scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from neuralopt.verdict.paired import (
    PairedDifference,
    decides,
    least_seeds,
    one_sided_chance,
)
from neuralopt.verdict.skewed_null import MOST, hall_inverse, null_table

EXPONENTIAL = {
    "tail above": lambda rng, shape: rng.exponential(1, shape) - 1,
    "tail below": lambda rng, shape: 1 - rng.exponential(1, shape),
}
DIFFERENCES = EXPONENTIAL | {
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "counts": lambda rng, shape: (
        rng.binomial(100, 0.97, shape) - rng.binomial(100, 0.97, shape) + 0.0
    ),
}


def hall(w, g, n):
    return np.sqrt(n) * (w + g * w**2 / 3 + g**2 * w**3 / 27 + g / (6 * n))


def statistics(samples):
    """|M| of each row, from scipy's t and skewness."""
    n = samples.shape[1]
    t = stats.ttest_1samp(samples, 0, axis=1).statistic
    g = stats.skew(samples, axis=1) * ((n - 1) / n) ** 1.5
    other = hall(t / np.sqrt(n), g, n)
    return np.where(t * other > 0, np.minimum(abs(t), abs(other)), 0)


@pytest.mark.parametrize("count", [3, 10, 30])
@pytest.mark.parametrize("kind", EXPONENTIAL)
def test_exponential_differences_reach_a_level_as_often_as_it_says(kind, count):
    rng = np.random.default_rng(count)
    found = statistics(EXPONENTIAL[kind](rng, (40_000, count)))
    for level in (0.05, 0.01):
        # The larger of Student's probability and this one may lie above the level.
        reached = (found >= null_table(count).critical(level)).mean()
        assert 0.8 * level < reached < level * 1.04 + 3 * math.sqrt(level / 40_000)


@pytest.mark.parametrize("kind", DIFFERENCES)
@pytest.mark.parametrize("count", [3, 6, 10])
def test_no_more_than_one_call_in_twenty_is_false(kind, count):
    rng = np.random.default_rng(0)
    samples = DIFFERENCES[kind](rng, (1500, count))
    called = [PairedDifference.of(row).p_value() <= 0.05 for row in samples]
    wrong = stats.binomtest(sum(called), len(called), 0.05, alternative="greater")
    assert wrong.pvalue > 0.01


def test_student_alone_is_wrong_more_often_where_a_tail_is_on_one_side():
    rng = np.random.default_rng(1)
    samples = EXPONENTIAL["tail above"](rng, (4000, 10))
    assert (stats.ttest_1samp(samples, 0, axis=1).pvalue <= 0.05).mean() > 0.08


def test_the_statistic_and_p_are_those_of_scipys_moments():
    rng = np.random.default_rng(2)
    for count in (3, 7, 20):
        samples = rng.gamma(1, 1, (20, count)) - 0.6
        for row, size in zip(samples, statistics(samples), strict=True):
            found = PairedDifference.of(row)
            assert abs(found.statistic) == pytest.approx(size, rel=1e-9)
            again = PairedDifference.of(rng.permutation(row))
            assert again.p_value() == pytest.approx(found.p_value(), rel=1e-12)
            assert found.p_value() == null_table(count).p_value(abs(found.statistic))


def test_p_is_never_below_students_by_more_than_the_tables_steps():
    table = null_table(8)
    for size in np.geomspace(0.2, 50, 40):
        assert table.p_value(size) > 0.99 * 2 * stats.t.sf(size, 7)


def test_critical_sizes_and_p_are_inverse_within_the_table_and_beyond():
    for count in (3, 12):
        table = null_table(count)
        for level in (0.3, 0.05, 1e-3, 1e-9, 1e-80):
            size = table.critical(level)
            assert table.p_value(size) == pytest.approx(level, rel=1e-6)


def test_samples_larger_than_the_table_use_a_wider_one():
    assert null_table(MOST + 50).critical(0.05) == null_table(MOST).critical(0.05)
    assert null_table(MOST).critical(0.05) > 0.999 * stats.t.isf(0.025, MOST + 49)


def test_halls_inverse_inverts_halls_formula():
    g = np.array([-2.0, -0.3, 0.0, 1e-6, 0.5, 1.7])
    for value in (-6.0, -1.0, 0.2, 4.0):
        t = hall_inverse(value, g, 9)
        np.testing.assert_allclose(hall(t / 3, g, 9), value, rtol=1e-6)


def test_bounds_are_the_means_at_which_p_is_the_level():
    rng = np.random.default_rng(3)
    for count in (3, 5, 20):
        row = rng.exponential(1, count)
        low, high = PairedDifference.of(row).bounds(0.05, 0.01)
        assert PairedDifference.of(row - low).p_value() == pytest.approx(0.05)
        assert PairedDifference.of(row - high).p_value() == pytest.approx(0.01)


def test_bounds_exclude_zero_exactly_where_p_is_at_most_the_level():
    rng = np.random.default_rng(4)
    called = 0
    for _ in range(300):
        count = int(rng.integers(1, 12))
        row = np.round(rng.normal(0.6, 1, count), int(rng.integers(0, 4)))
        found = PairedDifference.of(row)
        low, high = found.bounds(0.05, 0.02)
        level = 0.05 if found.estimate.mean > 0 else 0.02
        assert (low > 0 or high < 0) == (found.p_value() <= level)
        called += low > 0
    assert 30 < called < 270


def test_equal_differences_have_the_chance_of_one_side():
    found = PairedDifference.of([0.01] * 8)
    inside = stats.expon.cdf(1)
    assert found.p_value() == pytest.approx(inside**8 + (1 - inside) ** 8)
    assert found.bounds(0.05, 0.01) == (0.01, math.inf)
    assert found.decidable(0.05)
    assert not found.decidable(0.01)
    assert one_sided_chance(1) == 1


def test_equal_qualities_differ_by_exactly_nothing():
    found = PairedDifference.of([0.0] * 4)
    assert found.p_value() == 1
    assert found.bounds(0.05, 0.05) == (0, 0)


def test_differences_of_three_deviations_are_called_from_the_least_seeds_on():
    rng = np.random.default_rng(5)
    for level in (0.05, 0.005):
        count = least_seeds(level)
        assert decides(count, level)
        assert not decides(count - 1, level)
        row = rng.normal(0, 1, count)
        row = stats.zscore(np.sort(row) - np.sort(row)[::-1], ddof=1) + 3.001
        assert PairedDifference.of(row).p_value() <= level  # no skewness: M is t
    assert [decides(count, 0.9) for count in (1, 2)] == [False, False]
