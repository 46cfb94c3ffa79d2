"""Which spellings have the same canonical form, and which only look equal."""

import pytest

from neuralopt.language import parse, simplify
from neuralopt.spaces import SPACES

SAME = [
    # commuting operands
    ("g * m", "m * g"),
    ("g + m", "m + g"),
    ("min(g, m)", "min(m, g)"),
    ("max(g, m) * 2", "2 * max(m, g)"),
    # signs
    ("--g", "g"),
    ("-(-g) * sign(-m)", "-(g * sign(m))"),
    ("(-g) * (-m)", "g * m"),
    ("g - -m", "g + m"),
    ("-g + m", "m - g"),
    ("-(g - m)", "m - g"),
    ("abs(-g)", "abs(g)"),
    ("(-g) ** 2", "g ** 2"),
    ("(-g) ** 3", "-(g ** 3)"),
    ("sign(-g)", "-sign(g)"),
    ("ema(-g, 0.9)", "-ema(g, 0.9)"),
    ("clip(-g, 0.1)", "-clip(g, 0.1)"),
    ("cos(-g)", "cos(g)"),
    ("log(-g)", "log(g)"),
    ("sqrt(abs(g))", "sqrt(g)"),
    # powers
    ("g * g", "g ** 2"),
    ("g * g * g", "g ** 3"),
    ("square(g)", "g ** 2"),
    ("cube(g)", "g ** 3"),
    ("pow(2, g)", "2 ** g"),
    ("pow(g, 1)", "abs(g)"),
    ("g ** 1", "g"),
    ("reciprocal(g)", "1 / g"),
    # constants and what changes nothing
    ("2 * 3 * g", "6 * g"),
    ("g * 1", "g"),
    ("g / 1", "g"),
    ("g + 0", "g"),
    ("g + log(1)", "g"),
    ("g * exp(0)", "g"),
    ("g * (columns(1) > 0)", "g"),
    ("g * rows(1) / (rms(mean(1)) * maximum(1))", "g"),
    ("g + g", "2 * g"),
    ("drop(g, 0)", "g"),
    ("trace(g, 1)", "total(g)"),
    # functions of functions
    ("sign(sign(g))", "sign(g)"),
    ("abs(abs(g))", "abs(g)"),
    ("abs(exp(g))", "exp(g)"),
    ("clip(clip(g, 1), 0.1)", "clip(g, 0.1)"),
    ("sign(clip(g, 0.1))", "sign(g)"),
    ("max(g, g)", "g"),
    ("g * sign(g)", "abs(g)"),
    ("sign(m) * m", "abs(m)"),
    # abbreviations
    ("m / (sqrt(v) + 1e-8)", "ema(g, 0.9) / (sqrt(ema(g * g, 0.999)) + 1e-8)"),
]

DIFFERENT = [
    ("g - g", "0"),  # inf - inf
    ("g / g", "1"),  # 0 / 0
    ("0 * g", "0"),  # 0 * inf
    ("sign(g ** 3)", "sign(g)"),  # underflow
    ("sign(g) ** 2", "1"),  # at 0
    ("sqrt(g ** 2)", "abs(g)"),  # underflow
    ("sqrt(g) ** 2", "abs(g)"),  # rounding
    ("exp(g) * exp(m)", "exp(g + m)"),  # rounding, overflow
    ("(g + m) + w", "g + (m + w)"),  # rounding
    ("g * 3 / 3", "g"),  # rounding
    ("1 / (1 / g)", "g"),  # rounding
    ("g / (w * sign(w))", "g / abs(w)"),  # the sign of a zero divides
    ("1 / (0 + g)", "1 / g"),  # the same
    ("drop(g, 0.1) - drop(-g, 0.1)", "2 * drop(g, 0.1)"),  # two draws
    ("ema(2 * g, 0.9)", "2 * ema(g, 0.7)"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_rule(one, other):
    assert simplify(parse(one)) == simplify(parse(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_rules_that_differ_somewhere(one, other):
    assert simplify(parse(one)) != simplify(parse(other))


def test_a_rule_is_one_however_many_groups_it_takes():
    # RMS-normalised momentum: m / sqrt(v) in one group; sqrt(v) first, in two.
    space = SPACES["bello2017"]
    operand, unary = space.operands.index, space.unary.index
    divide, left = space.binary.index("x / (y + 1e-8)"), space.binary.index("x")
    plain, root = unary("x"), unary("sqrt(x)")
    g, m, v = operand("g"), operand("m"), operand("v")
    first, second = len(space.operands), len(space.operands) + 1
    short = [m, v, plain, root, divide, first, g, plain, plain, left]
    short += [second, g, plain, plain, left]
    long = [v, g, root, plain, left, m, first, plain, plain, divide]
    long += [second, g, plain, plain, left]
    rules = [simplify(rule) for rule in space.decode_all(_rows(short, long))]
    assert rules[0] == rules[1] == simplify(parse("m / (sqrt(v) + 1e-8)"))


def _rows(*rows):
    import numpy as np

    return np.array(rows, np.int64)
