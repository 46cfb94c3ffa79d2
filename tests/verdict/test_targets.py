"""Times to target of tuned contenders, against times that are known."""

import math

import numpy as np
import pytest

from neuralopt.verdict.tuning.matches import Match, Reference
from neuralopt.verdict.tuning.targets import (
    POINTS,
    measured_steps,
    standings,
    target_times,
)
from tests.engines.builders import some_digits

STEPS = tuple(range(10, 101, 10))
SEEDS = 5


def match(task, horizon, rates, diverged=()):
    """Losses that fall as exp(-rate * step / 100), a little otherwise on each seed."""
    losses, curves = {}, {}
    for name, rate in rates.items():
        own = [rate * (1 + 0.1 * (seed - 2)) for seed in range(SEEDS)]
        rows = [tuple(math.exp(-each * step / 100) for step in STEPS) for each in own]
        if name in diverged:
            rows = [(math.inf,) * len(STEPS)] * SEEDS
        curves[name] = tuple(rows)
        losses[name] = tuple(row[-1] for row in rows)
    qualities = {
        name: tuple(math.exp(-loss) for loss in row) for name, row in losses.items()
    }
    return Match(
        task, horizon, horizon, {"selection": qualities}, {}, Reference(("adam",)),
        losses, curves, STEPS,
    )  # fmt: skip


def found(rates, task="digits", **options):
    return target_times(
        match(task, 1, rates, **options), match(task, 3, rates, **options)
    )


def test_times_are_those_of_the_median_curve_and_of_each_seed():
    times = found({"adam": 1.0, "twice": 2.0, "half": 0.5})
    assert times.reference == "adam"
    assert times.horizon == 3
    assert times.target == pytest.approx(math.exp(-1))
    assert times.steps["adam"] == 100
    assert times.steps["twice"] == pytest.approx(50, abs=1)
    assert times.steps["half"] == math.inf
    expected = [100 / (2 * (1 + 0.1 * (seed - 2))) for seed in range(SEEDS)]
    assert times.seed_steps["twice"] == pytest.approx(expected, abs=1)
    assert times.seed_steps["adam"][:2] == (math.inf, math.inf)
    speed = times.speed_ups["twice"]
    both = [100 / (1 + 0.1 * (seed - 2)) / expected[seed] for seed in range(2, SEEDS)]
    assert speed.ratio == pytest.approx(np.exp(np.mean(np.log(both))), rel=0.01)
    assert (speed.pairs, speed.missed_by_reference) == (3, 2)


def test_tasks_are_put_together_by_their_median_curves():
    rates = {"adam": 1.0, "twice": 2.0, "half": 0.5}
    both = [found(rates), found({**rates, "twice": 1.25}, "other")]
    made = standings(both)
    assert made["twice"].area == pytest.approx(1.0)
    assert made["half"].area == 0
    assert made["adam"].area == pytest.approx((4 - 2 + 4 - 1.25) / 2 / 3, abs=0.01)
    assert made["twice"].speed_up.ratio == pytest.approx(math.sqrt(2 * 1.25), abs=0.02)
    assert made["twice"].worst_task == "other"
    assert made["twice"].worst_ratio == pytest.approx(1.25, abs=0.02)
    assert (made["half"].worst_task, made["half"].worst_ratio) == ("digits", 0.0)
    missing = [both[0], found({"adam": 1.0, "half": 0.5}, "other")]
    assert list(standings(missing)) == ["adam", "half"]


def test_a_reference_that_diverges_sets_no_target():
    assert found({"adam": 1.0, "twice": 2.0}, diverged=("adam",)) is None
    times = found({"adam": 1.0, "twice": 2.0}, diverged=("twice",))
    assert times.steps["twice"] == math.inf


def test_trainings_are_measured_at_even_steps_up_to_their_end():
    task = some_digits(training=1024, batch_size=64)
    steps = measured_steps(task, 10)
    assert len(steps) == POINTS
    assert steps[-1] == 160
    assert set(np.diff(steps)) == {4}
    assert measured_steps(task, 1) == tuple(range(1, 17))
