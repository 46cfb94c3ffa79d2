"""The counter hash: its published parts, its statistics, its independence."""

import itertools
import math

import numpy as np
import pytest

from neuralopt.counter_hash import (
    counter_bits,
    counter_key,
    counter_order,
    counter_uniform,
)

KEY = counter_key(3, 1, 4, 1, 5)


def test_key_is_split_mix_64() -> None:
    # The first outputs of the generator seeded with 0, from Vigna's reference code;
    # a chain of one counter is one output of a generator seeded with the counter.
    first = 0xE220A8397B1DCDAF
    assert counter_key(0) == (first & 0xFFFFFFFF, first >> 32)
    seed = 1234567  # first output 6457827717110365317 in the same reference
    low, high = counter_key(seed)
    assert low | high << 32 == 6457827717110365317


def finaliser(word: int) -> int:
    """fmix32 of MurmurHash3, as its author wrote it."""
    word ^= word >> 16
    word = word * 0x85EBCA6B % 2**32
    word ^= word >> 13
    word = word * 0xC2B2AE35 % 2**32
    return word ^ word >> 16


def test_bits_are_two_murmur_finalisers_of_the_element() -> None:
    for element in (0, 1, 2, 1000, 2**31, 2**32 - 1):
        word = element
        for half in KEY:
            word = finaliser((word * 0x9E3779B9 + half) % 2**32)
        assert counter_bits(KEY, 1, element).tolist() == [word]


def test_finaliser_is_the_published_one() -> None:
    assert finaliser(0) == 0
    assert finaliser(1) == 0x514E28B7  # fmix32(1), a widely published check value


def test_elements_do_not_depend_on_where_a_call_starts() -> None:
    whole = counter_bits(KEY, 1000)
    for start in (0, 1, 17, 999):
        assert counter_bits(KEY, 1000 - start, start).tolist() == whole[start:].tolist()
    assert counter_bits(KEY, 0, 5).shape == (0,)


def test_elements_count_modulo_two_to_the_32() -> None:
    around = counter_bits(KEY, 4, 2**32 - 2).tolist()
    last, first = counter_bits(KEY, 2, 2**32 - 2), counter_bits(KEY, 2)
    assert around == last.tolist() + first.tolist()


def test_every_counter_changes_every_word() -> None:
    keys = [
        counter_key(*counters) for counters in itertools.product(range(3), repeat=5)
    ]
    assert len(set(keys)) == 3**5
    assert counter_key(-1, 0) != counter_key(1, 0)
    assert counter_key(2**64 + 1) == counter_key(1)  # counters are modulo 2**64
    # 243 keys, 64 words each: 121 million pairs of 32-bit words, of which 0.028
    # are expected to be equal; three or more happen once in 270,000 times.
    words = np.concatenate([counter_bits(key, 64) for key in keys])
    assert len(words) - len(np.unique(words)) < 3


def test_one_element_is_a_bijection_of_the_index() -> None:
    # Each pass is invertible, so a key never repeats a word among 2**32 elements.
    assert len(np.unique(counter_bits(KEY, 1 << 20))) == 1 << 20


def test_uniforms_are_multiples_below_one() -> None:
    values = counter_uniform(KEY, 100_000)
    assert values.dtype == np.float64
    assert values.min() >= 0.0
    assert values.max() < 1.0
    assert (values * 2**24 == np.floor(values * 2**24)).all()


# Bounds are five standard deviations of what true random numbers do (each is exceeded
# once in 1.7 million times).
COUNT = 1 << 18


@pytest.mark.parametrize("key", [(0, 0), (0, 1), KEY, counter_key(0, 0, 0, 0, 1)])
def test_uniforms_have_the_moments_of_uniforms(key: tuple[int, int]) -> None:
    values = counter_uniform(key, COUNT)
    assert abs(values.mean() - 1 / 2) < 5 * math.sqrt(1 / 12 / COUNT)
    assert abs(values.var() - 1 / 12) < 5 * math.sqrt(1 / 180 / COUNT)
    for lag in (1, 2, 10, 64, 2410):
        centred = values - 0.5
        product = (centred[lag:] * centred[:-lag]).mean()
        assert abs(product) < 5 / 12 / math.sqrt(COUNT - lag)


def test_every_bit_is_fair() -> None:
    words = counter_bits(KEY, COUNT)
    for bit in range(32):
        ones = int(((words >> np.uint64(bit)) & np.uint64(1)).sum())
        assert abs(ones - COUNT / 2) < 5 * math.sqrt(COUNT / 4)


@pytest.mark.parametrize("place", range(5))
def test_neighbouring_keys_are_uncorrelated(place: int) -> None:
    counters = [0, 0, 0, 0, 0]
    one = counter_uniform(counter_key(*counters), COUNT) - 0.5
    counters[place] = 1
    other = counter_uniform(counter_key(*counters), COUNT) - 0.5
    assert abs((one * other).mean()) < 5 / 12 / math.sqrt(COUNT)


def test_order_is_a_permutation_and_each_place_is_equally_likely() -> None:
    orders = np.array([counter_order(counter_key(7, i), 10) for i in range(2_000)])
    assert orders.dtype == np.int64
    assert (np.sort(orders, axis=1) == np.arange(10)).all()
    counts = np.array([np.bincount(orders[:, place]) for place in range(10)])
    # Binomial(2000, 1/10): standard deviation 13.4.
    assert np.abs(counts - 200).max() < 5 * math.sqrt(2_000 * 0.1 * 0.9)
