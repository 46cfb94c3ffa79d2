"""The probes, and the updates of rules on them, against loops in numpy."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

from neuralopt.behaviour import probes
from neuralopt.behaviour.probes import KINDS, SIZES, STEPS, probe, updates
from neuralopt.language import RULES, parse
from neuralopt.machine.probe import Floats

Step = Callable[[Floats, int], Floats]
"""Gradients of a step and its number, from 1, to the update."""


def sgd() -> Step:
    return lambda g, t: g


def signum() -> Step:
    m = np.zeros(())

    def step(g: Floats, t: int) -> Floats:
        nonlocal m
        m = 0.9 * m + 0.1 * g
        return np.sign(m)

    return step


def adamw() -> Step:
    first, second = np.zeros(()), np.zeros(())

    def step(g: Floats, t: int) -> Floats:
        nonlocal first, second
        first = 0.9 * first + 0.1 * g
        second = 0.999 * second + 0.001 * g**2
        scale = np.sqrt(second / (1 - 0.999**t)) + 1e-8
        return first / (1 - 0.9**t) / scale + 0.01 * probe().weights

    return step


def lion() -> Step:
    m = np.zeros(())

    def step(g: Floats, t: int) -> Floats:
        nonlocal m
        update = np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
        return update

    return step


def powersign_ld() -> Step:
    m = np.zeros(())

    def step(g: Floats, t: int) -> Floats:
        nonlocal m
        m = 0.9 * m + 0.1 * g
        return g * np.exp((1 - (t - 1) / STEPS) * np.sign(g) * np.sign(m))

    return step


DERIVED = {f.__name__: f for f in (sgd, signum, adamw, lion, powersign_ld)}


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", DERIVED)
def test_updates_are_those_of_a_loop_in_numpy(name: str, compiled: bool) -> None:
    step = DERIVED[name]()
    derived = [step(g, t) for t, g in enumerate(probe().gradients, 1)]
    found = updates([RULES[name].expression], compiled=compiled)
    np.testing.assert_allclose(found[0], np.ravel(derived), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("text", ["drop(g, 0.3)", "g + noise(0.1)", "drop(m, 0.5)*w"])
def test_random_numbers_are_the_same_with_kernels_and_without(text: str) -> None:
    rule = [parse(text)]
    one, other = updates(rule), updates(rule, compiled=False)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_updates_need_no_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [parse("g"), parse("sign(m)")]
    expected = updates(rules)
    monkeypatch.delattr("neuralopt.machine.kernels", raising=False)
    monkeypatch.setitem(sys.modules, "neuralopt.machine.kernels", None)
    np.testing.assert_allclose(updates(rules), expected, rtol=1e-12)
    assert updates([]).shape == (0, probes.NUMBERS)


def test_the_probes_are_the_same_in_every_process() -> None:
    gradients, weights = probe().gradients, probe().weights
    assert gradients.shape == (STEPS, len(SIZES), len(KINDS) * probes.ELEMENTS)
    assert gradients[0, 1, :3].tolist() == pytest.approx(FIRST, rel=1e-12)
    zero = (gradients == 0).reshape(STEPS, len(SIZES), len(KINDS), -1)
    assert not zero[:, :, :-1].any()
    assert zero[:6, :, -1].all()
    assert 0.5 < zero[6:, :, -1].mean() < 0.7
    assert abs(weights).min() >= 0.05
    assert abs(weights).max() <= 1


FIRST = [0.02226661132841151, -0.05933631761832491, 0.6394931806306732]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_is_of_its_kind(kind: str) -> None:
    where = KINDS.index(kind) * probes.ELEMENTS
    runs = probe().gradients[:, :, where : where + probes.ELEMENTS]
    np.testing.assert_allclose(runs[:, 1] * SIZES[0], runs[:, 0], rtol=1e-12)
    g = runs[:, 1] / abs(runs[:, 1]).mean(axis=0)
    half, signs = STEPS // 2, np.sign(g)
    turns = (signs[1:] != signs[:-1]).mean()
    drift = abs(np.mean(g, axis=0)).mean()
    growth = abs(g[half:]).mean() / abs(g[:half]).mean()
    expected = {
        "noise": 0.3 < turns < 0.7 and drift < 0.4,
        "noisy drift": 0.1 < turns < 0.5 and drift > 0.15,
        "one sign": turns == 0,
        "alternating signs": turns == 1,
        "correlated in time": turns < 0.35,
        "drift that turns": (np.sum(g[:half], 0) * np.sum(g[half:], 0) < 0).all(),
        "shrinking": growth < 0.2,
        "growing": growth > 5,
        "rare": 0.5 < (g == 0).mean() < 0.8 and drift < 0.5,
    }
    assert expected[kind], (turns, drift, growth)
