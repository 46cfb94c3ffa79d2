"""Settings written into rules: they train as recipes do; dials are found and turned."""

import numpy as np
import pytest
import torch

from neuralopt.engines import choose_engine
from neuralopt.engines.engine import Child
from neuralopt.engines.serial import SerialEngine
from neuralopt.language import RULES, parse, render, simplify
from neuralopt.tasks import with_recipe
from neuralopt.verdict.tuning.contender import Contender, bare
from neuralopt.verdict.tuning.dials import dials_of, with_dials, without_own_decay
from neuralopt.verdict.tuning.setting import Setting, folded
from neuralopt.verdict.tuning.space import DIMENSIONS, Space, design, dial_range
from tests.engines.builders import some_digits

TASK = some_digits(training=256, widths=(64, 10))

SETTINGS = [
    Setting(0.1, 0.3),
    Setting(0.1, 0.0, "cosine"),
    Setting(0.1, 0.3, "linear", 0.3),
    Setting(0.1, 0.2, "1", 0.05),
    Setting(0.1, 0.5, "cosine", 0.05),
]


def trained(task, rule, rate):
    engine = SerialEngine(task, 0, torch.float64)
    (outcome,) = engine.train([Child(rule, rate, 5)], 3, ("validation",))
    return outcome


@pytest.mark.parametrize(
    "text", ["g", "adam", "momentum", "adadelta", "progress * sign(g) + update"]
)
def test_a_folded_setting_trains_as_the_recipe_does(text):
    rule = RULES[text].expression if text in RULES else parse(text)
    for setting in SETTINGS:
        written = folded(rule, setting)
        assert written is not None
        assert parse(str(written)) == written
        own = trained(TASK, written, setting.rate)
        recipe = trained(with_recipe(TASK, **setting.recipe), rule, setting.rate)
        assert not own.diverged
        assert own.losses == pytest.approx(recipe.losses, rel=1e-10)
        assert own.curve == pytest.approx(recipe.curve, rel=1e-10)


def test_the_native_engine_trains_folded_settings():
    rule = folded(RULES["adam"].expression, Setting(0.01, 0.3, "cosine", 0.3))
    native = choose_engine("auto", TASK)
    assert native.name == "native"
    (found,) = native.train([Child(rule, 0.01, 5)], 3, ("validation",))
    assert found.losses == pytest.approx(trained(TASK, rule, 0.01).losses, rel=1e-4)


def test_a_plain_setting_leaves_the_rule():
    rule = RULES["adam"].expression
    assert folded(rule, Setting(0.1)) is rule


def test_what_cannot_be_written_is_trained_by_a_recipe():
    rule = parse("fold(0.9 * s + g + 0.1 * update)")
    setting = Setting(0.1, 0.2, "linear")
    assert folded(rule, setting) is None
    training = Contender.of("it", rule, 0.1).training(TASK, setting, 5, 3)
    assert training.task.recipe.weight_decay == 0.2
    assert training.task.recipe.schedule == "linear"
    assert training.child.rule == rule
    deep = parse("+".join(["sign(g)"] * 30))
    while folded(deep, setting) is not None:
        deep = parse(f"tanh({deep})")
    assert deep.depth > 55


def test_a_bare_task_has_no_decay_or_schedule_of_its_own():
    recipe = {"weight_decay": 0.1, "schedule": "cosine", "warmup": 0.2}
    task = with_recipe(TASK, clip_norm=2.0, **recipe)
    assert bare(task).recipe == with_recipe(TASK, clip_norm=2.0).recipe
    assert bare(TASK) is TASK


@pytest.mark.parametrize(
    ("text", "decays", "epsilons"),
    [
        ("g", [], []),
        ("trace(g, 0.9)", [0.9], []),
        ("trace(g, 0.5 + 0.4 * progress)", [], []),
        ("peak(g ** 2) + ema(g, 0.3)", [], []),
        ("g / (sqrt(ema(g ** 2, 0.99)) + 1e-8)", [0.99], [1e-8]),
        ("g * reciprocal(1e-6 + abs(g))", [], [1e-6]),
        ("g / sqrt(total(g ** 2) + 1e-10)", [], [1e-10]),
        ("g * (ema(g ** 2, 0.99) + 1e-5) ** -0.5", [0.99], [1e-5]),
        ("(g + 1e-5) * ema(g, 0.9)", [0.9], []),
        ("1e-5 * g / (abs(g) + 0.1)", [], []),
    ],
)
def test_dials_are_decays_and_epsilons(text, decays, epsilons):
    found = dials_of(parse(text))
    assert [each.value for each in found if each.kind == "decay"] == decays
    assert [each.value for each in found if each.kind == "epsilon"] == epsilons


