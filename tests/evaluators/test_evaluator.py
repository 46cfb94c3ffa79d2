"""The in-process evaluator: every request is completed once, even if training fails."""

import threading
import time

import pytest
import torch

from neuralopt.engines import ENGINES, choose_engine
from neuralopt.engines.serial import SerialEngine
from neuralopt.evaluators import InProcessEvaluator, Request, TaskScorer, Workers
from neuralopt.evaluators.evaluator import steps_per_rule
from neuralopt.evaluators.objective import ObjectiveScorer
from neuralopt.language import Expression, parse
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.score import Score
from tests.engines.builders import some_digits


class Broken(BaseException):
    """What no evaluator may swallow."""


def score_of(rule):
    text = str(rule)
    if text == "bad":
        raise RuntimeError("out of luck\nsecond line")
    return Score("scored", quality=1 / (1 + len(text)), reason=text)


def scorer(rules):
    return [score_of(rule) for rule in rules]


def requests(*rules):
    """Requests of rules; a text stands for a made-up rule."""
    made = [Expression(rule) if isinstance(rule, str) else rule for rule in rules]
    return [Request(number, rule) for number, rule in enumerate(made)]


def collected(evaluator, count, seconds=10.0):
    found = []
    end = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        found += evaluator.collect(0.05)
    return found


@pytest.fixture
def evaluator_of():
    made = []

    def make(*arguments, **options):
        made.append(InProcessEvaluator(*arguments, **options))
        return made[-1]

    yield make
    for evaluator in made:
        evaluator.close()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("batch", [1, 2, 7, 100])
def test_every_request_is_completed_exactly_once(evaluator_of, workers, batch):
    evaluator = evaluator_of(scorer, workers=workers, batch=batch)
    assert evaluator.workers().alive == workers
    asked = requests(*("x" * (index % 9) for index in range(40)))
    evaluator.submit(asked[:13])
    evaluator.submit([])
    evaluator.submit(asked[13:])
    found = collected(evaluator, 40)
    assert sorted(done.number for done in found) == list(range(40))
    for done in found:
        assert done.score == score_of(asked[done.number].rule)
        assert done.seconds >= 0
        assert done.worker
    assert evaluator.collect(0.05) == []
    assert evaluator.workers() == Workers(alive=workers)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_replicates_of_one_rule_are_completed_each_with_its_own(evaluator_of, batch):
    def by_replicate(rules, replicate=None):
        quality = 0.5 if replicate is None else replicate / 1000
        return [Score("scored", quality) for _ in rules]

    evaluator = evaluator_of(by_replicate, batch=batch)
    rule = Expression("a")
    asked = [Request(7, rule, replicate) for replicate in (None, 500, 501)]
    evaluator.submit(asked)
    found = {done.key: done.score.quality for done in collected(evaluator, 3)}
    assert found == {(7, None): 0.5, (7, 500): 0.5, (7, 501): 0.501}
    assert evaluator.workers().busy == 0


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_rule_that_breaks_the_scorer_fails_no_other(evaluator_of, batch):
    evaluator = evaluator_of(scorer, batch=batch)
    texts = ["a", "bad", "bb", "ccc", "bad", "dddd"]
    evaluator.submit(requests(*texts))
    found = {done.number: done.score for done in collected(evaluator, 6)}
    assert len(found) == 6
    for number, text in enumerate(texts):
        if text == "bad":
            assert found[number].status == "failed"
            assert found[number].reason == "RuntimeError: out of luck"
            assert found[number].quality == 0.0
        else:
            assert found[number] == score_of(text)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_scorer_that_loses_scores_fails_and_nothing_is_waited_for(
    evaluator_of, batch
):
    evaluator = evaluator_of(lambda rules: scorer(rules)[1:], batch=batch)
    evaluator.submit(requests("a", "bb", "ccc"))
    found = collected(evaluator, 3)
    assert sorted(done.number for done in found) == [0, 1, 2]
    assert {done.score.status for done in found} == {"failed"}
    assert "0 scores of 1 rules" in found[0].score.reason


def test_a_base_exception_reaches_the_caller_of_collect(evaluator_of):
    def stop(rules):
        raise Broken

    evaluator = evaluator_of(stop)
    evaluator.submit(requests("a"))
    with pytest.raises(Broken):
        collected(evaluator, 1)


