"""Advantages compared with sums written out by hand."""

import numpy as np
import pytest

from neuralopt.searchers.controller.reward_history import SMALLEST_SPREAD, RewardHistory


def history(rewards: list[float], decay: float = 0.9, **more: float) -> RewardHistory:
    made = RewardHistory(decay, 100, **more)
    made.advantages(np.array(rewards), "raw")
    return made


def weighted(values: list[float], decay: float) -> float:
    return float(np.average(values, weights=decay ** np.arange(len(values))[::-1]))


def test_the_baseline_is_the_weighted_mean_of_all_rewards() -> None:
    rewards = [0.1, 0.9, 0.4, 0.0]
    assert history(rewards).baseline == pytest.approx(weighted(rewards, 0.9))
    assert RewardHistory(0.9, 10).baseline == 0


def test_advantages_compare_with_the_rewards_before() -> None:
    old, new = [0.1, 0.9, 0.4, 0.0], np.array([0.5, 0.2])
    mean = weighted(old, 0.9)
    spread = (weighted([r * r for r in old], 0.9) - mean**2) ** 0.5
    np.testing.assert_allclose(history(old).advantages(new, "raw"), new - mean)
    np.testing.assert_allclose(
        history(old).advantages(new, "std"), (new - mean) / spread
    )


def test_the_first_rewards_compare_with_each_other() -> None:
    new = np.array([0.5, 0.2, 0.8])
    actual = RewardHistory(0.9, 10).advantages(new, "std")
    np.testing.assert_allclose(actual, (new - new.mean()) / new.std())


def test_equal_rewards_do_not_blow_up() -> None:
    flat = history([0.5] * 50)
    actual = flat.advantages(np.array([0.5, 0.501]), "std")
    np.testing.assert_allclose(actual, [0, 0.001 / SMALLEST_SPREAD], atol=1e-6)


def test_ranks_reach_from_minus_one_to_one_with_ties_in_the_middle() -> None:
    actual = RewardHistory(0.9, 100).advantages(np.array([0.0, 0.0, 0.3, 0.9]), "rank")
    np.testing.assert_allclose(actual, [-0.5, -0.5, 0.25, 0.75])


def test_a_reward_told_again_is_shared_and_zero_stays_zero() -> None:
    shared = RewardHistory(0.9, 100, sharing=0.5)
    rewards = np.array([0.8, 0.8, 0.6, 0.8, 0.0, 0.0])
    plain = shared.advantages(rewards, "raw") + np.mean(
        expected := [0.8, 0.8 / 2**0.5, 0.6, 0.8 / 3**0.5, 0, 0]
    )
    np.testing.assert_allclose(plain, expected, atol=1e-12)
    assert np.array_equal(rewards, [0.8, 0.8, 0.6, 0.8, 0.0, 0.0])


def test_sharing_forgets_what_left_the_window() -> None:
    shared = RewardHistory(
        0.0, 9, sharing=1.0, sharing_window=2
    )  # the baseline is the last reward
    shared.advantages(np.array([0.8, 0.5]), "raw")
    assert shared.advantages(np.array([0.4]), "raw")[0] == pytest.approx(-0.1)
    assert shared.advantages(np.array([0.8]), "raw")[0] == pytest.approx(0.4)


def test_a_loaded_history_continues() -> None:
    first = history([0.1, 0.9, 0.9, 0.0], sharing=0.5)
    second = RewardHistory(0.9, 100, sharing=0.5)
    second.load(first.state())
    new = np.array([0.9, 0.2])
    assert np.array_equal(first.advantages(new, "std"), second.advantages(new, "std"))
    assert first.state() == second.state()
