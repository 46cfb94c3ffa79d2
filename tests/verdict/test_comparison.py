"""Verdicts compared with scipy's paired t-test and with simulated truth."""

import math
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuralopt.verdict.comparison import Verdict, compare
from neuralopt.verdict.holm import holm
from neuralopt.verdict.skewed_null import null_table


def noisy(rng, means, seeds, spread=0.01, shared=0.03):
    """Qualities (candidates, seeds): a shift shared by all on a seed, and own noise."""
    own = rng.normal(0, spread, (len(means), seeds))
    both = np.asarray(means)[:, None] + own + rng.normal(0, shared, seeds)
    return np.clip(both, 0, 1)


def test_verdicts_against_a_named_reference_are_those_of_paired_tests_and_holm():
    rng = np.random.default_rng(0)
    names = ["reference", "a", "b", "c", "d"]
    said = set()
    for seeds in (3, 5, 8, 12):
        table = noisy(rng, [0.5, 0.5, 0.52, 0.48, 0.55], seeds)
        found = compare(names, table, reference="reference")
        gaps = table[1:] - table[0]
        t = stats.ttest_1samp(gaps, 0, axis=1).statistic
        hall = hall_statistic(gaps)
        sizes = np.where(t * hall > 0, np.minimum(abs(t), abs(hall)), 0)
        corrected = holm([null_table(seeds).p_value(size) for size in sizes])
        for name, each, p in zip(names[1:], t, corrected, strict=True):
            row = found[name]
            said.add(row.verdict)
            assert row.p_value == pytest.approx(p, rel=1e-9)
            called = "better" if each > 0 else "worse"
            assert (row.verdict == called) == (p <= 0.05)
            assert (row.verdict in ("better", "worse")) == (
                not row.difference_low <= 0 <= row.difference_high
            )
    assert said == {
        "better", "worse", "no difference shown", "not decidable at this n"
    }  # fmt: skip


def hall_statistic(samples):
    """Hall's t of each row, with scipy's skewness."""
    n = samples.shape[1]
    w = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    g = stats.skew(samples, axis=1) * ((n - 1) / n) ** 1.5
    return np.sqrt(n) * (w + g * w**2 / 3 + g**2 * w**3 / 27 + g / (6 * n))


def test_an_interval_holds_the_means_that_the_test_does_not_reject():
    rng = np.random.default_rng(1)
    table = noisy(rng, [0.4, 0.42], 6)
    found = compare(["old", "new"], table, reference="old", confidence=0.9)["new"]
    for end in (found.difference_low, found.difference_high):
        shifted = compare(
            ["old", "new"], [table[0] + end, table[1]], reference="old", confidence=0.9
        )
        assert shifted["new"].p_value == pytest.approx(0.1, rel=1e-6)


def test_the_mean_and_its_interval_do_not_depend_on_the_other_contenders():
    table = noisy(np.random.default_rng(2), [0.4, 0.5, 0.6], 4)
    alone = compare(["a"], table[:1])["a"]
    among = compare(["a", "b", "c"], table)["a"]
    assert (alone.mean, alone.low, alone.high) == (among.mean, among.low, among.high)


def test_equal_rules_are_called_different_at_most_one_time_in_twenty():
    # 4 baselines and 4 candidates of one true quality, the reference the luckiest
    # baseline: the situation the corrections are for. What a plain paired t-test
    # against that reference would say shows that they are needed.
    rng = np.random.default_rng(3)
    names = [f"baseline {k}" for k in range(4)] + [f"candidate {k}" for k in range(4)]
    trials, wrong, plain = 600, 0, 0
    for _ in range(trials):
        table = noisy(rng, [0.5] * 8, 5)
        found = compare(names, table, baselines=names[:4])
        words = {row.verdict for row in found.rows}
        wrong += bool(words & {"better", "worse"})
        best = table[names.index(found.reference)]
        rest = table[(table != best).any(axis=1)]
        plain += (stats.ttest_rel(rest, best[None], axis=1).pvalue <= 0.05).any()
    assert stats.binomtest(wrong, trials, 0.05, alternative="greater").pvalue > 0.01
    assert plain > 0.25 * trials


def test_the_luck_of_the_chosen_reference_makes_nothing_worse():
    # The best of 12 equal baselines has been lucky. Holm alone, with all the
    # comparisons counted but not the choice, calls others worse too often.
    rng = np.random.default_rng(4)
    names = [f"baseline {k}" for k in range(12)]
    trials, wrong, holm_alone = 400, 0, 0
    for _ in range(trials):
        table = noisy(rng, [0.5] * 12, 20, shared=0)
        found = compare(names, table, confidence=0.8)
        wrong += any(row.verdict == "worse" for row in found.rows)
        chosen = names.index(found.reference)
        others = np.delete(table, chosen, axis=0)
        plain = stats.ttest_rel(others, table[[chosen]], axis=1).pvalue
        holm_alone += (holm(plain) <= 0.2).any()
    assert stats.binomtest(wrong, trials, 0.2, alternative="greater").pvalue > 0.01
    assert stats.binomtest(holm_alone, trials, 0.2, alternative="greater").pvalue < 1e-6


