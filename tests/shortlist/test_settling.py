"""What is measured until places are settled, without any training."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy import stats

from neuralopt.scoring.replicates import FIRST_SHORTLIST_REPLICATE
from neuralopt.shortlist.settling import (
    CANDIDATES,
    LEAST,
    Settling,
    ShortlistOptions,
)


def measurement(truth: dict[int, float], noise: float, number: int, replicate: int):
    """A quality that depends on rule and replicate alone."""
    draw = np.random.default_rng([number, replicate]).normal()
    return float(np.clip(truth[number] + noise * draw, 0.0, 1.0))


def settle(settling: Settling, measure) -> int:
    """Measure until nothing is wanted; returns how many rounds that took."""
    rounds = 0
    while wanted := settling.wanted():
        rounds += 1
        assert len(set(wanted)) == len(wanted)
        for number, replicate in wanted:
            settling.note(number, replicate, measure(number, replicate))
    return rounds


def gap_case(seed: int, size: int = 5, count: int = 200, noise: float = 0.01):
    """True qualities with a gap below the best `size`, and single scores with noise."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    truth = {int(n): 0.2 + 0.3 * rng.random() for n in order}
    for n in order[:size]:
        truth[int(n)] = 0.7 + 0.2 * rng.random()
    told = [(n, float(q + noise * rng.normal())) for n, q in sorted(truth.items())]
    return truth, told, {int(n) for n in order[:size]}


@pytest.mark.parametrize("seed", range(20))
def test_the_places_are_those_of_the_truly_best_where_gaps_are_large(seed: int):
    truth, told, best = gap_case(seed)
    options = ShortlistOptions(size=5)
    settling = Settling(options)
    settling.enter(told)
    settle(settling, lambda *key: measurement(truth, 0.01, *key))
    assert {place.number for place in settling.members()} == best
    assert all(place.replicates >= LEAST for place in settling.members())
    # Members get `least`, the ten others three each or little more.
    assert settling.measurements <= 5 * options.replicates + 10 * 4


def test_a_lucky_score_does_not_keep_its_place():
    truth = {n: 0.5 + n / 1000 for n in range(30)}
    told = [(n, 0.999 if n == 0 else truth[n]) for n in truth]  # 0 is the worst
    settling = Settling(ShortlistOptions(size=3))
    settling.enter(told)
    settle(settling, lambda *key: measurement(truth, 0.0005, *key))
    assert [place.number for place in settling.members()] == [29, 28, 27]


def test_others_that_were_measured_have_places_after_the_members():
    truth, told, best = gap_case(4)
    settling = Settling(ShortlistOptions(size=5))
    settling.enter(told)
    settle(settling, lambda *key: measurement(truth, 0.01, *key))
    places = settling.places()
    assert [place.member for place in places] == [True] * 5 + [False] * 10
    assert {place.number for place in places[:5]} == best
    others = [place.mean for place in places[5:]]
    assert others == sorted(others, reverse=True)


def test_means_and_intervals_are_of_the_fresh_measurements_alone():
    truth, told, _ = gap_case(3)
    settling = Settling(ShortlistOptions(size=8))
    settling.enter(told)
    kept: dict[int, list[float]] = {}

    def measure(number: int, replicate: int) -> float:
        quality = measurement(truth, 0.02, number, replicate)
        kept.setdefault(number, []).append(quality)
        return quality

    settle(settling, measure)
    places = settling.members()
    assert len(places) == 8
    for place in places:
        values = np.array(kept[place.number])
        half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
        assert place.replicates == len(values)
        assert place.mean == pytest.approx(values.mean(), abs=1e-12)
        assert place.low == pytest.approx(max(0, values.mean() - half), abs=1e-9)
        assert place.high == pytest.approx(min(1, values.mean() + half), abs=1e-9)
    means = [place.mean for place in places]
    assert means == sorted(means, reverse=True)


