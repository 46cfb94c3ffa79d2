"""Rules one step smaller: all of them rules, all of them smaller."""

import pytest

from neuralopt.language import RULES, Expression, parse, render, simplify
from neuralopt.pruning.candidates import complexity, smaller_rules
from neuralopt.scoring.probes import rejection
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES


def texts(rule: str) -> list[str]:
    return [render(each) for each in smaller_rules(parse(rule))]


def check(rule: Expression) -> list[Expression]:
    found = smaller_rules(rule)
    assert len(set(found)) == len(found)
    amounts = [complexity(each) for each in found]
    assert amounts == sorted(amounts)
    for each, amount in zip(found, amounts, strict=True):
        assert amount < complexity(rule), (render(rule), render(each))
        assert parse(str(each)) == each
        assert simplify(each) == each
        assert each.contains("g")
    return found


@pytest.mark.parametrize("space", ["bello2017", "sign_agreement", "temporal"])
def test_smaller_rules_of_random_rules_are_smaller_rules(space: str) -> None:
    some = 0
    for rule in random_rules(SPACES[space], 30, seed=11):
        found = check(rule)
        some += bool(found)
        if found:
            assert rejection(found[0]) == ""
            assert rejection(found[-1]) == ""
    assert some > 20


LARGEST = 200
"""Nodes of a rule; CAME has 587, of which 2,537 are to be taken: a minute."""


@pytest.mark.parametrize(
    "name", [n for n, rule in RULES.items() if rule.expression.size <= LARGEST]
)
def test_smaller_rules_of_named_rules_are_smaller_rules(name: str) -> None:
    check(RULES[name].expression)


def test_every_rule_ends_at_a_rule_of_size_1() -> None:
    for rule in random_rules(SPACES["bello2017"], 40, seed=5):
        while found := smaller_rules(rule):
            rule = found[0]
        assert complexity(rule).size == 1, render(rule)


def test_decorations_can_go_in_one_step() -> None:
    assert texts("g - clip(log(noise(0.1)), 0.001)")[0] == "g"
    assert "sign(m)" in texts("clip(sign(m), 0.001) - clip(g ** 3, 1e-5)")
    assert "g" in texts("0.1 * g")
    assert "sign(g)" in texts("clip(sign(g), 0.001)")
    assert "g" in texts("exp(v) * g")  # exp(v) is about 1
    assert "g + g * sign(m)" in texts("exp(v) * (g * sign(m) + g)")
    assert "-m" in texts("g - m")


def test_abbreviations_are_replaced_as_one_piece() -> None:
    assert texts("m") == ["g"]
    assert texts("g") == []
    assert texts("g * m") == ["g", "m", "g ** 2"]
    assert all("ema" not in text for text in texts("0.5 * adam"))


def test_epsilons_and_parameters_are_kept() -> None:
    found = texts("m / (sqrt(v) + 1e-8)")
    assert "m / (v + 1e-08)" in found
    assert "rmsprop" in found  # m is g there
    assert "m / sqrt(v)" not in found
    assert "sqrt(v) + 1e-08" not in found
    assert "m / 1e-08" not in found
    for text in texts("ema(sign(g) + 1e-4 * w, 0.5)"):
        assert "ema(" not in text or ", 0.5)" in text


def test_a_schedule_goes_as_a_whole() -> None:
    assert texts("(1 - progress ** 2) * g") == ["g"]
    corrected = texts("ema(g, 0.99) / (1 - 0.99 ** (t + 1))")
    assert corrected[:2] == ["g", "ema(g, 0.99)"]
    assert all("t + 1" not in text or "1 - " in text for text in corrected)


def test_the_value_of_a_fold_stays_inside() -> None:
    assert texts("fold(0.5 * s + g)") == ["g", "fold(g)", "fold(g + s)"]
