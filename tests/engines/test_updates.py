"""Updates of many rules on rows of a matrix, compared with RuleOptimizer row by row."""

import sys

import pytest
import torch

from neuralopt import RULES, RuleOptimizer
from neuralopt.engines.parameters import ALIGNMENT, ParameterLayout
from neuralopt.engines.stacked.updates import Compiled, Eager, UpdateSpec, updates_for
from neuralopt.language import parse
from neuralopt.optimizer.draws import draw
from neuralopt.spaces import SPACES
from tests.engines.builders import random_rules

STEPS, SEED, REPLICATE = 12, 5, 3
MORE = (
    *("noise(0.1) + g", "drop(g, 0.3) * (1 - progress)", "T * w + update"),
    "fold(0.5 * s + g)",
)


def plan_of(rules, length, decay=0.0):
    like = torch.empty(length, dtype=torch.float64)

    def draws(kind, step, stream):
        return draw(kind, (SEED, REPLICATE, step, stream), like)

    rates = [0.01 * (1 + number % 3) for number in range(len(rules))]
    layout = ParameterLayout(torch.nn.ParameterList([torch.nn.Parameter(like)]))
    return UpdateSpec(rules, rates, STEPS, (SEED, REPLICATE), draws, decay, layout)


def numbers(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def compare(make, rules, length=2 * ALIGNMENT, decay=0.0, kept=None):
    """Rows that differ after some steps; after half, only the rows `kept` go on."""
    plan = plan_of(rules, length, decay)
    weights = numbers((len(rules), length), 0)
    gradients = [numbers((len(rules), length), 1 + step) for step in range(STEPS)]
    factors = [1 / (1 + step) for step in range(STEPS)]
    expected = weights.clone()
    for row, (rule, rate) in enumerate(zip(rules, plan.rates, strict=True)):
        parameter = torch.nn.Parameter(weights[row].clone())
        optimizer = RuleOptimizer(
            [parameter],
            rule,
            lr=rate,
            weight_decay=decay,
            total_steps=STEPS,
            seed=SEED,
            replicate=REPLICATE,
        )
        for gradient, factor in zip(gradients, factors, strict=True):
            parameter.grad = gradient[row].clone()
            optimizer.param_groups[0]["lr"] = rate * factor
            optimizer.step()
        expected[row] = parameter.detach()
    updates = make(plan, weights)
    rows = torch.arange(len(rules))
    for step, (gradient, factor) in enumerate(zip(gradients, factors, strict=True)):
        if kept is not None and step == STEPS // 2:
            rows = torch.tensor(kept)
            weights = weights[rows]
            updates.keep(rows)
        losses = numbers((len(rows),), 100 + step)
        updates.step(weights, gradient[rows].contiguous(), step, factor, losses)
    pairs = zip(weights, expected[rows], strict=True)
    close = [
        torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12, equal_nan=True)
        for ours, theirs in pairs
    ]
    return [number for number, row in enumerate(close) if not row]


@pytest.mark.parametrize("make", [Eager, Compiled])
def test_every_named_rule_steps_as_its_optimizer_does(make):
    assert compare(make, [rule.expression for rule in RULES.values()]) == []


@pytest.mark.parametrize("make", [Eager, Compiled])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("length", [64, 576, 1088])
def test_rows_of_any_length_step_alike(make, decay, length):
    rules = [parse(text) for text in (*MORE, "g", "v", "sign(m)") for _ in range(2)]
    assert compare(make, rules, length, decay) == []


@pytest.mark.parametrize("make", [Eager, Compiled])
@pytest.mark.parametrize("kept", [[0], [1, 2, 5], [0, 3, 4, 5, 7], [7]])
def test_those_that_are_left_keep_their_memory(make, kept):
    rules = [parse(text) for text in ("adam", *MORE, "trace(g, 0.9)", "peak(g)", "g")]
    assert compare(make, rules, kept=kept) == []


@pytest.mark.parametrize("make", [Eager, Compiled])
@pytest.mark.parametrize("space", SPACES)
def test_random_rules_step_as_their_optimizers_do(make, space):
    # The others overflow, or divide by what is zero but for rounding.
    assert len(compare(make, random_rules(space, 100, seed=9))) <= 4


def test_the_kernel_is_taken_where_it_can_be(monkeypatch):
    import neuralopt.machine

    plan = plan_of([parse("g")], 64)
    weights = numbers((1, 64), 0)
    assert isinstance(updates_for(plan, weights), Compiled)
    monkeypatch.delattr(neuralopt.machine, "kernels", raising=False)
    monkeypatch.setitem(sys.modules, "neuralopt.machine.kernels", None)
    assert isinstance(updates_for(plan, weights), Eager)
