"""Student's t intervals compared with scipy and with simulated truth."""

import math

import numpy as np
import pytest
from scipy import stats

from neuralopt.verdict.intervals import MeanEstimate, mean_interval


def test_interval_of_the_mean_equals_scipys():
    rng = np.random.default_rng(0)
    for count in (2, 3, 5, 20):
        values = rng.normal(0.5, 0.01, count)
        for confidence in (0.8, 0.95, 0.99):
            expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
            expected = np.clip(expected, 0, 1)
            found = mean_interval(values, confidence)
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_95_percent_intervals_hold_the_truth_95_times_in_100():
    rng = np.random.default_rng(1)
    held = 0
    for values in rng.normal(0.6, 0.02, (2000, 5)):
        low, high = mean_interval(values)
        held += low <= 0.6 <= high
    assert stats.binomtest(held, 2000, 0.95).pvalue > 0.001


def test_one_value_says_nothing_of_the_mean():
    assert mean_interval([0.7]) == (0.0, 1.0)


def test_equal_values_give_a_point():
    assert mean_interval([0.7, 0.7, 0.7]) == (0.7, 0.7)
    assert mean_interval([0.0, 0.0]) == (0.0, 0.0)


def test_an_interval_stays_where_qualities_are():
    assert mean_interval([0.0, 0.9]) == (0.0, 1.0)


def test_no_values_are_refused():
    with pytest.raises(ValueError, match="at least one seed"):
        mean_interval([])


def test_margin_and_tail_are_inverse():
    estimate = MeanEstimate.of([0.1, 0.2, 0.25, 0.05])
    assert math.isclose(estimate.margin(estimate.tail()), estimate.mean, rel_tol=1e-9)


def test_differences_that_only_rounding_tells_apart_count_as_equal():
    values = np.array([0.3, 0.8, 0.6]) - np.array([0.2, 0.7, 0.5])
    assert len(set(values.tolist())) > 1
    assert MeanEstimate.of(values).error == 0


@pytest.mark.parametrize("count", [2, 5, 9])
def test_equal_differences_are_judged_by_the_sign_test(count):
    estimate = MeanEstimate.of([0.01] * count)
    exact = stats.binomtest(count, count, 0.5, alternative="greater").pvalue
    assert math.isclose(estimate.tail(), exact)
    assert estimate.margin(exact * 0.99) == math.inf
    assert estimate.margin(exact * 1.01) == 0