def wanted_by_numpy(measured, scores, size, most):
    """The same decision, derived again: arrays, and counting instead of sorting."""
    numbers = sorted(measured, key=lambda n: (-scores[n], n))
    first = [
        (n, 500 + k)
        for n in numbers
        for k in range(min(3, most))
        if k >= len(measured[n])
    ]
    if first:
        return first
    rows = [np.array([x for x in measured[n] if x is not None]) for n in numbers]
    low, high = np.zeros(len(rows)), np.ones(len(rows))
    for k, row in enumerate(rows):
        if len(row) > 1:
            spread = row.std(ddof=1) / np.sqrt(len(row))
            half = stats.t.ppf(0.975, len(row) - 1) * spread
            low[k], high[k] = max(0, row.mean() - half), min(1, row.mean() + half)
    found = []
    for k, n in enumerate(numbers):
        asked = len(measured[n])
        out = np.sum(low > high[k]) >= size
        rivals = np.sum(np.delete(high, k) >= low[k])
        settled = rivals < size and asked >= min(5, most)
        if asked < most and not out and not settled:
            found.append((n, 500 + asked))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_every_round_is_what_a_second_derivation_asks_for(seed: int):
    rng = np.random.default_rng(seed)
    size, most = int(rng.integers(1, 6)), int(rng.integers(1, 11))
    scores = {n: float(rng.random()) for n in range(40)}
    settling = Settling(ShortlistOptions(size=size, replicates=most))
    settling.enter(scores.items())
    pool = sorted(scores, key=lambda n: (-scores[n], n))[: CANDIDATES * size]
    measured: dict[int, list[float | None]] = {n: [] for n in pool}
    while wanted := settling.wanted():
        assert wanted == wanted_by_numpy(measured, scores, size, most)
        for number, replicate in wanted:
            quality = float(np.clip(rng.normal(0.5 + number / 80, 0.05), 0, 1))
            value = None if rng.random() < 0.1 else quality
            settling.note(number, replicate, value)
            measured[number].append(value)
    assert wanted_by_numpy(measured, scores, size, most) == []


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.05, 1.0])
@pytest.mark.parametrize("size", [1, 4, 20])
def test_the_amount_is_bounded_for_any_noise(noise: float, size: int):
    truth = dict.fromkeys(range(500), 0.5)
    options = ShortlistOptions(size=size, replicates=7)
    settling = Settling(options)
    settling.enter((n, 0.5) for n in truth)
    rounds = settle(settling, lambda *key: measurement(truth, noise, *key))
    assert settling.rules == CANDIDATES * size
    assert settling.measurements <= settling.rules * options.replicates
    assert rounds <= 1 + options.replicates - 3
    assert len(settling.members()) == size


def test_fewer_rules_than_places_get_the_least_measurements():
    truth = {n: n / 10 for n in range(4)}
    settling = Settling(ShortlistOptions(size=20))
    settling.enter(truth.items())
    settle(settling, lambda *key: measurement(truth, 0.3, *key))
    assert {place.replicates for place in settling.members()} == {LEAST}
    assert len(settling.members()) == 4


def test_the_order_of_proposals_and_of_measurements_makes_no_difference():
    truth, told, _ = gap_case(7, noise=0.2)

    def outcome(shuffle: random.Random | None):
        settling = Settling(ShortlistOptions(size=5))
        rows = list(told)
        if shuffle:
            shuffle.shuffle(rows)
        settling.enter(rows)
        asked = []
        while wanted := settling.wanted():
            asked.append(list(wanted))
            if shuffle:
                shuffle.shuffle(wanted)
            for key in wanted:
                settling.note(*key, measurement(truth, 0.1, *key))
        return asked, settling.members()

    assert outcome(None) == outcome(random.Random(1)) == outcome(random.Random(2))


def test_a_diverged_measurement_counts_and_a_broken_one_does_not():
    settling = Settling(ShortlistOptions(size=2, replicates=5))
    settling.enter([(0, 0.9), (1, 0.8), (2, 0.7)])
    broken = {(1, 500), (2, 500), (2, 501), (2, 502), (2, 503), (2, 504)}

    def measure(number: int, replicate: int) -> float | None:
        if (number, replicate) in broken:
            return None
        return 0.0 if (number, replicate) == (0, 501) else 0.5

    settle(settling, measure)
    places = {place.number: place for place in settling.members()}
    assert places.keys() == {0, 1}  # every measurement of 2 broke
    assert places[0].mean == pytest.approx(0.4)
    assert (places[0].replicates, places[1].replicates) == (5, 4)
    assert places[1].mean == 0.5


def test_measured_rules_stay_candidates_when_better_scores_push_them_out():
    truth = {0: 0.9, **dict.fromkeys(range(1, 20), 0.3)}
    settling = Settling(ShortlistOptions(size=1))
    settling.enter([(0, 0.5), (1, 0.4)])
    settle(settling, lambda *key: measurement(truth, 0.01, *key))
    before = settling.measurements
    settling.enter((n, 0.6) for n in range(2, 20))  # all of them luckier than 0
    settle(settling, lambda *key: measurement(truth, 0.01, *key))
    assert [place.number for place in settling.members()] == [0]
    assert settling.rules == 5
    assert settling.measurements == before + 3 * 3


def test_first_replicates_are_those_of_the_shortlist():
    settling = Settling(ShortlistOptions(size=1, replicates=2))
    settling.enter([(3, 0.5)])
    assert settling.wanted() == [(3, 500), (3, 501)]
    assert FIRST_SHORTLIST_REPLICATE == 500


@pytest.mark.parametrize(
    "wrong", [{"size": -1}, {"every": 0}, {"replicates": 0}, {"replicates": 501}]
)
def test_options_out_of_range_are_one_line(wrong: dict[str, int]):
    (key,) = wrong
    with pytest.raises(ValueError, match=f"shortlist.{key} is") as error:
        ShortlistOptions(**wrong)
    assert "\n" not in str(error.value)
