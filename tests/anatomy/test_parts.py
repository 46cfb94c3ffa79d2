"""Variants of a rule: which part each one changes, and none twice."""

import pytest

from neuralopt.anatomy.parts import WHOLE, variants_of
from neuralopt.behaviour.comparing import TOLERANCE, differences, directions_of
from neuralopt.behaviour.probes import updates
from neuralopt.language import RULES, parse, simplify
from neuralopt.scoring.probes import rejection


def changes(rule: str) -> set[str]:
    return {str(each) for each in variants_of(parse(rule)).distinct}


def test_every_operation_of_powersign_is_removed() -> None:
    assert {
        f"{WHOLE} -> g",
        f"{WHOLE} -> exp(sign(g) * sign(m))",
        "exp(sign(g) * sign(m)) -> sign(g) * sign(m)",
        "sign(g) * sign(m) -> sign(g)",
        "sign(g) * sign(m) -> sign(m)",
        "sign(m) -> m",
        "sign(g) -> g",
    } <= changes("g * exp(sign(g) * sign(m))")


def test_adam_is_opened_and_keeps_its_epsilon() -> None:
    found = {
        str(each): each.rule for each in variants_of(RULES["adam"].expression).distinct
    }
    momentum = "m / (1 - 0.9 ** (t + 1))"
    assert found[f"{WHOLE} -> {momentum}"] == simplify(parse("debiased(g, 0.9)"))
    assert found[f"{momentum} -> m"] == simplify(
        parse("m / (sqrt(debiased(g ** 2, 0.999)) + 1e-8)")
    )
    divided = [rule for rule in found.values() if rule.primitive == "divide"]
    with_epsilon = [rule for rule in divided if rule.arguments[1].primitive == "add"]
    assert len(with_epsilon) >= 10
    assert all(str(rule).endswith("+ 1e-08)") for rule in with_epsilon)


def test_removals_go_first_and_the_rest_is_counted() -> None:
    rule = RULES["adam"].expression
    every = variants_of(rule, 100)
    removed = [each.removed for each in every.distinct]
    assert removed == sorted(removed, reverse=True)
    few = variants_of(rule, 3)
    assert few.distinct == every.distinct[:3]
    assert few.left_out == len(every.distinct) - 3


@pytest.mark.parametrize("name", ["lion", "adamw", "powersign", "yogi"])
def test_variants_are_rules_and_no_two_behave_alike(name: str) -> None:
    rule = simplify(RULES[name].expression)
    found = variants_of(rule, 100)
    rules = [rule, *(each.rule for each in found.distinct)]
    assert not any(map(rejection, rules))
    directions = directions_of(updates(rules, compiled=False))
    for place in range(len(rules)):
        gaps = differences(directions.row(place), directions)
        assert [n for n, gap in enumerate(gaps) if gap <= TOLERANCE] == [place]


def test_a_part_without_effect_is_not_to_be_trained() -> None:
    found = variants_of(parse("3 * g * sign(exp(g))"))
    alike = {str(each) for each in found.alike}
    assert f"{WHOLE} -> g" in alike
    assert not any(each.rule == parse("g") for each in found.distinct)
