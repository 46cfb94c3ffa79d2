"""Primitives of tensor scope keep their laws, and all their forms agree."""

import math

import numpy as np
import pytest
import torch

from neuralopt.language import simplify
from neuralopt.language.primitive import Law
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.language.tensors import Place
from neuralopt.machine import straight_line
from neuralopt.machine.probe import Probe, kernel_values, scalar_values
from neuralopt.optimizer import compile_rule
from tests.conformance import primitives as checks
from tests.conformance.rules import EXAMPLE_RULES

SHAPES = ((3, 4), (4, 3), (5, 1), (1, 5), (1, 1))
MATRICES = 24
TENSORS = {n: each for n, each in PRIMITIVES.items() if each.scope == "tensor"}
FUNCTIONS = [name for name, each in TENSORS.items() if each.parameters]
WHOLE = [name for name in FUNCTIONS if TENSORS[name].whole]
LOSING = [n for n in WHOLE if TENSORS[n].sign_of_zero[:1] == ("lost",)]
NOT_FINITE = (math.inf, -math.inf, math.nan)
INSERTED = (0.0, -0.0, 5e-324, 1e-160, 1e8, *NOT_FINITE)
MEASURED = {Law.ODD, Law.EVEN, Law.IDEMPOTENT, Law.NONNEGATIVE}


def matrices():
    """Places, and values with special ones among them; zeros of either sign alone."""
    rng = np.random.default_rng(3)
    for height, width in SHAPES:
        place = Place(height, width)
        for _ in range(MATRICES):
            values = rng.normal(size=height * width)
            chosen = rng.random(values.size) < 0.3
            values[chosen] = rng.choice(checks.SPECIAL, chosen.sum())
            yield place, values
        yield place, np.zeros(values.size)
        yield place, -np.zeros(values.size)


def whole(name, x, place):
    others = TENSORS[name].parameters[1:]
    numbers = [[each.default] * len(x) for each in others]
    return np.array(TENSORS[name].whole(list(map(float, x)), *numbers, place))


def same(one, other, zeros_alike=False):
    return not checks.differing(one, other, zeros_alike).any()


@pytest.mark.parametrize("name", WHOLE)
def test_laws_hold_for_matrices_with_special_values(name):
    laws = TENSORS[name].laws
    assert set(laws) <= MEASURED
    for place, x in matrices():
        values, negated = whole(name, x, place), whole(name, -x, place)
        if Law.ODD in laws:
            assert same(negated, -values, zeros_alike=True), x
        if Law.EVEN in laws:
            assert same(negated, values), x
        if Law.IDEMPOTENT in laws:
            assert same(whole(name, values, place), values), x
        if Law.NONNEGATIVE in laws:
            assert not (np.signbit(values) & ~np.isnan(values)).any(), x


@pytest.mark.parametrize("name", LOSING)
def test_a_sign_of_zero_that_is_lost_changes_nothing(name):
    for place, x in matrices():
        turned = np.where(x == 0, -x, x)
        assert same(whole(name, turned, place), whole(name, x, place)), x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_simplifying_keeps_every_finite_value(name):
    primitive = TENSORS[name]
    given = probe(np.random.default_rng(1), (*INSERTED, *INSERTED), zeros=0.3)
    others = EXAMPLE_RULES[name].arguments[1:]
    for text in checks.PROBES:
        rule = checks.applied(primitive, text, others)
        canonical = simplify(rule)
        assert simplify(canonical) == canonical
        before, after = (
            scalar_values(given, straight_line(x)) for x in (rule, canonical)
        )
        wrong = np.isfinite(before) & (before != after)
        # A redefinition rounds in its own way; a sign is either right or wrong.
        if Law.REDEFINED in primitive.laws:
            wrong &= ~np.isclose(before, after, rtol=1e-12, atol=1e-300)
        assert not wrong.any(), f"{rule} -> {canonical}"
    if Law.REDEFINED in primitive.laws:
        assert not canonical.contains(name)


def probe(rng, inserted, zeros=0.0):
    """A step for each special value, which is put in a random place of every run."""
    gradients = rng.normal(size=(len(inserted), 4, 12))
    gradients[rng.random(gradients.shape) < zeros] = 0.0
    gradients[:, :, :6] *= np.where(rng.random((len(inserted), 4, 6)) < 0.5, -1, 1)
    for step, value in enumerate(inserted):
        gradients[step, :, rng.integers(12)] = value
    gradients[0] = np.copysign(0.0, gradients[0])
    return Probe(gradients, rng.normal(size=12), 2, 9)


def torch_values(given, rule):
    found = np.empty(given.gradients.shape)
    for run, place in enumerate(given.places):
        program, shape = compile_rule(rule, place.kind), (place.height, place.width)
        w = torch.tensor(given.weights).view(shape)
        states = program.initial_states(w)
        for step, loss in enumerate(given.losses):
            g = torch.tensor(given.gradients[step, run]).view(shape)
            more = [w.new_full((1, 1), loss)] * program.needs_loss
            clock = program.clock(step, given.total_steps)
            value, states = program.step(g, w, clock, states, None, *more)
            found[step, run] = value.numpy().ravel()
    return found


@pytest.mark.parametrize("form", ["torch", "kernel"])
def test_every_form_is_the_function_of_the_table(form):
    given = probe(np.random.default_rng(2), INSERTED)
    rules = [simplify(EXAMPLE_RULES[name]) for name in TENSORS]
    if form == "kernel":
        pytest.importorskip("numba")
        values = kernel_values(given, rules)
    else:
        values = [torch_values(given, rule) for rule in rules]
    for name, rule, found in zip(TENSORS, rules, values, strict=True):
        expected = scalar_values(given, straight_line(rule))
        fine = np.isclose(found, expected, rtol=1e-9, atol=1e-12, equal_nan=True)
        assert fine.all(), f"{name}: {found[~fine]} and {expected[~fine]}"


def test_a_wrong_law_is_seen():
    x = np.array([1.0, 2.0])
    place = Place(2, 1)
    assert not same(whole("maximum", -x, place), -whole("maximum", x, place))
    assert not same(whole("rms", -x, place), -whole("rms", x, place))
