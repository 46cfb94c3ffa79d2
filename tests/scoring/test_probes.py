"""Which rules are rejected before any training, and why."""

import sys

import numpy as np
import pytest
import torch

from neuralopt.language import RULES, parse, simplify
from neuralopt.scoring.probes import rejection, rejections
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_named_rule_passes(name):
    assert rejection(RULES[name].expression) == ""


@pytest.mark.parametrize(
    "text",
    ["w", "sign(w)", "1", "noise(0.1)", "t", "ld * w", "ema(w, 0.9)", "0 * pi", "e"],
)
def test_a_rule_without_g_is_rejected(text):
    assert rejection(parse(text)) == "does not use g"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("0 * g", {"does not use g", "is constant"}),
        ("g - g", {"does not use g", "is constant"}),
        ("g / g", {"does not use g", "is constant"}),
        ("drop(g, 1)", {"is constant"}),
        ("clip(g, 0)", {"does not use g", "is constant"}),
        ("sign(exp(g))", {"does not use g", "is constant"}),
        ("max(g, 2)", {"is constant"}),
        ("sign(g) ** 2", {"is constant"}),
        ("sign(g) ** 2 * w", {"does not depend on the gradient"}),
        ("noise(0.1) + 0 * g", {"does not use g", "does not depend on the gradient"}),
        ("max(g, 2) * progress", {"does not depend on the gradient"}),
        ("min(abs(g), 0) + w", {"does not depend on the gradient"}),
        ("g / 0", {"is not finite"}),
        ("log(g - g) * g", {"is not finite"}),
        ("exp(exp(100 * g))", {"is not finite"}),
        ("g / previous(g)", {"is not finite"}),
        ("g / update", {"is not finite"}),
        ("(g - g) / (g - g)", {"is not finite"}),
        ("g * exp(1000 * t)", {"is not finite"}),
        ("g / t", {"is not finite"}),
    ],
)
def test_what_could_train_nothing_is_rejected_with_its_reason(text, reasons):
    assert rejection(parse(text)) in reasons
    assert rejection(simplify(parse(text))) in reasons


@pytest.mark.parametrize(
    "text",
    [
        "sign(g)",
        "g + w",
        "-g",
        "1e-30 * g",
        "1e30 * g",
        "g * progress",  # nothing at the first step
        "previous(g)",
        "previous(previous(g))",
        "drop(g, 0.9)",
        "g + noise(0.1)",
        "g ** 3",
        "w * sign(g)",
        "clip(g, 1e-5)",
        "update + g",
        "exp(g) - 1",
        "max(g, 0)",
    ],
)
def test_what_can_train_is_not_rejected(text):
    assert rejection(parse(text)) == ""


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    "count", [400, pytest.param(2000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_the_probes_say_something_of_every_random_rule(space, count):
    known = {
        "",
        "does not use g",
        "is not finite",
        "is constant",
        "does not depend on the gradient",
    }
    rows = SPACES[space].sample(count, np.random.default_rng(3))
    reasons = [rejection(simplify(SPACES[space].decode(row))) for row in rows]
    assert set(reasons) <= known
    assert {"", "does not use g"} <= set(reasons)
    assert count < 1000 or "is not finite" in reasons
    assert reasons.count("") > count / 5


@pytest.mark.parametrize("space", SPACES)
def test_many_rules_at_once_are_judged_as_each_alone(space):
    rows = SPACES[space].sample(300, np.random.default_rng(4))
    rules = [simplify(rule) for rule in SPACES[space].decode_all(rows)]
    alone = [rejection(rule) for rule in rules]
    assert rejections(rules) == alone
    assert rejections(rules[::-1]) == alone[::-1]
    assert len(set(alone)) >= 2


def test_many_rules_are_judged_without_numba_too(monkeypatch):
    rules = [parse(text) for text in ("g", "w", "g / 0", "sign(g) ** 2 * w")]
    expected = rejections(rules)
    monkeypatch.delattr("neuralopt.machine.kernels", raising=False)
    monkeypatch.setitem(sys.modules, "neuralopt.machine.kernels", None)
    assert rejections(rules) == expected
    assert expected[0] == ""
    assert all(expected[1:])


def test_random_rules_are_different_trainable_and_the_same_every_time():
    space = SPACES["bello2017"]
    rules = random_rules(space, 50, seed=1)
    assert rules == random_rules(space, 50, seed=1)
    assert rules != random_rules(space, 50, seed=2)
    assert len({str(simplify(rule)) for rule in rules}) == 50
    assert not any(rejection(rule) for rule in rules)


def test_the_probes_are_the_same_every_time_and_leave_the_global_generator_alone():
    rule = parse("drop(g, 0.5) + noise(0.1)")
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert rejection(rule) == rejection(rule) == ""
    assert torch.equal(before, torch.get_rng_state())
