"""Values of rules on a probe, which keep what rules have in common."""

import numpy as np
import pytest

from neuralopt.behaviour.probes import probe
from neuralopt.language import RULES, Expression, parse, simplify
from neuralopt.machine import straight_line
from neuralopt.machine.probe import scalar_values
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES

pytest.importorskip("numba")

from neuralopt.machine.values import RuleValues

ODD = (
    "previous(previous(g))",
    "fold(0.9 * s + g) * fold(s + noise(0.1))",
    "update + drop(g, 0.5) * ema(update, 0.9)",
    "fold(max(s, ema(g - s, 0.5)))",
    "noise(0.1) * drop(noise(0.1), 0.3) + g",
    "g * previous(t) + progress",
    "ema(g, progress) * 0.5 ** t",
    "pow(g, 2 + m)",
)


def some_rules(name: str, count: int) -> list[Expression]:
    return [simplify(rule) for rule in random_rules(SPACES[name], count, seed=7)]


def same_bits(one: object, other: object) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


@pytest.mark.parametrize("name", SPACES)
def test_values_do_not_depend_on_the_rules_before(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = some_rules(name, 60) + [simplify(parse(text)) for text in ODD]
    together = RuleValues(probe()).of(rules)
    for rule, found in zip(rules, together, strict=True):
        assert same_bits(RuleValues(probe()).of([rule])[0], found), str(rule)
    monkeypatch.setattr("neuralopt.machine.values.BYTES_KEPT", 1)
    assert same_bits(RuleValues(probe()).of(rules), together)


@pytest.mark.parametrize("text", [*ODD, *sorted(RULES)])
def test_values_are_those_of_the_scalar_functions(text: str) -> None:
    rule = simplify(parse(text) if text in ODD else RULES[text].expression)
    (found,) = RuleValues(probe()).of([rule])
    expected = scalar_values(probe(), straight_line(rule))
    # Functions such as exp are rounded differently, and rules may subtract.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
