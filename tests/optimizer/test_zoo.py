"""Rules of the zoo against torch.optim or a numpy re-derivation, float64.

Those of tensor scope and of recent years are in `test_recent_rules`.

The re-derivations follow the papers' own pseudocode: loops over t from 1, states with
names, no language. Each is called as f(g, w, t, T) at every step and returns the step
before the learning rate.
"""

import inspect
import math

import numpy as np
import pytest
import torch

from neuralopt import RULES, RuleOptimizer, parse, render
from neuralopt.counter_hash import counter_key
from neuralopt.optimizer.draws import normal, uniform
from tests.optimizer import zoo_derivations
from tests.optimizer.test_known_optimizers import CASES

STEPS, SIZE, SEED = 200, 24, 11
RATE = 1e-3


class Average:
    """Exponential moving average, from zero."""

    def __init__(self, decay):
        self.decay, self.value, self.steps = decay, 0.0, 0

    def __call__(self, x):
        self.value = self.decay * self.value + (1 - self.decay) * x
        self.steps += 1
        return self.value

    def corrected(self, x):
        return self(x) / (1 - self.decay**self.steps)


def momentum_ema():
    m = Average(0.9)
    return lambda g, w, t, T: m(g)


def heavy_ball(gradient=lambda g, w: g, decay=lambda t, T: 0.9, beside=0.0):
    def make():
        v = np.zeros(SIZE)

        def step(g, w, t, T):
            nonlocal v
            v = decay(t, T) * v + gradient(g, w)
            return v + beside * w

        return step

    return make


def signsgd():
    return lambda g, w, t, T: np.sign(g)


def signum():
    m = Average(0.9)
    return lambda g, w, t, T: np.sign(m(g))


def rmsprop(decay):
    def make():
        v = Average(decay)
        return lambda g, w, t, T: g / (np.sqrt(v(g * g)) + 1e-8)

    return make


def adam(change=lambda x, **_: x):
    def make():
        m, v = Average(0.9), Average(0.999)

        def step(g, w, t, T):
            first, second = m.corrected(g), v.corrected(g * g)
            return change(first / (np.sqrt(second) + 1e-8), g=g, m=m.value)

        return step

    return make


def with_m(combine):
    """A found rule of g, w, m, v, gamma, rmsprop and the sign agreement."""

    def make():
        m, v = Average(0.9), Average(0.999)

        def step(g, w, t, T):
            first, second = m(g), v(g * g)
            known = {
                "g": g,
                "w": w,
                "m": first,
                "v": second,
                "agreement": np.sign(g) * np.sign(first),
                "rmsprop": g / (np.sqrt(second) + 1e-8),
                "t": t,
            }
            names = inspect.signature(combine).parameters
            return combine(**{name: known[name] for name in names})

        return step

    return make


def dropped(x, p, t, stream=0):
    """0 where the counter hash says so; t counts from 1."""
    key = counter_key(SEED, 0, t - 1, stream, 0)
    return np.where(uniform(key, 0, SIZE, torch.float64).numpy() < p, 0.0, x)


def annealed_noise():
    def step(g, w, t, T):
        keys = tuple(counter_key(SEED, 0, t - 1, 0, lane) for lane in (0, 1))
        noise = normal(keys, 0, SIZE, torch.float64).numpy()
        return g + math.sqrt(0.01 / t**0.55) * noise  # t counts from 1

    return step


def amsgrad_plain():
    m, v, largest = Average(0.9), Average(0.999), np.zeros(SIZE)

    def step(g, w, t, T):
        nonlocal largest
        largest = np.maximum(largest, v(g * g))
        return m(g) / (np.sqrt(largest) + 1e-8)

    return step


def yogi():
    m, v = Average(0.9), np.zeros(SIZE)

    def step(g, w, t, T):
        nonlocal v
        v = v - 0.001 * np.sign(v - g * g) * g * g
        return m(g) / (np.sqrt(v) + 1e-3)

    return step


def adan():
    m, v, n, before = Average(0.98), Average(0.92), Average(0.99), None

    def step(g, w, t, T):
        nonlocal before
        change = 0 * g if before is None else g - before
        before = g
        first, second = m.corrected(g), v.corrected(change)
        third = n.corrected((g + 0.92 * change) ** 2)
        return (first + 0.92 * second) / (np.sqrt(third) + 1e-8)

    return step


def lion():
    m = np.zeros(SIZE)

    def step(g, w, t, T):
        nonlocal m
        update = np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
        return update

    return step


def ligi():
    m = np.zeros(SIZE)

    def step(g, w, t, T):
        nonlocal m
        c = (0.9 * m + 0.1 * g) / (0.9 * (1 - 0.99 ** (t - 1)) + 0.1)
        m = 0.99 * m + 0.01 * g
        return c / (0.9 * np.abs(c) + 0.1 * np.abs(g) + 1e-15)

    return step


DECAYS = {
    "": lambda s, T: 1.0,
    "_ld": lambda s, T: (T - s) / T,
    "_cd": lambda s, T: 0.5 * (1 + math.cos(math.pi * s / T)),
    "_rd": lambda s, T: 0.5 * (1 + math.cos(math.pi * ((20 * s) % T) / T)),
}
"""TensorFlow's sign decays, of the step before it is counted."""


