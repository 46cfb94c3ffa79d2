"""Times to target compared with a plain loop and with numpy's interpolation."""

import math

import numpy as np
import pytest

from neuralopt.verdict.time_to_target import first_at_or_below, median_target

STEPS = np.array([0, 5, 10, 20, 40, 80])


def by_loop(losses, target):
    for step, loss in zip(STEPS, losses, strict=True):
        if loss <= target:
            return step
    return math.inf


def test_the_first_measurement_at_or_below_the_target_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    losses = rng.uniform(0, 3, (7, 40, len(STEPS)))
    losses[rng.random(losses.shape) < 0.1] = np.nan
    losses[rng.random(losses.shape) < 0.1] = np.inf
    found = first_at_or_below(STEPS, losses, 0.5)
    assert found.shape == (7, 40)
    expected = [[by_loop(row, 0.5) for row in rows] for rows in losses]
    np.testing.assert_array_equal(found, expected)
    assert 0 < np.isinf(found).mean() < 1


def test_interpolation_is_that_of_numpy_on_falling_losses():
    losses = np.array([3.0, 2.5, 2.4, 1.1, 0.9, 0.2])
    for target in (2.99, 2.5, 2.0, 0.9, 0.3, 0.2):
        found = first_at_or_below(STEPS, losses, target, interpolate=True)
        expected = np.interp(-target, -losses, STEPS)
        assert found == pytest.approx(expected)
        assert found <= first_at_or_below(STEPS, losses, target)


def test_interpolation_needs_a_measurement_above_the_target():
    inf, nan = math.inf, math.nan
    rows = [[1, 1, 1, 1, 1, 1], [inf, nan, 1, 3, 3, 3], [3, 3, 3, 3, 3, nan]]
    found = first_at_or_below(STEPS, rows, 1.0, interpolate=True)
    assert found.tolist() == [0, 10, inf]


def test_the_target_is_the_median_of_the_final_losses():
    assert median_target([0.4, math.inf, 0.2]) == 0.4
    assert median_target([0.4, 0.1, 0.2, 0.3]) == 0.25
    with pytest.raises(ValueError, match="sets no target"):
        median_target([0.1, 0.2, math.inf, math.inf])
    with pytest.raises(ValueError, match="one a seed"):
        median_target([])


@pytest.mark.parametrize(
    ("steps", "losses", "target", "message"),
    [
        ([1, 2], [1.0], 1.0, "last axis"),
        ([], [], 1.0, "last axis"),
        ([2, 2], [1.0, 1.0], 1.0, "must rise"),
        ([1, 2], [1.0, 1.0], math.nan, "NaN"),
    ],
)
def test_bad_measurements_are_refused_with_the_reason(steps, losses, target, message):
    with pytest.raises(ValueError, match=message):
        first_at_or_below(steps, losses, target)
