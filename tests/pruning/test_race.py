"""Pruning against planted qualities: what is accepted, how often, at what cost."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.language import Expression, parse, render, simplify
from neuralopt.pruning.race import MOST_CANDIDATES, Measure, Pruning, prune
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES

NOISY = "g - clip(log(noise(0.1)), 0.001)"


class Planted:
    """Qualities known by text, the same noise whenever a request is repeated.

    A replicate's own effect is shared by all rules, as that of a data order is.
    """

    def __init__(
        self,
        qualities: Mapping[str, float],
        noise: float = 0.0,
        default: float = 0.2,
        seed: int = 0,
    ) -> None:
        self.qualities = {simplify(parse(k)): x for k, x in qualities.items()}
        self.noise, self.default, self.seed = noise, default, seed
        self.asked: list[tuple[Expression, int]] = []
        self.rounds = 0

    def __call__(self, requests: Sequence[tuple[Expression, int]]) -> list[float]:
        self.asked += requests
        self.rounds += 1
        return [self.quality(rule, replicate) for rule, replicate in requests]

    def quality(self, rule: Expression, replicate: int) -> float:
        shared = self.draw("shared", replicate)
        own = self.draw(str(rule), replicate)
        return self.qualities.get(rule, self.default) + 0.1 * shared + self.noise * own

    def draw(self, what: str, replicate: int) -> float:
        """A normal number, the same for equal arguments."""
        name = int.from_bytes(what.encode()) % (1 << 61)
        key = counter_key(self.seed, replicate, name)
        one, two = counter_uniform(key, 2).tolist()
        return math.sqrt(-2 * math.log(one + 1e-9)) * math.cos(2 * math.pi * two)


def pruned(rule: str, measure: Measure, **options: float) -> Pruning:
    (found,) = prune([parse(rule)], measure, **options)  # type: ignore[arg-type]
    return found


def test_the_smallest_rule_that_is_not_worse_is_found() -> None:
    measure = Planted(
        {
            "clip(sign(m), 0.001) - clip(g ** 3, 1e-5)": 0.6,
            "sign(m)": 0.598,
            "clip(sign(m), 0.001)": 0.6,
            "m": 0.5,
            "g": 0.4,
        },
        noise=0.002,
    )
    rule = "clip(sign(m), 0.001) - clip(g ** 3, 1e-5)"
    found = pruned(rule, measure, margin=0.01)
    assert render(found.pruned) == "sign(m)"
    assert len(found.steps) == 1
    assert found.steps[0].startswith("sign(m): ")
    assert -0.01 < found.low < found.difference < 0.005
    assert found.replicates == 8


def test_a_rule_that_needs_all_its_parts_stays_as_it_is() -> None:
    measure = Planted({"g * exp(sign(g) * sign(m))": 0.6}, noise=0.002)
    found = pruned("g * exp(sign(g) * sign(m))", measure)
    assert found.pruned == found.original
    assert (found.difference, found.low, found.replicates) == (0, 0, 0)
    assert found.steps == ()
    candidates = len({rule for rule, _ in measure.asked}) - 1
    assert found.trainings == len(measure.asked) == candidates + 1  # one look each


def test_a_better_smaller_rule_is_accepted() -> None:
    found = pruned(NOISY, Planted({NOISY: 0.5, "g": 0.7}, noise=0.002))
    assert render(found.pruned) == "g"
    assert found.difference == pytest.approx(0.2, abs=0.01)


def test_steps_are_compared_with_the_original() -> None:
    """Each step loses 0.008 of the one before: only one of them is within 0.01."""
    steps = {
        "drop(clip(log(g), 0.5), 0.5) + m": 0.6,
        "clip(log(g), 0.5) + m": 0.592,
        "log(g) + m": 0.584,
        "g + m": 0.576,
    }
    found = pruned(next(iter(steps)), Planted(steps), margin=0.01)
    assert render(found.pruned) == render(simplify(parse("clip(log(g), 0.5) + m")))


def test_several_steps_are_taken() -> None:
    """A decoration inside goes first, where what is smaller still is bad."""
    steps = {"exp(g) * drop(m, 0.5)": 0.6, "exp(g) * m": 0.6}
    found = pruned("exp(g) * drop(m, 0.5)", Planted(steps))
    assert [step.partition(":")[0] for step in found.steps] == ["exp(g) * m"]
    again = pruned("exp(g) * drop(m, 0.5)", Planted({**steps, "g * exp(g)": 0.6}))
    assert [step.partition(":")[0] for step in again.steps] == [
        "exp(g) * m",
        "g * exp(g)",
    ]


def test_equal_qualities_everywhere_leave_a_smallest_rule() -> None:
    for rule in random_rules(SPACES["bello2017"], 20, seed=2):
        found = pruned(str(rule), lambda requests: [0.5] * len(requests))
        assert found.low == found.difference == 0
        assert render(found.pruned) in ("g", "m", "v", "gamma", "adam", "rmsprop")


@pytest.mark.parametrize("margin", [0.01, 0.05])
def test_a_rule_worse_by_the_margin_passes_in_5_of_100(margin: float) -> None:
    """At the border of the null hypothesis, and no oftener for being given up early."""
    passed, count = 0, 400
    for seed in range(count):
        measure = Planted(
            {"0.5 * g": 0.5, "g": 0.5 - margin}, noise=margin / 2, seed=seed
        )
        passed += render(pruned("0.5 * g", measure, margin=margin).pruned) == "g"
    # 5% less what is given up early; 400 draws have a standard error of 1.1%.
    assert 0.02 <= passed / count <= 0.075


def test_an_equal_rule_is_rarely_lost() -> None:
    passed, count = 0, 200
    for seed in range(count):
        measure = Planted({"0.5 * g": 0.5, "g": 0.5}, noise=0.005, seed=seed)
        passed += render(pruned("0.5 * g", measure, margin=0.01).pruned) == "g"
    assert passed / count > 0.9


def test_no_request_is_repeated_and_rounds_are_shared() -> None:
    rules = random_rules(SPACES["bello2017"], 6, seed=4)
    together = Planted({}, noise=0.003, default=0.5)
    found = prune(rules, together)
    assert len(set(together.asked)) == len(together.asked)
    alone = []
    for rule, expected in zip(rules, found, strict=True):
        measure = Planted({}, noise=0.003, default=0.5)
        assert prune([rule], measure) == [expected]
        alone.append(measure.rounds)
        assert expected.trainings == len(measure.asked)
        assert len(measure.asked) <= (MOST_CANDIDATES + 1) * 8
    assert together.rounds <= max(alone) + 1


def test_a_large_rule_is_pruned_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralopt.pruning.race.MOST_CANDIDATES", 5)
    measure = Planted({"g * exp(sign(g) * sign(m))": 0.6})
    pruned("g * exp(sign(g) * sign(m))", measure)
    assert len({rule for rule, _ in measure.asked}) == 6


def failing(broken: str, quality: float) -> Callable[..., list[float]]:
    """A measure that gives one rule another quality."""

    def measure(requests: Sequence[tuple[Expression, int]]) -> list[float]:
        return [quality if render(rule) == broken else 0.5 for rule, _ in requests]

    return measure


@pytest.mark.parametrize("quality", [math.nan, 0.0])
def test_what_can_not_be_trained_is_not_accepted(quality: float) -> None:
    assert render(pruned("0.5 * m", failing("m", quality)).pruned) == "g"
    assert render(pruned("0.5 * m", failing("g", quality)).pruned) == "m"
    kept = pruned("0.5 * g", failing("0.5 * g", quality))
    assert kept.pruned == kept.original


@pytest.mark.parametrize(
    ("rule", "options", "why"),
    [
        ("g", {"margin": 0.0}, "margin is 0: give a quality between 0 and 1"),
        ("g", {"margin": math.nan}, "margin is nan"),
        ("g", {"replicates": 3}, "replicates is 3: give 4 or more"),
        ("noise(0.1)", {}, r"noise\(0.1\) can't be pruned: does not use g"),
    ],
)
def test_bad_arguments_are_told_before_anything_is_measured(
    rule: str, options: dict[str, float], why: str
) -> None:
    measure = Planted({})
    with pytest.raises(ValueError, match=why):
        pruned(rule, measure, **options)
    assert measure.asked == []


def test_no_rules_need_no_measurements() -> None:
    measure = Planted({})
    assert prune([], measure) == []
    assert measure.rounds == 0


def test_planted_noise_is_normal() -> None:
    """The simulations above rest on it."""
    measure = Planted({})
    draws = [measure.draw("g", replicate) for replicate in range(2_000)]
    assert abs(np.mean(draws)) < 0.1
    assert np.std(draws) == pytest.approx(1, abs=0.06)
