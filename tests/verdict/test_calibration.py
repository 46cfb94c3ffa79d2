"""The tests that calibration compares agree with scipy's; its families have mean 0."""

import numpy as np
import pytest
from scipy import stats

from experiments.calibration.calibration import share
from experiments.calibration.differences import BEYOND, FAMILIES
from experiments.calibration.mean_tests import (
    bootstrap_t,
    hall,
    johnson,
    neuralopt_test,
    sign_flip,
    student,
)
from neuralopt.verdict.comparison import compare


@pytest.mark.parametrize("name", [*FAMILIES, *BEYOND])
def test_differences_of_every_family_have_mean_0(name: str) -> None:
    family = {**FAMILIES, **BEYOND}[name]
    values = family(np.random.default_rng(0), (2000, 50)).ravel()
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))


def test_student_and_sign_flips_are_scipys() -> None:
    samples = np.random.default_rng(1).exponential(1, (12, 6)) - 0.5
    expected = stats.ttest_1samp(samples, 0, axis=1).pvalue
    np.testing.assert_allclose(student(samples), expected)
    for row, p in zip(samples, sign_flip(samples), strict=True):
        found = stats.permutation_test(
            (row,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert p == pytest.approx(found.pvalue)


def test_skewness_moves_johnsons_and_halls_t_by_their_formulas() -> None:
    row = np.array([[0.1, 0.2, 0.9, 0.3, 0.1]])
    n, mean, deviation = 5, row.mean(), row.std(ddof=1)
    third = ((row - mean) ** 3).mean()
    t = np.sqrt(n) * mean / deviation
    moved = mean + third / (6 * deviation**2 * n) + third / 3 / deviation**4 * mean**2
    assert johnson(row)[0] == pytest.approx(
        2 * stats.t.sf(moved / deviation * np.sqrt(n), n - 1)
    )
    g, w = third / deviation**3, mean / deviation
    bent = t + np.sqrt(n) * (g * w**2 / 3 + g**2 * w**3 / 27 + g / (6 * n))
    assert hall(row)[0] == pytest.approx(2 * stats.t.sf(bent, n - 1))


def test_the_bootstrap_holds_on_normal_differences() -> None:
    samples = np.random.default_rng(2).normal(size=(300, 12))
    called = int((bootstrap_t(samples) <= 0.05).sum())
    assert stats.binomtest(called, 300, 0.05).pvalue > 0.01


def test_the_test_of_verdicts_is_that_of_compare() -> None:
    rng = np.random.default_rng(3)
    table = rng.uniform(0.4, 0.6, (2, 9))
    found = compare(["old", "new"], table, reference="old")["new"]
    assert neuralopt_test(table[1:] - table[0])[0] == pytest.approx(found.p_value)


def test_a_share_has_the_interval_of_clopper_and_pearson() -> None:
    low, high = stats.beta.ppf([0.025, 0.975], [3, 4], [18, 17])
    assert share([True] * 3 + [False] * 17) == pytest.approx(
        [15.0, 100 * low, 100 * high], abs=0.006
    )
