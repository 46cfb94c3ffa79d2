"""Benchmarks: fresh seeds, rates chosen by validation loss, the same on any threads."""

import math

import numpy as np
import pytest
import torch

from neuralopt.engines import ENGINES, choose_engine
from neuralopt.engines.engine import TorchOptimizer
from neuralopt.language import RULES, parse
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.scoring.replicates import FIRST_VERDICT_REPLICATE
from neuralopt.tasks import load_task
from neuralopt.verdict import benchmark
from neuralopt.verdict.benchmark import TRIALS_A_TASK, run_benchmark
from tests.engines.builders import Scripted, some_digits

BUDGET = Budget("quick", (0.01, 0.1, 1.0), 1, 2)
ADAM = TorchOptimizer("torch's Adam", lambda w, lr: torch.optim.Adam(w, lr))
SGD = TorchOptimizer("torch's SGD", lambda w, lr: torch.optim.SGD(w, lr))
RIVALS = {
    "sgd": parse("g"),
    "theirs": ADAM,
    "sign": parse("sign(g)"),
    "own sgd": SGD,
    "adam": RULES["adam"].expression,
}


@pytest.fixture
def trained(monkeypatch):
    """Every child that any engine is asked for during the test, with its splits."""
    asked = []
    for engine in ENGINES.values():

        def train(self, children, epochs, splits, limit=None, train=engine.train):
            asked.extend(
                (self.name, child, epochs, tuple(splits)) for child in children
            )
            return train(self, children, epochs, splits, limit)

        monkeypatch.setattr(engine, "train", train)
    return asked


def quick(rivals=RIVALS, seeds=2, **options):
    task = some_digits(training=256)
    (found,) = run_benchmark(rivals, task, BUDGET, seeds, **options)
    return found


def test_a_contest_trains_on_seeds_that_no_search_meets(trained):
    quick(seeds=3)
    replicates = {child.replicate for _, child, _, _ in trained}
    assert replicates == {FIRST_VERDICT_REPLICATE + index for index in range(3)}
    assert min(replicates) >= 1000


def test_every_contender_meets_every_seed_and_every_rate(trained):
    quick()
    screened = [child for _, child, epochs, _ in trained if epochs == 1]
    for rule in RIVALS.values():
        for replicate in (1000, 1001):
            rates = [
                child.learning_rate
                for child in screened
                if child.rule == rule and child.replicate == replicate
            ]
            assert rates == list(BUDGET.learning_rates)
    assert len([1 for _, _, epochs, _ in trained if epochs == 2]) == 10


def test_rates_are_chosen_on_validation_and_measured_on_the_parts_asked_for(trained):
    found = quick(splits=("selection", "test"))
    assert {splits for _, _, epochs, splits in trained if epochs == 1} == {
        ("validation",)
    }
    assert {splits for _, _, epochs, splits in trained if epochs == 2} == {
        ("selection", "test")
    }
    assert list(found.scores) == ["selection", "test"]
    for name in RIVALS:
        selection, test = found.scores["selection"][name], found.scores["test"][name]
        assert len(selection) == len(test) == 2
        for a, b in zip(selection, test, strict=True):
            assert a.lr == b.lr
            assert a.screening == b.screening
            assert a.lr == BUDGET.learning_rates[int(np.argmin(a.screening))]
            assert a.loss != b.loss
            assert a.quality == math.exp(-a.loss)


def test_each_seed_is_scored_as_a_trial_of_its_own():
    task = some_digits(training=256)
    found = quick()
    for name, rule in RIVALS.items():
        own = isinstance(rule, TorchOptimizer)
        engine = choose_engine("serial" if own else "auto", task)
        for index, score in enumerate(found.scores["selection"][name]):
            trial = Trial(rule, (1000 + index,))
            (alone,) = score_trials(engine, task, BUDGET, [trial], ("selection",))
            assert score == alone["selection"]


def test_optimizers_of_torch_are_trained_by_the_serial_engine_rules_by_the_chosen(
    trained,
):
    quick(engine="stacked")
    for name, child, _, _ in trained:
        own = isinstance(child.rule, TorchOptimizer)
        assert name == ("serial" if own else "stacked")
    trained.clear()
    quick(engine="serial")
    assert {name for name, *_ in trained} == {"serial"}


