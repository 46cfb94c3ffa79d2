"""Schedules against torch's schedulers, TensorFlow's vectors and their formulas."""

import math

import pytest
import torch
from torch.optim import lr_scheduler

from neuralopt import RULES, SCHEDULES, RuleOptimizer, parse, scheduler
from neuralopt.language.definitions import scalar_value

T = 1000


def value(text, step, total=T):
    clock = {"t": float(step), "T": float(total), "progress": min(1.0, step / total)}
    expression = SCHEDULES[text].expression if text in SCHEDULES else parse(text)
    return scalar_value(expression, clock)


def sgd(lr=1.0):
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=lr)


def rates(make, steps):
    optimizer = sgd()
    steered = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        steered.step()
    return found


@pytest.mark.parametrize(
    ("name", "torchs"),
    [
        ("linear", lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, T)),
        ("cosine", lambda o: lr_scheduler.CosineAnnealingLR(o, T)),
        ("restarts", lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T // 5)),
        (
            "triangular",
            lambda o: lr_scheduler.CyclicLR(o, 0.0, 1.0, T // 10, cycle_momentum=False),
        ),
    ],
)
def test_schedules_are_torchs(name, torchs):
    ours = rates(lambda o: scheduler(o, name, T), T)
    assert ours == pytest.approx(rates(torchs, T), abs=1e-9)


def test_growing_restarts_are_torchs_with_doubled_periods():
    theirs = rates(
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 64, T_mult=2), 15 * 64
    )
    found = rates(lambda o: scheduler(o, "growing_restarts", 15 * 64), 15 * 64)
    assert found == pytest.approx(theirs, abs=1e-7)


def test_adamw_under_warm_restarts_is_torchs():
    # AdamWR: Loshchilov and Hutter 2019 multiply step and decay with the schedule.
    steps, decay, target = 15 * 8, 0.1, torch.linspace(-1, 1, 7, dtype=torch.float64)
    ours, theirs = (torch.nn.Parameter(torch.ones_like(target)) for _ in range(2))
    rule = RuleOptimizer([ours], RULES["adam"].expression, lr=0.05, weight_decay=decay)
    torchs = torch.optim.AdamW([theirs], lr=0.05, weight_decay=decay)
    pairs = [
        (ours, rule, scheduler(rule, "growing_restarts", steps)),
        (theirs, torchs, lr_scheduler.CosineAnnealingWarmRestarts(torchs, 8, T_mult=2)),
    ]
    for _ in range(steps):
        for weight, optimizer, steered in pairs:
            weight.grad = 2 * (weight.detach() - target)
            optimizer.step()
            steered.step()
    assert torch.allclose(ours, theirs, atol=1e-7)


def test_a_schedule_is_a_factor_of_a_rule():
    # In a rule and as a recipe, restarts steer alike.
    text = SCHEDULES["growing_restarts"].expression
    inside = RuleOptimizer(
        [one := torch.nn.Parameter(torch.ones(3))],
        parse(f"({text}) * trace(g, 0.9)"),
        lr=0.1,
        total_steps=30,
    )
    outside = RuleOptimizer(
        [other := torch.nn.Parameter(torch.ones(3))], "trace(g, 0.9)", lr=0.1
    )
    steered = scheduler(outside, "growing_restarts", 30)
    for _ in range(30):
        for weight, optimizer in ((one, inside), (other, outside)):
            weight.grad = weight.detach().clone()
            optimizer.step()
        steered.step()
    assert torch.allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # TensorFlow's linear_cosine_decay, T = 1000, after 0, 250 ... 1250 steps.
        ("linear_cosine", [1.001, 0.641165043, 0.251, 0.037611652, 0.001, 0.001]),
        ("(0.1 + ld) * cd(5) + 1e-4", [1.1001, 0.4251, 0.0001, 0.1751, 0.1001, 0.1001]),
    ],
)
def test_linear_cosine_has_the_published_values(text, expected):
    found = [value(text, step) for step in range(0, 1500, 250)]
    assert found == pytest.approx(expected, abs=1e-8)


def test_the_noisy_one_is_a_factor_and_no_schedule():
    noisy = SCHEDULES["noisy_linear_cosine"]
    with pytest.raises(ValueError, match="not one number a step"):
        scheduler(sgd(), noisy, T)
    weight = torch.nn.Parameter(torch.zeros(20_000, dtype=torch.float64))
    rule = parse(f"({noisy.expression}) * g")
    optimizer = RuleOptimizer([weight], rule, lr=1.0, total_steps=T)
    for step in range(4):
        before = weight.detach().clone()
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        moved = before - weight.detach()
        ld, cd = 1 - step / T, 0.5 * (1 + math.cos(math.pi * step / T))
        assert moved.mean().item() == pytest.approx(ld * cd + 0.001, abs=0.03)
        variance = cd**2 / (1 + step) ** 0.55
        assert moved.var().item() == pytest.approx(variance, rel=0.05)


def test_the_transformers_warm_up_is_the_papers_but_for_its_height():
    for step in (0, 10, 3998, 3999, 4000, 50_000):
        n = step + 1
        paper = min(n**-0.5, n * 4000**-1.5)
        assert value("transformer", step) == pytest.approx(paper * 4000**0.5)
    assert value("transformer", 3999) == 1.0


def test_warm_up_reaches_the_cosine():
    assert value("warmup_cosine", 0) == pytest.approx(1 / 50)
    assert value("warmup_cosine", 49) == pytest.approx(value("cosine", 49))
    assert value("warmup_cosine", 500) == pytest.approx(0.5)


def test_cycles_begin_and_end_where_they_say():
    assert [value("cyclical", step) for step in (0, 100, 200)] == pytest.approx(
        [1, 0, 1]
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_stays_in_zero_to_one_and_says_what_it_is(name):
    schedule = SCHEDULES[name]
    assert schedule.name == name
    assert schedule.about.endswith(".")
    assert schedule.reference
    if schedule.expression.is_scalar:
        values = [value(name, step) for step in range(T + 5)]
        assert min(values) >= 0
        assert max(values) <= 1.001


def test_a_schedule_steers_a_rule_and_may_be_typed():
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = RuleOptimizer([weight], RULES["sgd"], lr=0.5)
    steered = scheduler(optimizer, "ld ** 2", total_steps=4)
    found = []
    for _ in range(3):
        weight.grad = torch.ones(1, dtype=torch.float64)
        before = weight.item()
        optimizer.step()
        found.append(before - weight.item())
        steered.step()
    assert found == pytest.approx([0.5, 0.5 * 0.75**2, 0.5 * 0.5**2])


@pytest.mark.parametrize(
    ("text", "cause"),
    [("linear", "give total_steps"), ("g", "not one number"), ("lnear(", "lnear")],
)
def test_a_schedule_that_can_not_be_followed_is_refused(text, cause):
    with pytest.raises(ValueError, match=cause):
        scheduler(sgd(), text)
