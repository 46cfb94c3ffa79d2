"""The oracle compared with the published vectors and with hand computation."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from neuralopt.language import parse
from tests.oracle.interpreter import (
    Array,
    draws_by_text,
    power,
    run,
    train,
    value_at,
)

GRADIENT_SIGNS = (1, 1, 1, 1, -1, -1, -1)

# Four steps with +g, then three with -g, lr 0.1; first coordinates of (var0, var1),
# computed from the formulas of the TensorFlow optimizers of the paper's authors.
POWERSIGN = (
    "g * exp(sign(g) * sign(m))",
    None,
    "0.9728171817 0.9456343634 0.9184515451 0.8912687269 0.8949475213 0.8986263157 "
    "0.9258091340",
    "2.9972817182 2.9945634363 2.9918451545 2.9891268727 2.9894947521 2.9898626316 "
    "2.9925809134",
)
POWERSIGN_LINEAR = (
    "g * exp(ld * sign(g) * sign(m))",
    10,
    "0.9728171817 0.9482211506 0.9259657413 0.9058282142 0.9113163306 0.9173816372 "
    "0.9322998842",
    "2.9972817182 2.9948221151 2.9925965741 2.9905828214 2.9911316331 2.9917381637 "
    "2.9932299884",
)
ADDSIGN = (
    "(1 + sign(g) * sign(m)) * g",
    None,
    "0.98 0.96 0.94 0.92 0.92 0.92 0.94",
    "2.998 2.996 2.994 2.992 2.992 2.992 2.994",
)


@pytest.mark.parametrize(
    "case",
    [POWERSIGN, POWERSIGN_LINEAR, ADDSIGN],
    ids=["powersign", "powersign-ld", "addsign"],
)
@pytest.mark.parametrize("variable", [0, 1])
def test_sign_rules_follow_the_published_vectors(
    case: tuple[str, int | None, str, str], variable: int
) -> None:
    text, total_steps, *expected = case
    start, slope = ([1.0, 2.0], 0.1) if variable == 0 else ([3.0, 4.0], 0.01)
    gradients = [[sign * slope] * 2 for sign in GRADIENT_SIGNS]
    path = train(parse(text), start, gradients, lr=0.1, total_steps=total_steps)
    numbers = np.array([float(word) for word in expected[variable].split()])
    first, second = np.array(path).T
    assert np.abs(first - numbers).max() <= 1e-10
    assert np.abs(second - numbers - 1.0).max() <= 1e-10


DECAYS: dict[str, Callable[[float], float]] = {
    "ld": lambda r: 1.0 - r,
    "cd": lambda r: 0.5 * (1.0 + math.cos(math.pi * r)),
    "cd(0.5)": lambda r: 0.5 * (1.0 + math.cos(math.pi * r)),
    "cd(5)": lambda r: 0.5 * (1.0 + math.cos(10.0 * math.pi * r)),
    "rd(1)": lambda r: 0.5 * (1.0 + math.cos(math.pi * (r % 1.0))),
    "rd(3)": lambda r: 0.5 * (1.0 + math.cos(math.pi * ((3.0 * r) % 1.0))),
    "rd": lambda r: 0.5 * (1.0 + math.cos(math.pi * ((20.0 * r) % 1.0))),
}
# A restart is a jump: where 3 t is a multiple of T, either side of it is right for
# the formula in r alone, so the steps below avoid the multiples.
STEPS = (0, 77, 100, 250, 399, 501, 707, 912, 999)


@pytest.mark.parametrize("name", DECAYS)
def test_decays_follow_their_formula(name: str) -> None:
    for t in STEPS:
        if name == "rd" and t % 50 == 0:
            expected = 1.0  # a restart
        else:
            expected = DECAYS[name](t / 1000)
        assert value_at(parse(name), t, 1000) == pytest.approx(expected, abs=1e-10)


PRINTED = {  # T = 1000, s = 0, 100 ... 900, six digits
    "ld": "1 0.9 0.8 0.7 0.6 0.5 0.4 0.3 0.2 0.1",
    "cd": "1 0.975528 0.904508 0.793893 0.654508 0.5 0.345492 0.206107 0.095492 "
    "0.024472",
    "rd(1)": "1 0.975528 0.904508 0.793893 0.654508 0.5 0.345492 0.206107 0.095492 "
    "0.024472",
    "cd(5) * max(0, sign(2 - 5 * progress))": "1 0 1 0 0 0 0 0 0 0",
}


@pytest.mark.parametrize("text", PRINTED)
def test_decays_follow_the_published_vectors(text: str) -> None:
    expression = parse(text)
    values = [value_at(expression, t, 1000) for t in range(0, 1000, 100)]
    expected = [float(word) for word in PRINTED[text].split()]
    assert values == pytest.approx(expected, abs=5.1e-7)


LINEAR_COSINE = {  # T = 1000, s = 0, 250 ... 1250
    "ld * cd(0.5) + 0.001": "1.001 .641165043 .251 .037611652 .001 .001",
    "(0.1 + ld) * cd(5) + 1e-4": "1.1001 .4251 .0001 .1751 .1001 .1001",
}


@pytest.mark.parametrize("text", LINEAR_COSINE)
def test_linear_cosine_decay_follows_the_published_vectors(text: str) -> None:
    expression = parse(text)
    values = [value_at(expression, t, 1000) for t in range(0, 1251, 250)]
    expected = [float(word) for word in LINEAR_COSINE[text].split()]
    assert values == pytest.approx(expected, abs=5.1e-10)


def test_linear_cosine_decay_follows_its_formula_to_the_last_digits() -> None:
    for t in range(0, 1251, 50):
        r = min(t / 1000, 1.0)
        expected = (1 - r) * 0.5 * (1 + math.cos(math.pi * r)) + 0.001
        value = value_at(parse("ld * cd(0.5) + 0.001"), t, 1000)
        assert value == pytest.approx(expected, abs=1e-10)


# ------------------------------------------------------- meanings, computed by hand

STREAM = (2.0, -1.0, 4.0, 0.5)
MEANINGS = {
    "ema(g, 0.5)": (1.0, 0.0, 2.0, 1.25),
    "debiased(g, 0.5)": (2.0, 0.0, 2.0 / 0.875, 1.25 / 0.9375),
    "debiased(g, -0.5)": (2.0, -4.0, 7.5 / 1.125, -3.0 / 0.9375),
    "trace(g, 0.5)": (2.0, 0.0, 4.0, 2.5),
    "total(g)": (2.0, 1.0, 5.0, 5.5),
    "peak(g)": (2.0, 2.0, 4.0, 4.0),
    "peak(g, 0.25)": (2.0, 0.5, 4.0, 1.0),
    "peak(-g)": (0.0, 1.0, 1.0, 1.0),
    "previous(g)": (0.0, 2.0, -1.0, 4.0),
    "previous(previous(g))": (0.0, 0.0, 2.0, -1.0),
    "fold(0.5 * s + g)": (2.0, 0.0, 4.0, 2.5),
    "fold(s * fold(s + 1) + g)": (2.0, 3.0, 13.0, 52.5),
    "fold(g + previous(s))": (2.0, -1.0, 6.0, -0.5),
    "fold(s + 1) + fold(s + 2)": (3.0, 6.0, 9.0, 12.0),
    "g + update": (2.0, 1.0, 5.0, 5.5),
    "g - previous(update)": (2.0, -1.0, 2.0, 1.5),
    "ema(g, 1 / (t + 1))": (0.0, -0.5, 2.5, 1.0),
    "ema(g, progress)": (2.0, 0.5, 0.5, 0.5),
    "t": (0.0, 1.0, 2.0, 3.0),
    "T": (2.0, 2.0, 2.0, 2.0),
    "progress": (0.0, 0.5, 1.0, 1.0),
    "clip(g, 1)": (1.0, -1.0, 1.0, 0.5),
    "min(g, 1)": (1.0, -1.0, 1.0, 0.5),
    "max(g, 1)": (2.0, 1.0, 4.0, 1.0),
    "g % 3": (2.0, 2.0, 1.0, 0.5),
    "g % -3": (-1.0, -1.0, -2.0, -2.5),
    "sqrt(g)": (2.0**0.5, 1.0, 2.0, 0.5**0.5),
    "log(g)": (math.log(2.0), 0.0, math.log(4.0), math.log(0.5)),
    "pow(g, 3)": (8.0, 1.0, 64.0, 0.125),
    "g ** 3": (8.0, -1.0, 64.0, 0.125),
    "cube(g)": (8.0, -1.0, 64.0, 0.125),
    "square(g)": (4.0, 1.0, 16.0, 0.25),
    "-g ** 2": (-4.0, -1.0, -16.0, -0.25),
    "reciprocal(g)": (0.5, -1.0, 0.25, 2.0),
    "2 ** g": (4.0, 0.5, 16.0, 2.0**0.5),
    "exp2(g)": (4.0, 0.5, 16.0, 2.0**0.5),
    "drop(g, 0)": STREAM,
    "drop(g, 1)": (0.0, 0.0, 0.0, 0.0),
    "drop(g, progress)": (2.0, None, 0.0, 0.0),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_meaning_of_each_primitive_over_four_steps(text: str) -> None:
    stream = [np.array([g]) for g in STREAM]
    expression = parse(text)
    values = run(expression, stream, stream, total_steps=2, draw=draws_by_text())
    for value, expected in zip(values, MEANINGS[text], strict=True):
        if expected is not None:
            assert value[0] == pytest.approx(expected, rel=1e-14, abs=1e-14)


@pytest.mark.parametrize(
    "text",
    ["sign(g)", "min(g, 1)", "max(1, g)", "clip(g, 1)", "drop(g, 1)", "peak(g)"],
)
def test_nan_stays_nan(text: str) -> None:
    [value] = run(
        parse(text), [np.array([np.nan])], [np.zeros(1)], draw=draws_by_text()
    )
    assert np.isnan(value[0])


def test_dropped_infinity_is_zero() -> None:
    infinite = np.array([np.inf, -np.inf])
    [value] = run(parse("drop(g, 1)"), [infinite], [infinite], draw=draws_by_text())
    assert (value == 0.0).all()


def test_equal_subexpressions_are_one_draw_and_steps_are_fresh() -> None:
    stream: list[Array] = [np.ones(1000)] * 2
    draw = draws_by_text()
    same = run(parse("noise(0.1) - noise(0.1)"), stream, stream, draw=draw)
    assert not np.any(same)
    first, second = run(parse("noise(0.1)"), stream, stream, draw=draw)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2
    assert 0.08 < np.std(first) < 0.12
    [kept, _] = run(parse("drop(g, 0.3)"), stream, stream, draw=draw)
    assert 0.6 < np.mean(kept) < 0.8


def test_rule_that_needs_total_steps_says_so() -> None:
    for text in ("T * g", "ld * g", "rd", "ema(g, progress)"):
        with pytest.raises(ValueError, match="total_steps"):
            value_at(parse(text), 0)


def test_power_agrees_with_numpy_for_every_kind_of_float() -> None:
    kinds = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, 0.5, -0.5, 1e-320, -1e-320]
    kinds += [1e300, -1e300, -3.0, np.inf, -np.inf, np.nan, 2.0**53, 2.0**53 - 1.0]
    # Arrays, for numpy.power answers sqrt(x) where it sees the single exponent 0.5.
    bases, exponents = (grid.ravel() for grid in np.meshgrid(kinds, kinds))
    with np.errstate(all="ignore"):
        expected = np.power(bases, exponents)
    pairs = zip(bases.tolist(), exponents.tolist(), strict=True)
    found = [power(x, y) for x, y in pairs]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    zero = expected == 0.0
    assert (np.signbit(found) == np.signbit(expected))[zero].all()
