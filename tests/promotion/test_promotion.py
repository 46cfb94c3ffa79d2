"""Promotion: what goes on, how often the best is stopped, and interrupted runs."""

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from neuralopt.promotion.deciding import Contender, Standing, decide
from neuralopt.promotion.funnel import (
    Measure,
    Measurement,
    Request,
    StageCost,
    StageResult,
    promote,
)
from neuralopt.promotion.plan import STAGE_REPLICATES, PromotionPlan, Stage
from neuralopt.promotion.store import MeasurementFile
from neuralopt.scoring.replicates import FIRST_PROMOTION_REPLICATE
from neuralopt.verdict.paired import PairedDifference

PARTS = ("easy", "hard")
STAGES = (Stage("easy", 4, 0.5), Stage("easy+hard", 6, 0.5), Stage("easy+hard", 8))
PLAN = PromotionPlan(STAGES, ("adamw",))
BASE = Contender("adamw", "adamw", baseline=True)

Noise = Callable[[np.random.Generator], float]


def rules(count: int) -> list[Contender]:
    return [BASE, *(Contender(f"#{n}", f"rule {n}") for n in range(count))]


def cost(stage: int) -> StageCost:
    return StageCost(PARTS, 7, 100)


def fake(means: dict[str, float], noise: float, seed: int, tails: bool) -> Measure:
    """Qualities that scatter about a rule's mean: normal or exponential, centred.

    Differences of two exponential ones have long tails on both sides alike.
    """

    def measure(stage: int, requests: Sequence[Request]) -> list[Measurement]:
        found = []
        for name, replicate in requests:
            number = sum(name.encode()) * 31 + len(name)
            random = np.random.default_rng([seed, number, replicate])
            drawn = random.exponential(size=2) - 1 if tails else random.normal(size=2)
            values = means[name] + noise * drawn
            found.append(Measurement(tuple(np.clip(values, 0.01, 1).tolist()), 0.5))
        return found

    return measure


def promoted(
    gain: float,
    seed: int,
    plan: PromotionPlan = PLAN,
    tails: bool = False,
    count: int = 10,
) -> list[StageResult]:
    """A promotion of equal rules and one, #0, that is better by a gain."""
    contenders = rules(count)
    means = {each.name: 0.5 for each in contenders} | {"#0": 0.5 + gain}
    return promote(plan, contenders, fake(means, 0.02, seed, tails), cost)


def is_left(results: list[StageResult], name: str) -> bool:
    return any(
        each.contender.name == name and each.goes_on for each in results[-1].rules
    )


@pytest.mark.parametrize("tails", [False, True])
def test_tests_stop_the_best_no_more_often_than_stated(tails: bool) -> None:
    # All are equal: the hardest case. Shares of 1 leave everything to the tests.
    stages = tuple(Stage(each.tasks, each.seeds) for each in STAGES)
    plan = PromotionPlan(stages, ("adamw",), confidence=0.8)
    lost = sum(
        not is_left(promoted(0.0, seed, plan, tails, 5), "#0") for seed in range(200)
    )
    # At a rate of 20%, more than 55 of 200 would come by chance once in 250 times.
    assert lost <= stats.binom.isf(0.004, 200, 1 - plan.confidence)


def test_a_rule_that_is_better_by_a_tenth_survives_the_cuts_too() -> None:
    results = [promoted(0.05, seed) for seed in range(40)]
    lost = sum(not is_left(each, "#0") for each in results)
    assert lost <= stats.binom.isf(0.004, 40, 0.05)
    better = [each for each in results if each[-1].rules[0].verdict == "better"]
    assert len(better) > 30
    assert all(each[-1].rules[0].contender.name == "#0" for each in better)


def test_equal_rules_are_seldom_called_better() -> None:
    wrong = sum(
        any(each.verdict == "better" for each in promoted(0.0, seed)[-1].rules)
        for seed in range(100)
    )
    assert wrong <= stats.binom.isf(0.004, 100, 0.05)


def standing(found: list[Standing], name: str) -> Standing:
    return next(each for each in found if each.contender.name == name)