def test_torchs_optimizers_end_where_their_rules_do():
    found = quick({"sgd": parse("g"), "own": SGD}, engine="serial")
    for rule, own in zip(*found.scores["selection"].values(), strict=True):
        assert rule.lr == own.lr
        assert rule.quality == pytest.approx(own.quality, abs=1e-5)


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_nothing(monkeypatch, workers):
    monkeypatch.setattr(benchmark, "TRIALS_A_TASK", 2)  # so that there is work for all
    alone = quick(seeds=3)
    assert quick(seeds=3, workers=workers) == alone
    monkeypatch.setattr(benchmark, "TRIALS_A_TASK", TRIALS_A_TASK)
    assert quick(seeds=3, workers=workers) == alone


def test_scores_depend_on_the_seed_of_the_contest():
    first, second = (quick({"sgd": parse("g")}, seed=seed) for seed in (0, 1))
    assert first.scores != second.scores


def test_a_contenders_scores_do_not_depend_on_its_rivals():
    alone = quick({"sign": parse("sign(g)")})
    assert alone.scores["selection"]["sign"] == quick().scores["selection"]["sign"]


def test_progress_counts_every_trial_once():
    seen = []
    quick(seeds=4, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (20, 20)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert {total for _, total in seen} == {20}


def test_progress_moves_within_a_chunk(monkeypatch):
    monkeypatch.setattr(benchmark, "PROGRESS_SECONDS", 0.01)
    seen = []
    rivals = {"sgd": parse("g"), "adam": RULES["adam"].expression}
    quick(
        rivals,
        seeds=TRIALS_A_TASK // 2,
        engine="serial",
        progress=lambda done, total: seen.append(done),
    )
    assert len(seen) > 2  # of one chunk
    assert seen == sorted(set(seen))
    assert seen[-1] == TRIALS_A_TASK


def test_standings_have_a_row_for_each_contender_and_a_quality_for_each_seed():
    found = quick(seeds=3, splits=("selection", "test"))
    for split in ("selection", "test"):
        comparison = found.comparison(split, baselines=["sgd", "theirs"])
        assert {row.name for row in comparison.rows} == set(RIVALS)
        assert comparison.reference in ("sgd", "theirs")
        for row in comparison.rows:
            qualities = [score.quality for score in found.scores[split][row.name]]
            assert row.mean == pytest.approx(np.mean(qualities))
        curves = found.curves(split)
        assert list(curves) == list(RIVALS)
        for name, curve in curves.items():
            assert curve == found.scores[split][name][0].curve
            assert len(curve) == 8


def test_a_contender_that_diverges_has_quality_zero_on_every_seed():
    found = quick({"sgd": parse("g"), "worse": parse("-1e30 * w")})
    for score in found.scores["selection"]["worse"]:
        assert (score.status, score.quality) == ("diverged", 0.0)
    row = found.comparison("selection", baselines=["sgd"])["worse"]
    assert row.mean == 0.0


def test_a_rate_that_is_best_on_the_part_but_not_on_validation_is_not_taken(
    monkeypatch,
):
    engines = []

    def choose(name, task, seed, numerics):
        screening = {("g", 0.01): 2.0, ("g", 0.1): 1.0, ("g", 1.0): 3.0}
        final = {("g", 0.01): 0.0, ("g", 0.1): 0.9, ("g", 1.0): 0.0}
        engines.append(Scripted(screening, final))
        return engines[-1]

    monkeypatch.setattr(benchmark, "choose_engine", choose)
    (found,) = run_benchmark({"g": parse("g")}, load_task("digits"), BUDGET, 1)
    (score,) = found.scores["selection"]["g"]
    assert (score.lr, score.loss) == (0.1, 0.9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "verdict.seeds is 0: give 1 or more"),
        ({"engine": "fastest"}, "unknown engine 'fastest'"),
    ],
)
def test_what_is_out_of_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        quick(**options)