def sign_agreement(combine, decay):
    def make():
        m = Average(0.9)

        def step(g, w, t, T):
            return combine(decay(t - 1, T) * np.sign(g) * np.sign(m(g))) * g

        return step

    return make


DERIVED = {
    "momentum_ema": momentum_ema,
    "momentum_l2": heavy_ball(lambda g, w: g + 5e-4 * w),
    "sgdw": heavy_ball(beside=5e-4),
    "momentum_annealed": heavy_ball(
        decay=lambda t, T: 0.5 + 0.4 * min(1.0, (t - 1) / T)
    ),
    "annealed_noise": annealed_noise,
    "signsgd": signsgd,
    "signum": signum,
    "sign_agreement": with_m(lambda g, m: np.sign(g) + np.sign(m)),
    "sign_times_agreement": with_m(
        lambda g, m: np.sign(g) * np.exp(np.sign(g) * np.sign(m))
    ),
    "rmsprop": rmsprop(0.999),
    "rmsprop_agreement": with_m(
        lambda rmsprop, g, m: rmsprop * np.exp(np.sign(g) * np.sign(m))
    ),
    "adam_uncorrected": with_m(lambda m, v: m / (np.sqrt(v) + 1e-8)),
    "rmsprop_hinton": rmsprop(0.9),
    "amsgrad_plain": amsgrad_plain,
    "yogi": yogi,
    "adan": adan,
    "lion": lion,
    "ligi": ligi,
    **{
        f"powersign{base}{suffix}": sign_agreement(
            lambda x, number=number: number**x, decay
        )
        for base, number in (("", math.e), ("_2", 2.0), ("_10", 10.0))
        for suffix, decay in DECAYS.items()
    },
    **{
        f"addsign{alpha}{suffix}": sign_agreement(
            lambda x, number=number: number + x, decay
        )
        for alpha, number in (("", 1.0), ("_2", 2.0))
        for suffix, decay in DECAYS.items()
    },
    "found_1": with_m(
        lambda g, agreement: (np.exp(agreement) + np.clip(g, -1e-4, 1e-4)) * g
    ),
    "found_2": with_m(lambda m, v: np.clip(m, -1e-4, 1e-4) * np.exp(v)),
    "found_3": with_m(lambda m, v: m * np.exp(v)),
    "found_4": with_m(lambda g, agreement, t: dropped(g, 0.3, t) * np.exp(agreement)),
    "found_5": with_m(lambda g, m: m * np.exp(g * g)),
    "found_6": with_m(lambda g, m, t: dropped(m, 0.1, t) / (np.exp(g * g) + 1e-8)),
    "found_7": with_m(lambda g, agreement, t: dropped(g, 0.1, t) * np.exp(agreement)),
    "found_8": with_m(
        lambda rmsprop, m, t: np.clip(rmsprop, -1e-5, 1e-5) + dropped(m, 0.3, t)
    ),
    "adam_agreement": adam(lambda x, g, m: x * np.exp(np.sign(g) * np.sign(m))),
    "found_9": adam(lambda x, g, m: x * np.exp(m)),
    "found_10": with_m(lambda g, m, t: g + dropped(m, 0.3, t)),
    "found_11": with_m(lambda g, m, t: dropped(m, 0.1, t) * np.exp(g * g * g)),
    "found_12": with_m(lambda g: g - np.clip(g * g, -1e-4, 1e-4)),
    "found_13": with_m(lambda g, m: np.exp(g) - np.exp(m)),
    "found_14": with_m(lambda m, w, t: dropped(m, 0.3, t) * np.exp(1e-3 * w)),
}


def gradient(step):
    """Of sizes from 1e-4 to 3, one in ten zero: exp(g ** 3) stays finite."""
    rng = np.random.default_rng(1000 + step)
    size = 10 ** rng.uniform(-4, 0.5, SIZE)
    return size * np.sign(rng.normal(size=SIZE)) * (rng.random(SIZE) > 0.1)


@pytest.mark.parametrize("name", DERIVED)
def test_rule_equals_its_derivation(name):
    start = np.random.default_rng(0).normal(size=SIZE)
    weight = torch.nn.Parameter(torch.from_numpy(start.copy()))
    rule = RULES[name]
    optimizer = RuleOptimizer([weight], rule, RATE, total_steps=STEPS, seed=SEED)
    derived, w = DERIVED[name](), start
    for step in range(STEPS):
        g = gradient(step)
        weight.grad = torch.from_numpy(g)
        optimizer.step()
        w = w - RATE * derived(g, w, step + 1, STEPS)
        found = weight.detach().numpy()
        scale = np.maximum(1.0, np.abs(w))
        assert np.max(np.abs(found - w) / scale) < 1e-12, step


def test_every_rule_is_held_against_something_else():
    of_torch = {rule for rule, _ in CASES.values()} | {"adamw"}
    recent = set(zoo_derivations.DERIVED)
    assert of_torch | set(DERIVED) | recent == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_says_what_it_is(name):
    rule = RULES[name]
    assert rule.name == name
    assert rule.reference
    assert rule.lr > 0
    assert rule.about.endswith(".")
    assert len(rule.about) < 120
    assert parse(str(rule.expression)) == rule.expression
    assert parse(render(rule.expression)) == rule.expression
