"""Several tasks make one quality, relative to Adam's, for any evaluator."""

import dataclasses
import math

import pytest

from neuralopt import evaluate
from neuralopt.evaluators import InProcessEvaluator, Request
from neuralopt.evaluators.evaluator import Completion, Workers
from neuralopt.evaluators.multitask import (
    ADAM,
    MultiTaskEvaluator,
    adam_qualities,
    check_baselines,
    combine,
)
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.score import Score
from neuralopt.tasks import load_task, load_tasks

BUDGET = Budget("made up", (1e-2, 1e-1), 1, 2)
GOOD = Score("scored", 0.6, 0.01, 0.5, 0.8, screening=(1.0, 2.0), curve=(3.0,))
BETTER = dataclasses.replace(GOOD, quality=0.9, lr=0.1)
BAD = Score("diverged", reason="at every rate")
ADAMS = {"one": 0.6, "other": 0.3}


def test_the_quality_is_the_mean_of_shares_of_adams():
    score = combine(Score("scored", tasks=(GOOD, BETTER)), ADAMS)
    assert score.quality == pytest.approx((0.6 / 1.2 + 0.9 / 1.2) / 2)
    assert score.status == "scored"
    assert (score.lr, score.loss, score.accuracy) == (None, None, None)
    assert score.reason == ""
    assert score.tasks == (
        dataclasses.replace(GOOD, task="one"),
        dataclasses.replace(BETTER, task="other"),
    )
    assert (score.screening, score.curve) == (GOOD.screening, GOOD.curve)


def test_a_rule_that_is_as_good_as_adam_everywhere_has_one_half():
    scores = tuple(
        dataclasses.replace(GOOD, quality=quality) for quality in ADAMS.values()
    )
    assert combine(Score("scored", tasks=scores), ADAMS).quality == 0.5


def test_a_task_on_which_it_diverges_counts_nothing():
    score = combine(Score("scored", tasks=(GOOD, BAD)), ADAMS)
    assert score.quality == pytest.approx(0.25)
    assert score.reason == "other diverged at every rate"
    assert [each.status for each in score.tasks] == ["scored", "diverged"]
    score = combine(Score("scored", tasks=(BAD, BAD)), ADAMS)
    assert (score.status, score.quality) == ("diverged", 0.0)


def test_a_failed_training_gives_no_score():
    broken = Score("failed", reason="MemoryError")
    assert combine(broken, ADAMS) is broken


@pytest.mark.parametrize("quality", [0.0, -1.0, 1.5, math.nan])
def test_a_quality_of_adam_out_of_range_is_refused(quality):
    check_baselines(ADAMS, "smoke")
    with pytest.raises(ValueError, match="task one: Adam's quality under budget smoke"):
        check_baselines({"one": quality}, "smoke")


def test_each_task_is_scored_as_if_it_were_the_only_one():
    names = ("digits", "ravine")
    rules = ["powersign", "g / 0 * 0", "sgd"]
    together = evaluate(rules, "digits+ravine", BUDGET, seed=2)
    alone = [evaluate(["adam", *rules], name, BUDGET, seed=2) for name in names]
    for number, score in enumerate(together, start=1):
        shares = [
            one[number].quality / (one[number].quality + one[0].quality)
            for one in alone
        ]
        assert score.quality == sum(shares) / 2
        assert score.tasks == tuple(
            dataclasses.replace(one[number], task=name)
            for name, one in zip(names, alone, strict=True)
        )
    assert together[1].status == "diverged"
    (adam,) = evaluate(["adam"], "digits+ravine", BUDGET)
    assert adam.quality == 0.5


def test_an_evaluator_of_several_tasks_asks_another_for_both():
    def scored(rules):
        return [Score("scored", tasks=(GOOD, BETTER)) for _ in rules]

    inner = InProcessEvaluator(scored, workers=2, batch=1)
    evaluator = MultiTaskEvaluator(inner, adam_qualities(inner, tuple(ADAMS)))
    evaluator.submit([Request(number, ADAM) for number in range(5)])
    found = []
    while len(found) < 5:
        found += evaluator.collect(1.0)
    evaluator.close()
    assert sorted(done.number for done in found) == list(range(5))
    assert {done.score.quality for done in found} == {0.5}
    assert evaluator.workers().alive == 2


class Breaking:
    """An evaluator that loses its first attempt and then breaks."""

    def __init__(self):
        lost, broken = (Score("failed", reason=r) for r in ("worker died", "Oops: no"))
        self.answers = [[Completion(0, lost, 0.1, "a", retried=True)], []]
        self.answers.append([Completion(0, broken, 0.1, "a")])

    def submit(self, requests):
        assert [request.rule for request in requests] == [ADAM]

    def collect(self, timeout):
        return self.answers.pop(0)

    def workers(self):
        return Workers()

    def close(self):
        pass


def test_an_adam_that_can_not_be_trained_is_said():
    with pytest.raises(ValueError, match="Adam can't be trained: Oops: no"):
        adam_qualities(Breaking(), ("one",))


def test_names_of_several_tasks():
    assert load_tasks("digits") == (load_task("digits"),)
    assert load_tasks("digits+ravine") == (load_task("digits"), load_task("ravine"))
    for name, message in [
        ("digits+digits", "digits is named twice"),
        ("digits+", "unknown task ''"),
        ("digits+raven", "unknown task 'raven': did you mean 'ravine'"),
    ]:
        with pytest.raises(ValueError, match=message):
            load_tasks(name)
    with pytest.raises(
        ValueError, match=r"task\.options\.path is not an option of digits\+ravine"
    ):
        load_tasks("digits+ravine", path="x")
    with pytest.raises(
        ValueError, match=r"task\.options\.path is not an option of digits"
    ):
        load_task("digits", path="x")