def test_better_than_a_chosen_reference_is_rarely_wrong_where_noise_is_unequal():
    rng = np.random.default_rng(5)
    names = ["quiet", "loud", "candidate"]
    wrong = 0
    for _ in range(800):
        own = rng.normal(0, 1, (3, 5)) * np.array([[0.001], [0.05], [0.01]])
        found = compare(names, 0.5 + own, baselines=names[:2])
        wrong += found["candidate"].verdict == "better"
    assert stats.binomtest(wrong, 800, 0.025, alternative="greater").pvalue > 0.01


def test_a_clear_difference_is_found_by_pairing():
    # The shared shift of a seed is ten times the difference; unpaired it would hide it.
    rng = np.random.default_rng(6)
    table = noisy(rng, [0.5, 0.51], 5, spread=0.001, shared=0.1)
    assert stats.ttest_ind(table[0], table[1]).pvalue > 0.5
    found = compare(["old", "new"], table, baselines=["old"])
    assert found["new"].verdict == "better"


def test_a_named_reference_is_not_charged_for_a_choice():
    table = noisy(np.random.default_rng(7), [0.5, 0.45, 0.4], 5)
    names = ["a", "b", "c"]
    named = compare(names, table, reference="a")
    chosen = compare(names, table, baselines=names)
    assert (named.choices, chosen.choices, chosen.reference) == (1, 3, "a")
    assert named["c"].p_value < chosen["c"].p_value


qualities = st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.76, 1.0])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_table_gets_consistent_standings(data):
    rows, seeds = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 12))
    row = st.lists(qualities, min_size=seeds, max_size=seeds)
    table = data.draw(st.lists(row, min_size=rows, max_size=rows))
    names = [f"rule {k}" for k in range(rows)]
    count = data.draw(st.integers(1, rows))
    found = compare(names, table, baselines=names[:count])
    assert sorted(row.name for row in found.rows) == sorted(names)
    assert found[found.reference].verdict == "reference"
    for row in found.rows:
        assert 0 <= row.low <= row.mean <= row.high <= 1
        low, high = row.difference_low, row.difference_high
        assert -1 <= low <= row.difference <= high <= 1
        assert (row.verdict == "better") == (low > 0)
        assert (row.verdict == "worse") == (high < 0)
        assert row.verdict in get_args(Verdict)
        assert row.rank == 1 + sum(other.mean > row.mean for other in found.rows)


def test_the_order_of_contenders_and_of_seeds_does_not_matter():
    rng = np.random.default_rng(8)
    names = np.array(["a", "b", "c", "d"])
    table = noisy(rng, [0.5, 0.52, 0.55, 0.4], 5)
    rows, columns = rng.permutation(4), rng.permutation(5)
    shuffled = table[rows][:, columns]
    found = compare(names[rows].tolist(), shuffled, baselines=["a", "b"])
    again = compare(names.tolist(), table, baselines=["b", "a"])
    for ours, theirs in zip(found.rows, again.rows, strict=True):
        assert (ours.name, ours.rank, ours.mean) == (
            theirs.name,
            theirs.rank,
            theirs.mean,
        )
        assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-9)


def test_equal_means_rank_by_loss_and_then_share_a_rank():
    table = [[0.5, 0.7], [0.7, 0.5], [0.6, 0.6], [0.1, 0.1]]
    losses = [[3.0, 3.0], [2.0, 1.0], [2.0, 1.0], [np.inf, 1.0]]
    found = compare(["a", "b", "c", "d"], table, losses=losses)
    assert [found[name].rank for name in "abcd"] == [3, 1, 1, 4]
    assert found.reference == "b"


def test_identical_columns_show_no_difference():
    row = [0.5, 0.6, 0.7, 0.6, 0.5]
    found = compare(["adam", "adam, found again"], [row, row], baselines=["adam"])
    again = found["adam, found again"]
    assert (again.rank, again.difference, again.p_value) == (1, 0.0, 1.0)
    assert (again.difference_low, again.difference_high) == (0.0, 0.0)
    assert again.verdict == "no difference shown"


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_decide_nothing(seeds):
    found = compare(["good", "bad"], [[0.9, 0.91][:seeds], [0.1, 0.12][:seeds]])
    assert found.reference == "good"
    assert found["bad"].verdict == "not decidable at this n"
    assert (found["bad"].difference_low, found["bad"].difference_high) == (-1, 1)


