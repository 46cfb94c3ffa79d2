"""Stable rates against closed forms and against paths of RuleOptimizer."""

import math

import numpy as np
import pytest
import torch

from neuralopt.anatomy.linear import linear_limit
from neuralopt.anatomy.quadratics import (
    APPROACHES,
    CONDITION_NUMBER,
    CONVERGES,
    CURVATURES,
    DIVERGES,
    OSCILLATES,
    RATES,
    SHRUNK,
    START,
    Paths,
    Stability,
    stability_of,
)
from neuralopt.language import parse
from neuralopt.optimizer import RuleOptimizer

BETA = 0.9
SGD, HEAVY_BALL, NESTEROV = "g", "trace(g, 0.9)", "g + 0.9 * trace(g, 0.9)"


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_limits_of_linear_rules_are_those_of_the_textbooks(beta: float) -> None:
    trace = f"trace(g, {beta})"
    heavy_ball = 2 * (1 + beta)
    nesterov = heavy_ball / (1 + 2 * beta)
    limits = {
        trace: heavy_ball,
        f"ema(g, {beta})": heavy_ball / (1 - beta),
        f"g + {beta} * {trace}": nesterov,
    }
    for rule, limit in limits.items():
        assert linear_limit(parse(rule)) == pytest.approx(limit, rel=1e-9)


@pytest.mark.parametrize(
    "rule", ["sign(g)", "g + g ** 3", "g * t", "g + 0.1 * w", "g + noise(0.1)", "-g"]
)
def test_other_rules_have_no_linear_limit(rule: str) -> None:
    assert linear_limit(parse(rule)) is None


@pytest.fixture(scope="module")
def measured() -> dict[str, Stability]:
    rules = (SGD, HEAVY_BALL, NESTEROV, "sign(g)", "g / (sqrt(total(g**2)) + 1e-10)")
    return {rule: stability_of(parse(rule)) for rule in rules}


@pytest.mark.parametrize("rule", [SGD, HEAVY_BALL, NESTEROV])
def test_iterated_limits_are_those_of_theory(
    measured: dict[str, Stability], rule: str
) -> None:
    found = measured[rule]
    assert found.theory is not None
    assert found.product == pytest.approx(found.theory, rel=2e-4)
    for curvature, rate in found.limits:
        assert rate == pytest.approx(found.theory / curvature, rel=2e-4)
    # The largest curvature of the tilted ravine is 1.
    assert found.ravine == pytest.approx(found.theory, rel=2e-4)
    products = np.outer(RATES, CURVATURES)
    unstable = products > 1.001 * found.theory
    assert (found.fates[unstable] == DIVERGES).all()
    assert (found.fates[products < 0.999 * found.theory] <= APPROACHES).all()


def test_steps_in_the_ravine_are_those_of_an_optimizer(
    measured: dict[str, Stability],
) -> None:
    found = measured[SGD]
    # The best rate shrinks by (condition - 1) / (condition + 1) a step.
    factor = (CONDITION_NUMBER - 1) / (CONDITION_NUMBER + 1)
    assert found.ravine_steps == pytest.approx(math.log(SHRUNK) / math.log(factor), 0.1)
    flat = 1 / CONDITION_NUMBER
    hessian = torch.tensor([[1 + flat, 1 - flat], [1 - flat, 1 + flat]]).double() / 2
    place = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    assert found.ravine_rate is not None
    optimizer = RuleOptimizer([place], parse(SGD), lr=found.ravine_rate)
    outside = 0
    for step in range(1, (found.ravine_steps or 0) + 20):
        place.grad = hessian @ place.detach()
        optimizer.step()
        if place.detach().abs().max() > SHRUNK:
            outside = step
    assert abs(outside + 1 - (found.ravine_steps or 0)) <= 3  # the rate is rounded


def test_signs_end_in_a_cycle_of_the_size_of_the_rate(
    measured: dict[str, Stability],
) -> None:
    found = measured["sign(g)"]
    assert found.cycle is not None
    assert 0.5 <= found.cycle <= 1.0
    assert found.product is None
    assert {rate for _, rate in found.limits} == {None}
    # Every 1 / rate steps of w are one unit: small rates have not arrived.
    assert (found.fates[0] == APPROACHES).all()
    assert (found.fates[12] == OSCILLATES).all()


@pytest.mark.parametrize(
    ("last", "fate", "of_noise"),
    [
        (0.9e-4, CONVERGES, OSCILLATES),  # by chance, if there is noise
        (0.9e-5, CONVERGES, CONVERGES),
        (1e-4, OSCILLATES, OSCILLATES),
        (2e7, DIVERGES, DIVERGES),
    ],
)
def test_noise_that_stays_is_not_taken_for_convergence(
    last: float, fate: int, of_noise: int
) -> None:
    eighths = np.full((8, 1, 2), 1e-4)
    eighths[7] = last
    passed, arrived = np.ones((1, 2), np.bool_), np.ones(1, np.int64)
    for random, expected in ((False, fate), (True, of_noise)):
        assert Paths(eighths, passed, arrived, random).fates() == [expected]


def test_adagrad_converges_at_any_rate(measured: dict[str, Stability]) -> None:
    found = measured["g / (sqrt(total(g**2)) + 1e-10)"]
    assert {rate for _, rate in found.limits} == {math.inf}
    assert (found.fates <= APPROACHES).all()
    assert (found.fates[-1] == CONVERGES).all()
    assert found.product is None
    assert found.rate is None
