"""Encoding rules as rows, and decoding them."""

import dataclasses

import numpy as np
import pytest

from neuralopt.language import RULES, parse, simplify
from neuralopt.spaces import Constraints, Space, load

# The rules of the Wide ResNet table of Bello et al. 2017, as recalled, and gradient
# descent and kin.
PAPER = (
    "g",
    "m",
    "adam",
    "rmsprop",
    "sign(g)",
    "sign(m)",
    "adam + 1e-2 * w",
    "(exp(sign(g) * sign(m)) + clip(g, 1e-4)) * g",
    "clip(m, 1e-4) * exp(v)",
    "m * exp(v)",
    "g * exp(sign(g) * sign(m))",
    "g * (1 + sign(g) * sign(m))",
    "g * (2 + sign(g) * sign(m))",
    "2 ** (sign(g) * sign(m)) * g",
    "drop(g, 0.3) * exp(sign(g) * sign(m))",
    "m * exp(g ** 2)",
    "drop(m, 0.1) / (exp(g ** 2) + 1e-8)",
    "drop(g, 0.1) * exp(sign(g) * sign(m))",
    "clip(rmsprop, 1e-5) + drop(m, 0.3)",
    "adam * exp(sign(g) * sign(m))",
    "adam * exp(m)",
    "g + drop(m, 0.3)",
    "drop(m, 0.1) * exp(g ** 3)",
    "g - clip(g ** 2, 1e-4)",
    "exp(g) - exp(m)",
    "drop(m, 0.3) * exp(1e-3 * w)",
    "m / (sqrt(v) + 1e-8)",
    "m * m",
    "-g",
    "0.1 * w - g",
)
DECAYED = (
    "exp(ld * sign(g) * sign(m)) * g",
    "exp(cd * (sign(g) * sign(m))) * g",
    "exp2(rd * sign(g) * sign(m)) * g",
    "(1 + ld * sign(g) * sign(m)) * g",
    "(1 + cd * sign(g) * sign(m)) * g",
    "ld * adam",
    "(g * ld) / (sqrt(v * cd) + 1e-8)",
)
TEMPORAL = (
    "sign(0.9 * previous(ema(g, 0.99)) + 0.1 * g)",  # Lion
    "0.9 * trace(g, 0.9) + g",  # Nesterov's momentum
    "ema(g, 0.9) / (sqrt(peak(ema(g ** 2, 0.999))) + 1e-8)",  # AMSGrad, uncorrected
    "adam",
    "rmsprop",
    "g / (sqrt(total(g ** 2)) + 1e-8)",  # AdaGrad
    "trace(g, 0.9)",
    "m",
    "g * exp(sign(g) * sign(m))",
    "g * (1 + sign(g) * sign(m))",
)
CASES = [
    *(("bello2017", text) for text in PAPER),
    *(("sign_agreement", text) for text in (*PAPER, *DECAYED)),
    *(("temporal", text) for text in TEMPORAL),
]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_a_known_rule_has_a_row(name, text):
    space, rule = load(name), parse(text)
    row = space.encode(rule)
    assert space.valid(row)
    assert simplify(space.decode(row)) == simplify(rule)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("bello2017", "momentum"),
        ("bello2017", "lion"),
        ("bello2017", "addsign_ld"),
        ("sign_agreement", "nesterov"),
        ("temporal", "amsgrad"),
    ],
)
def test_what_a_space_lacks_is_refused(name, rule):
    with pytest.raises(ValueError, match=f"space '{name}' can't say .* in . groups"):
        load(name).encode(RULES[rule].expression)


@pytest.mark.parametrize(
    ("name", "fraction"),
    [("bello2017", 0.97), ("sign_agreement", 0.97), ("temporal", 0.95)],
)
def test_most_random_rules_find_a_row(name, fraction):
    # Measured on 1,000 rows: 0.995, 0.996 and 0.988. What is missed folds constants
    # of two groups into one, or uses a result and its negative.
    space = load(name)
    count, found = 60, 0
    for row in space.sample(count, np.random.default_rng(5)):
        rule = space.decode(row)
        try:
            again = space.encode(rule)
        except ValueError:
            continue
        assert space.valid(again)
        assert simplify(space.decode(again)) == simplify(rule)
        found += 1
    assert found >= fraction * count


@pytest.mark.parametrize("flags", [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize("text", ["g", "m * exp(v)", "g * exp(sign(g) * sign(m))"])
def test_rows_obey_the_constraints_of_the_space(flags, text):
    distinct, used = flags
    constraints = Constraints(
        distinct_operands=distinct, every_group_used=used, not_final=("x * y",)
    )
    space = dataclasses.replace(
        load("bello2017"), name="changed", groups=4, constraints=constraints
    )
    row = space.encode(parse(text))
    assert space.valid(row)
    assert simplify(space.decode(row)) == simplify(parse(text))


def test_a_shared_part_is_made_once():
    shared = "sign(g) * sign(m)"
    rule = parse(f"exp({shared}) * g + exp2({shared}) * w")
    space = Space(
        "shared",
        ("g", "w", "m"),
        ("x", "exp(x)", "exp2(x)", "sign(x)"),
        ("x + y", "x * y"),
        groups=4,
    )
    assert simplify(space.decode(space.encode(rule))) == simplify(rule)


def test_without_keep_left_rows_are_filled_by_multiplying_with_one():
    space = Space("products", ("g", "m", "1"), ("x", "sign(x)"), ("x * y",), groups=3)
    row = space.encode(parse("g * sign(m)"))
    assert simplify(space.decode(row)) == simplify(parse("g * sign(m)"))
    assert space.encode(parse("g")).shape == (15,)


def test_without_an_identity_only_full_rows_exist():
    space = Space("signs", ("g", "m"), ("sign(x)",), ("x * y",), groups=1)
    space.encode(parse("sign(m) * sign(g)"))
    with pytest.raises(ValueError, match="can't say g in 1 groups"):
        space.encode(parse("g"))
    longer = dataclasses.replace(space, groups=2)
    with pytest.raises(ValueError, match="in 2 groups"):
        longer.encode(parse("sign(m) * sign(g)"))


def test_equal_sides_are_said_through_a_copy():
    space = Space("copies", ("g", "m"), ("x", "exp(x)"), ("x * y", "x"), groups=2)
    row = space.encode(parse("g * exp(g)"))
    assert simplify(space.decode(row)) == simplify(parse("g * exp(g)"))
    assert row[5] != row[6]