def test_dials_of_a_rule_and_of_its_canonical_form_are_turned_alike():
    for name in ("adam", "amsgrad", "rmsprop_torch", "adadelta"):
        rule = RULES[name].expression
        canonical = simplify(rule)
        dials, same = dials_of(rule), dials_of(canonical)
        assert set(dials) == set(same)
        new = {each: 0.7 if each.kind == "decay" else 3e-5 for each in dials}
        turned = with_dials(rule, dials, tuple(new[each] for each in dials))
        other = with_dials(canonical, same, tuple(new[each] for each in same))
        assert simplify(turned) == simplify(other)
        for each in dials:
            assert render(turned) != render(rule)
            assert each not in dials_of(turned)


def test_adam_with_other_dials_is_adam_with_those_numbers():
    rule = RULES["adam"].expression
    turned = with_dials(rule, dials_of(rule), (0.8, 0.95, 1e-4))
    assert turned == parse("debiased(g, 0.8) / (sqrt(debiased(g ** 2, 0.95)) + 1e-4)")


def test_a_weight_decay_of_its_own_is_part_of_the_setting():
    adamw = Contender.of("adamw", RULES["adamw"].expression, None)
    assert adamw.rule == RULES["adam"].expression
    assert adamw.plain.decay == 0.01
    assert adamw.plain.rate == RULES["adamw"].lr
    written = adamw.written(adamw.plain)
    assert simplify(written) == simplify(RULES["adamw"].expression)
    coupled = RULES["momentum_l2"].expression
    assert without_own_decay(coupled) == (coupled, 0.0)
    assert without_own_decay(parse("g + 2 * w")) == (parse("g + 2 * w"), 0.0)


def test_points_of_a_design_fill_the_cube_and_begin_alike():
    points = design(64, seed=3)
    assert points.shape == (64, DIMENSIONS)
    assert np.array_equal(points[:10], design(10, seed=3))
    assert not np.array_equal(points, design(64, seed=4))
    for column in points.T:  # each eighth of each side is met, as eight at random miss
        assert set((8 * column).astype(int)) == set(range(8))


def test_settings_of_a_design_are_inside_the_space():
    rule = Contender.of("adam", RULES["adam"].expression, None)
    space = Space(rule.dials, steps=100)
    settings = [space.setting(point, 0.01) for point in design(200, seed=0)]
    shrinkages = sorted({float(f"{x.decay * x.rate * 100:.1g}") for x in settings})
    assert shrinkages == [0.0, 0.001, 0.01, 0.1, 1.0]
    assert {(each.schedule, each.warmup) for each in settings} == {
        (schedule, warmup)
        for schedule in ("1", "cosine", "linear")
        for warmup in (0.0, 0.05)
    }
    assert 0.001 <= min(each.rate for each in settings) < 0.0013
    assert 0.08 < max(each.rate for each in settings) <= 0.1
    lows, highs = (
        np.min([s.dials for s in settings], 0),
        np.max([s.dials for s in settings], 0),
    )
    assert lows == pytest.approx([0.5, 0.99, 1e-10], rel=0.5)
    assert highs == pytest.approx([0.99, 0.9999, 1e-2], rel=0.5)
    for each in settings:
        assert 0.5 <= each.dials[0] <= 0.99
        assert 0.99 <= each.dials[1] <= 0.9999


def test_borders_of_dials_are_named():
    rule = Contender.of("adam", RULES["adam"].expression, None)
    space = Space(rule.dials, steps=100)
    low, high = dial_range(rule.dials[0])
    assert (low, high) == pytest.approx((0.01, 0.5))
    at = Setting(0.01, 1.0, dials=(0.9899, 0.999, 2e-10))
    assert space.is_interior(at) == {
        "weight decay": False,
        "decay 0.9": False,
        "decay 0.999": True,
        "epsilon 1e-08": True,
    }
