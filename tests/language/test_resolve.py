"""A name, a text, an Expression and a Rule mean the same rule everywhere."""

from pathlib import Path

import pytest
import torch

from neuralopt import RULES, Expression, Rule, RuleOptimizer, export_rule, parse
from neuralopt.language import as_expression, resolve_rule
from neuralopt.language.abbreviations import ABBREVIATIONS


def weights() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(2))]


@pytest.mark.parametrize("name", RULES)
def test_a_name_is_the_rule_of_that_name(name: str) -> None:
    assert resolve_rule(name) is RULES[name]
    assert as_expression(name) == RULES[name].expression


@pytest.mark.parametrize("name", sorted(set(RULES) & set(ABBREVIATIONS)))
def test_a_name_that_is_an_abbreviation_means_the_same(name: str) -> None:
    assert parse(name) == RULES[name].expression


def test_texts_and_objects_are_rules() -> None:
    expression = parse("g * 2")
    assert resolve_rule("g * 2") == expression
    assert resolve_rule(expression) is expression
    assert resolve_rule(RULES["lion"]) is RULES["lion"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lyon", "unknown rule 'lyon': did you mean 'lion'?"),
        (
            "xyzzy",
            r"unknown rule 'xyzzy': it is not a named rule \(see docs/ZOO.md\) and not "
            "valid rule text",
        ),
        ("2 * lion", "unknown name 'lion'"),
        (["g"], "a rule is a name, a text, Expression or Rule, not list"),
    ],
)
def test_what_is_not_a_rule_is_an_error_of_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        resolve_rule(text)
    assert "\n" not in str(caught.value)


def test_a_name_that_no_rule_has_is_told_the_nearest_one() -> None:
    with pytest.raises(KeyError, match=r"unknown rule 'lyon': did you mean 'lion'?"):
        RULES["lyon"]
    assert RULES.get("lyon") is None
    assert "lyon" not in RULES


@pytest.mark.parametrize("given", [["g"], 3, None, b"g"])
def test_a_text_that_is_not_a_string_is_an_error_of_one_line(given: str) -> None:
    with pytest.raises(ValueError, match="a rule is text such as") as caught:
        parse(given)
    assert "\n" not in str(caught.value)


def test_an_optimizer_takes_a_name_and_its_learning_rate() -> None:
    optimizer = RuleOptimizer(weights(), "lion")
    assert optimizer.defaults["lr"] == RULES["lion"].lr
    assert RuleOptimizer(weights(), "lion", lr=0.5).defaults["lr"] == 0.5
    assert (
        optimizer.program.expression
        == RuleOptimizer(weights(), RULES["lion"]).program.expression
    )


def test_an_export_takes_a_name(tmp_path: Path) -> None:
    by_name = export_rule("lion", tmp_path / "one.py", tests=False)
    by_rule = export_rule(RULES["lion"], tmp_path / "other.py", tests=False)
    assert by_name.read_text("utf-8") == by_rule.read_text("utf-8")
    assert "class Lion" in by_name.read_text("utf-8")


def test_notebooks_show_rules_as_latex() -> None:
    assert parse("g / 2")._repr_latex_() == r"$\frac{g}{2}$"
    assert RULES["signsgd"]._repr_latex_() == r"$\operatorname{sign}(g)$"


def test_a_rule_shows_its_name_text_and_learning_rate() -> None:
    assert repr(RULES["signum"]) == "Rule('signum', 'sign(m)', lr=0.001)"
    own = Rule("mine", Expression("g"), "", 0.5)
    assert repr(own) == "Rule('mine', 'g', lr=0.5)"