def decided(qualities: dict[str, list[tuple[float, ...]]]) -> list[Standing]:
    plan = PromotionPlan((Stage("a", 3, 0.5), Stage("a", 3)), ("adamw",))
    contenders = [BASE, *(Contender(n, n) for n in qualities if n != "adamw")]
    return decide(plan, 0, contenders, qualities, PARTS)


def test_limits_are_those_of_verdicts_and_means_those_of_scipy() -> None:
    measured = {
        "adamw": [(0.5, 0.4), (0.6, 0.5), (0.55, 0.45)],
        "a": [(0.7, 0.4), (0.6, 0.6), (0.5, 0.5)],
        "b": [(0.1, 0.1), (0.12, 0.1), (0.11, 0.12)],
        "c": [(0.5, 0.5), (0.5, 0.5), ()],
    }
    found = decided(measured)
    reference = np.mean(measured["adamw"], axis=0)
    shares = {
        name: np.mean(np.array(q) / (np.array(q) + reference), axis=1)
        for name, q in measured.items()
        if name != "c"
    }
    assert reference == pytest.approx(standing(found, "adamw").qualities)
    pairs = shares["a"] - shares["adamw"]
    level = 0.05 / 2 / 3  # two stages, three rivals of a contender
    low, high = PairedDifference.of(pairs).bounds(2 * level, 2 * level)
    first = standing(found, "a")
    assert first.shares == pytest.approx(shares["a"])
    assert first.difference == pytest.approx(pairs.mean())
    assert first.difference_low == pytest.approx(low)
    assert first.difference_high == pytest.approx(high)
    wide = stats.ttest_1samp(shares["a"], 0).confidence_interval()
    assert (first.low, first.high) == pytest.approx((wide.low, wide.high))
    assert [each.contender.name for each in found] == ["a", "adamw", "b", "c"]


def test_what_stops_a_rule_is_said() -> None:
    found = decided(
        {
            "adamw": [(0.50, 0.50), (0.51, 0.51), (0.52, 0.52)],
            "good": [(0.55, 0.55), (0.57, 0.56), (0.56, 0.58)],
            "close": [(0.49, 0.55), (0.55, 0.49), (0.51, 0.50)],
            "bad": [(0.1, 0.1), (0.1, 0.1), (0.1, 0.1)],
            "broken": [(0.9, 0.9), (), (0.9, 0.9)],
        }
    )
    said = {each.contender.name: (each.reason, each.goes_on) for each in found}
    assert said["good"] == ("", True)
    assert said["close"] == ("", True)
    assert said["bad"][0].startswith("behind adamw by at least 0.29")
    assert said["broken"] == ("failed to run", False)
    assert standing(found, "broken").verdict == "failed to run"
    assert math.isnan(standing(found, "broken").mean)
    assert said["adamw"] == ("", True)


def test_at_most_the_share_goes_on_and_the_best_of_them() -> None:
    results = promoted(0.0, 3)
    assert [len(each.rules) for each in results] == [10, 5, 3]
    for one, two in itertools.pairwise(results):
        going = [each.contender.name for each in one.rules if each.goes_on]
        assert going == [each.contender.name for each in one.rules][: len(going)]
        assert set(going) == {each.contender.name for each in two.rules}
    assert results[0].measurements == 11 * 4
    assert results[0].trainings == 7 * 44
    assert results[0].steps == 4400
    assert results[0].seconds == 22.0
    assert results[0].seeds == 4


def test_a_promotion_ends_when_no_rule_is_left() -> None:
    contenders = rules(3)
    means = {each.name: 0.1 for each in contenders} | {"adamw": 0.9}
    results = promote(PLAN, contenders, fake(means, 0.001, 0, False), cost)
    assert len(results) == 1
    assert {each.verdict for each in results[0].rules} == {"worse"}


def test_stages_share_no_replicates() -> None:
    seen = [set(PLAN.replicates(stage)) for stage in range(3)]
    assert [len(each) for each in seen] == [4, 6, 8]
    assert len(set.union(*seen)) == 18
    assert min(map(min, seen)) == FIRST_PROMOTION_REPLICATE
    assert max(seen[1]) < FIRST_PROMOTION_REPLICATE + 2 * STAGE_REPLICATES


