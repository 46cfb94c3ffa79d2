"""Profiles and speed-ups compared with numbers computed by hand and by scipy."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from neuralopt.verdict.profiles import (
    performance_profile,
    profile_area,
    speed_up,
    time_ratios,
    worst_workload,
)

INF = math.inf
TIMES = [[10.0, 30.0, INF, INF], [20.0, 10.0, 5.0, INF]]


def test_ratios_are_to_the_fastest_on_each_workload():
    expected = [[1, 3, INF, INF], [2, 1, 1, INF]]
    assert time_ratios(TIMES).tolist() == expected


def test_a_profile_is_the_share_of_workloads_within_a_factor():
    found = performance_profile(TIMES, [1.0, 1.99, 2.0, 3.0, 100.0])
    by_hand = [[0.25, 0.25, 0.25, 0.5, 0.5], [0.5, 0.5, 0.75, 0.75, 0.75]]
    assert found.tolist() == by_hand


def test_the_area_is_the_integral_of_the_profile():
    # Contender 1: 1/4 up to 3 and 1/2 up to 4; contender 2: 1/2 up to 2, 3/4 up to 4.
    np.testing.assert_allclose(profile_area(TIMES), [1 / 3, 2 / 3])
    rng = np.random.default_rng(0)
    times = np.exp(rng.normal(0, 0.5, (4, 9)))
    taus = np.linspace(1, 3, 20_001)
    numeric = integrate.trapezoid(performance_profile(times, taus), taus, axis=1) / 2
    np.testing.assert_allclose(profile_area(times, 3.0), numeric, atol=1e-4)


def test_a_speed_up_is_a_geometric_mean_with_misses_counted():
    found = speed_up([10, 20, INF, 7, INF], [20, 160, 5, INF, INF])
    assert found.ratio == pytest.approx(stats.gmean([2, 8]))
    assert (found.pairs, found.missed, found.missed_by_reference) == (2, 1, 1)
    assert (found.low, found.high) == (0, INF)


def test_the_interval_of_a_speed_up_holds_the_truth():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        shared = rng.normal(3, 1, 8)
        times = np.exp(shared + rng.normal(0, 0.2, 8))
        others = 1.3 * np.exp(shared + rng.normal(0, 0.2, 8))
        found = speed_up(times, others)
        assert found.ratio == pytest.approx(stats.gmean(others / times))
        held += found.low <= 1.3 <= found.high
    assert stats.binomtest(held, 300, 0.95, alternative="less").pvalue > 0.01


def test_a_speed_up_and_the_reverse_are_inverse():
    rng = np.random.default_rng(2)
    a, b = rng.uniform(1, 2, (2, 6))
    one, other = speed_up(a, b), speed_up(b, a)
    assert one.ratio == pytest.approx(1 / other.ratio)
    assert (one.low, one.high) == pytest.approx((1 / other.high, 1 / other.low))


def test_no_pair_that_met_the_target_gives_no_ratio():
    found = speed_up([INF, 3.0], [4.0, INF])
    assert math.isnan(found.ratio)
    assert (found.low, found.high, found.pairs) == (0, INF, 0)


def test_the_worst_workload_is_that_of_the_smallest_speed_up():
    assert worst_workload([10, 10, 10], [20, 5, 8]) == (1, 0.5)
    assert worst_workload([10, INF, INF], [1, INF, 8]) == (2, 0.0)
    assert worst_workload([INF, 10], [INF, INF]) == (0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: time_ratios([1, 2]), r"must be \(contenders, workloads\)"),
        (lambda: time_ratios([[1, np.nan]]), "a target that was missed has time inf"),
        (lambda: time_ratios([[1, 0]]), "not above 0"),
        (lambda: performance_profile([[1]], [0.5]), "factors of 1 or more"),
        (lambda: profile_area([[1]], 1.0), "above 1"),
        (lambda: speed_up([1, 2], [1]), "must agree"),
        (lambda: speed_up([1], [1], 95), "confidence is 95"),
        (lambda: worst_workload([1, 2], [1]), r"shape \(2,\), .* must agree"),
    ],
)
def test_bad_times_are_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()
