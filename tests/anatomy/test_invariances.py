"""Known facts about the inputs of known optimizers."""

import pytest

from neuralopt.anatomy.invariances import Scaling, invariances_of
from neuralopt.language import RULES, parse

FACTS = {
    # name: power of the loss's scale, power of the step in other units, memory
    "sgd": (1, 2, 0),
    "momentum": (1, 2, 1),
    "nesterov": (1, 2, 1),
    "adam": (0, 1, 2),
    "rmsprop": (0, 1, 1),
    "adagrad": (0, 1, 1),
    "signum": (0, 1, 1),
    "lion": (0, 1, 1),
}


@pytest.mark.parametrize("name", FACTS)
def test_scales_of_known_optimizers(name: str) -> None:
    power, stretched, memory = FACTS[name]
    found = invariances_of(RULES[name].expression)
    assert found.loss.power == power
    assert found.stretched.power == stretched
    assert found.memory == memory
    assert found.sign == "odd"
    assert found.decay == 0.0
    assert not found.random
    assert not found.length
    assert found.time == (name == "adam")  # its bias correction counts steps
    exact = name in ("sgd", "momentum", "nesterov", "signum", "lion")
    assert (found.loss.deviation == 0) == exact  # the others have an epsilon


@pytest.mark.parametrize(
    ("rule", "power"),
    [("g ** 2", 2), ("sign(g) * sqrt(g)", 0.5), ("sign(g) * pow(g, -0.5)", -0.5)],
)
def test_other_powers(rule: str, power: float) -> None:
    found = invariances_of(parse(rule))
    assert found.loss.power == pytest.approx(power)
    assert found.stretched.power == pytest.approx(power + 1)


def test_a_sum_of_powers_has_none() -> None:
    assert invariances_of(parse("g + g ** 3")).loss.power is None


def test_newton_like_steps_do_not_depend_on_units() -> None:
    # w * w / (w * g) has the units of w / g times w: a step in units of w.
    found = invariances_of(parse("abs(w) * sign(g)"))
    assert found.stretched == Scaling(0.0, 0.0)
    assert found.decay is None


@pytest.mark.parametrize(
    ("rule", "sign"),
    [("g", "odd"), ("g ** 2", "even"), ("g + g ** 2", "neither"), ("g * w", "even")],
)
def test_the_sign_of_the_gradient(rule: str, sign: str) -> None:
    assert invariances_of(parse(rule)).sign == sign


@pytest.mark.parametrize(("name", "decay"), [("adamw", 0.01), ("sgdw", 5e-4)])
def test_decoupled_weight_decay_is_a_number(name: str, decay: float) -> None:
    found = invariances_of(RULES[name].expression)
    assert found.decay == decay
    assert found.without_weights
    assert found.loss.power == (0 if name == "adamw" else 1)


def test_coupled_weight_decay_of_adam_is_another_thing() -> None:
    assert invariances_of(RULES["adam_l2"].expression).decay is None


def test_time_chance_cost_and_memory() -> None:
    found = invariances_of(RULES["momentum_annealed"].expression)
    assert (found.time, found.length) == (True, True)
    assert invariances_of(RULES["annealed_noise"].expression).random
    adam = invariances_of(RULES["adam"].expression)
    assert adam.horizons == ((0.999, 1000.0), (0.9, 10.0))
    # 0.9 * s + 0.1 * x, and the same product once
    assert invariances_of(parse("trace(g, 0.9)")).operations == 2
    assert invariances_of(parse("g * g + sqrt(g * g)")).operations == 3