class Stopped(Exception):
    pass


def kept(path: Path, most: int) -> Measure:
    """A measure that keeps what it makes, and breaks after so many new ones."""
    base = fake({each.name: 0.5 for each in rules(10)}, 0.02, 1, False)
    made = [0]

    def measure(stage: int, requests: Sequence[Request]) -> list[Measurement]:
        with MeasurementFile(path, {"rules": 10}) as store:
            for name, replicate in requests:
                key = stage, name, replicate
                if key in store.known:
                    continue
                if made[0] == most:
                    raise Stopped
                made[0] += 1
                store.add([(key, base(stage, [(name, replicate)])[0])])
            return [store.known[stage, name, n] for name, n in requests]

    return measure


def test_an_interrupted_promotion_ends_like_one_that_was_not(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    for most in (0, 17, 40):
        with pytest.raises(Stopped):
            promote(PLAN, rules(10), kept(path, most), cost)
        with path.open("ab") as file:
            file.write(b'{"stage": 0, "rule": "#1", "repl')  # killed while writing
    found = promote(PLAN, rules(10), kept(path, 10_000), cost)
    whole = promote(PLAN, rules(10), kept(tmp_path / "whole.jsonl", 10_000), cost)
    assert found == whole
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + sum(each.measurements for each in found)


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    with MeasurementFile(path, {"rules": 1, "seed": 0}) as store:
        store.add(
            [((0, "g", 5), Measurement((0.25,), 0.1)), ((0, "m", 5), Measurement(()))]
        )
        with pytest.raises(ValueError, match="another process is writing"):
            MeasurementFile(path, {"rules": 1, "seed": 0})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="a promotion that differs in its seed"):
        MeasurementFile(path, {"rules": 1, "seed": 1})
    with MeasurementFile(path, {"rules": 1, "seed": 0}) as store:
        assert store.known == {
            (0, "g", 5): Measurement((0.25,), 0.1),
            (0, "m", 5): Measurement(()),
        }
    assert path.read_bytes() == before
    others = b"[1]\n", b"nothing\n", b'{"promotion": 1}\n3\n', b"\xff\n"
    for other in (*others, b"nothing", b"nothing\nat all", b'{"mine": 1}', b"\n"):
        path.write_bytes(other)
        with pytest.raises(ValueError, match="not the file of a promotion"):
            MeasurementFile(path, {"rules": 1})
        assert path.read_bytes() == other


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stages": ()}, "stages is empty"),
        ({"baselines": ()}, "baselines is empty"),
        ({"baselines": ("adam", "adam")}, "names a rule twice"),
        ({"confidence": 1.0}, "confidence is 1: give a probability"),
        ({"stages": (Stage("a", 2),)}, r"stages\[0\].seeds is 2: give from 3"),
        ({"stages": (Stage("a", 3), Stage("a", 3, 0.0))}, r"\[1\].share is 0: give"),
    ],
)
def test_a_plan_that_is_out_of_range_is_rejected(
    change: dict[str, tuple[Stage, ...]], words: str
) -> None:
    given = {"stages": STAGES, "baselines": ("adamw",), **change}
    with pytest.raises(ValueError, match=words):
        PromotionPlan(**given)


def test_nothing_to_promote_and_references_that_are_none_are_rejected() -> None:
    with pytest.raises(ValueError, match="no rule to promote"):
        promote(PLAN, [BASE], kept(Path("none"), 0), cost)
    with pytest.raises(ValueError, match="have one name"):
        promote(PLAN, [BASE, Contender("adamw", "g")], kept(Path("none"), 0), cost)
    zero = {"adamw": [(0.5, 0.0)] * 3, "a": [(0.5, 0.5)] * 3}
    with pytest.raises(ValueError, match="a quality of 0 on hard"):
        decided(zero)
    with pytest.raises(ValueError, match="adamw, the reference, can't be trained"):
        decided({"adamw": [(0.5, 0.5), (), (0.5, 0.5)], "a": [(0.5, 0.5)] * 3})