@pytest.mark.parametrize("seeds", [2, 6])
def test_few_differences_of_no_spread_are_no_certainty(seeds):
    # A plain t-test divides by zero here and calls p = 0: accuracies are coarse.
    found = compare(["old", "new"], [[0.5] * seeds, [0.6] * seeds], reference="old")
    assert found["new"].verdict == "not decidable at this n"


def test_many_differences_of_no_spread_are_a_difference():
    found = compare(["old", "new"], [[0.5] * 7, [0.6] * 7], reference="old")
    assert found["new"].verdict == "better"
    same_side = stats.expon.cdf(1) ** 7 + stats.expon.sf(1) ** 7
    assert found["new"].p_value == pytest.approx(same_side)


def test_more_comparisons_need_more_seeds_to_be_decided():
    rng = np.random.default_rng(10)
    few = compare(["a", "b"], noisy(rng, [0.5] * 2, 5), reference="a")
    names = [f"rule {k}" for k in range(12)]
    many = compare(names, noisy(rng, [0.5] * 12, 5), reference=names[0])
    assert few["b"].verdict == "no difference shown"
    assert {row.verdict for row in many.rows} == {
        "reference", "not decidable at this n"
    }  # fmt: skip
    assert few.least_seeds <= 5 < many.least_seeds
    enough = noisy(rng, [0.5] * 12, many.least_seeds)
    decided = compare(names, enough, reference=names[0])
    assert "not decidable at this n" not in {row.verdict for row in decided.rows}


def test_failed_candidates_are_listed_last_with_the_reason():
    table = noisy(np.random.default_rng(11), [0.5, 0.4], 5)
    reasons = {"broken": "training breaks: MemoryError", "other": "no such device"}
    found = compare(["a", "b"], table, failed=reasons)
    assert [row.name for row in found.rows][2:] == ["broken", "other"]
    assert found.rows[:2] == compare(["a", "b"], table).rows
    assert found.family == 1
    for name, reason in reasons.items():
        row = found[name]
        assert (row.verdict, row.reason, row.rank) == ("failed to run", reason, 3)
        assert math.isnan(row.mean)
        assert math.isnan(row.p_value)


def test_diverged_seeds_are_counted_and_widen_the_interval():
    steady, broken = [0.9, 0.91, 0.9, 0.89, 0.9], [0.95, 0.0, 0.94, 0.95, 0.0]
    found = compare(["steady", "broken"], [steady, broken], baselines=["steady"])
    assert (found["steady"].diverged, found["broken"].diverged) == (0, 2)
    assert found["broken"].rank == 2
    assert found["broken"].verdict == "no difference shown"
    assert found["broken"].low < 0.2


def test_a_rule_that_diverges_on_every_seed_is_worse():
    rng = np.random.default_rng(9)
    table = np.vstack([rng.normal(0.9, 0.01, 5), np.zeros(5)])
    found = compare(["fine", "never"], table, baselines=["fine"])
    assert (found["never"].diverged, found["never"].verdict) == (5, "worse")


def test_one_contender_is_its_own_reference():
    found = compare(["only"], [[0.5, 0.6]])
    assert (found.family, found.reference) == (0, "only")
    assert found["only"].verdict == "reference"


two = [[0.5, 0.6], [0.4, 0.5]]


@pytest.mark.parametrize(
    ("names", "table", "options", "message"),
    [
        (["a"], two, {}, r"\(2, 2\) for 1 names"),
        ([], [], {}, "at least one"),
        (["a", "a"], two, {}, "'a' is named twice"),
        (["a", "b"], two, {"failed": {"b": "no memory"}}, "'b' is named twice"),
        (["a", "b"], [[0.5, np.nan], [0, 1]], {}, "'a' .* run again"),
        (["a", "b"], [[0.5, 0.5], [0, 1.5]], {}, "'b' .* in \\[0, 1\\]"),
        (["a", "b"], two, {"baselines": ["c"]}, "'c' is no candidate; they are a, b"),
        (["a", "b"], two, {"reference": "c"}, "'c' is no candidate"),
        (["a", "b"], two, {"baselines": []}, "empty"),
        (["a", "b"], two, {"confidence": 95}, "confidence is 95"),
        (["a", "b"], two, {"losses": [[1, 2]]}, "must agree"),
        (["a", "b"], two, {"losses": [[1, 2], [np.nan, 1]]}, "NaN"),
    ],
)
def test_bad_tables_are_refused_with_the_reason(names, table, options, message):
    with pytest.raises(ValueError, match=message):
        compare(names, table, **options)


def test_an_unknown_standing_is_named():
    with pytest.raises(KeyError, match="no candidate 'b'"):
        compare(["a"], [[0.5]])["b"]


def test_verdicts_need_neither_torch_nor_hydra():
    code = "import sys, neuralopt.verdict; print({'torch', 'hydra'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