def test_collect_waits_no_longer_than_it_is_told(evaluator_of):
    go = threading.Event()

    def wait(rules):
        go.wait(10)
        return scorer(rules)

    evaluator = evaluator_of(wait)
    started = time.monotonic()
    assert evaluator.collect(0.0) == []
    evaluator.submit(requests("a"))
    assert evaluator.collect(0.1) == []
    assert 0.1 <= time.monotonic() - started < 5
    threading.Timer(0.1, go.set).start()
    started = time.monotonic()
    (done,) = evaluator.collect(10)
    assert done.score == score_of("a")
    assert time.monotonic() - started < 5


def test_close_gives_up_what_is_waiting(evaluator_of):
    began, go, scored = threading.Event(), threading.Event(), []

    def wait(rules):
        began.set()
        go.wait(10)
        scored.extend(map(str, rules))
        return scorer(rules)

    evaluator = evaluator_of(wait, batch=1)
    evaluator.submit(requests(*"abcdefgh"))
    assert began.wait(10)
    threading.Timer(0.1, go.set).start()
    evaluator.close()
    evaluator.close()
    assert scored == ["a"]
    assert [done.number for done in evaluator.collect(0.1)] == [0]


def test_children_run_on_one_thread_of_torch_each(evaluator_of):
    counts = []

    def count(rules):
        counts.append(torch.get_num_threads())
        return scorer(rules)

    before = torch.get_num_threads()
    try:
        evaluator = evaluator_of(count, workers=2, batch=1)
        evaluator.submit(requests(*"abcdef"))
        collected(evaluator, 6)
    finally:
        torch.set_num_threads(before)
    assert counts == [1] * 6


@pytest.mark.parametrize("options", [{"workers": 0}, {"batch": 0}, {"workers": -1}])
def test_an_evaluator_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match="give 1 or more"):
        InProcessEvaluator(scorer, **options)


def test_steps_of_rules_in_flight_are_counted_until_they_are_collected(evaluator_of):
    task, budget = some_digits(training=256), Budget("short", (0.01, 0.1), 1, 2)
    rules = [parse("g"), parse("g / (g - g)")]  # the second diverges at every rate
    each = 4 * (2 * 1 + 2)  # steps: 4 an epoch, two rates for one epoch and 2 more
    for name in ENGINES:
        score = TaskScorer(task, budget, choose_engine(name, task))
        score([parse("g")])  # kernels may have to be compiled
        evaluator = evaluator_of(score, batch=2)
        assert evaluator.workers() == Workers(alive=1, steps_per_rule=each)
        evaluator.submit(requests(*rules))
        seen, end = [], time.monotonic() + 60
        while time.monotonic() < end:
            now = evaluator.workers()
            seen.append((now.steps_done, now.steps_expected))
            if now.steps_done == 2 * each:
                break
            time.sleep(0.001)
        assert seen[-1] == (2 * each, 2 * each)
        assert seen == sorted(seen)
        collected(evaluator, 2)
        assert evaluator.workers() == Workers(alive=1, steps_per_rule=each)


def test_steps_are_seen_while_a_batch_is_trained(evaluator_of):
    go, task = threading.Event(), some_digits(training=256)
    budget = Budget("short", (0.01,), 1, 2)

    class Waiting(SerialEngine):
        def train(self, children, epochs, splits, limit=None):
            if epochs == 2:
                go.wait(30)
            return super().train(children, epochs, splits, limit)

    evaluator = evaluator_of(TaskScorer(task, budget, Waiting(task, 0)), batch=2)
    evaluator.submit(requests("g", "adam"))
    end = time.monotonic() + 30
    while evaluator.workers().steps_done < 8 and time.monotonic() < end:
        time.sleep(0.01)
    now = evaluator.workers()
    go.set()
    assert (now.steps_done, now.steps_expected, now.steps_per_rule) == (8, 24, 12)


def test_steps_of_several_tasks_are_added_up():
    tasks = [some_digits(training=256), some_digits(training=128)]
    budget = Budget("short", (0.01, 0.1), 1, 2, replicates=3)
    scorers = [
        TaskScorer(task, budget, choose_engine("serial", task)) for task in tasks
    ]
    assert steps_per_rule(scorers[0]) == 3 * 4 * 4
    assert steps_per_rule(ObjectiveScorer(tuple(scorers))) == 3 * 4 * 4 + 3 * 2 * 4
    assert steps_per_rule(len) == 0


def test_steps_of_refinements_and_horizons_are_added_up():
    task = some_digits(training=128)
    budget = Budget("long", (0.01, 0.1), 1, 2, refinement_epochs=3, horizons=(4, 5))
    scored = TaskScorer(task, budget, choose_engine("serial", task))
    assert steps_per_rule(scored) == 2 * (2 * 1 + 3 * 3 + 2 + 4 + 5)
