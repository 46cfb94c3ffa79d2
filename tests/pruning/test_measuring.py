"""Pruning by real trainings, and by evaluators that lose work."""

import math
from collections.abc import Iterator, Sequence

import pytest

from neuralopt.evaluators import InProcessEvaluator, ScoringPlan, evaluate
from neuralopt.evaluators.evaluator import Completion, Request, Workers
from neuralopt.language import Expression, parse, render, simplify
from neuralopt.pruning.measuring import measured_by, prune_shortlist
from neuralopt.scoring.budgets import BUDGETS
from neuralopt.scoring.score import Score
from neuralopt.tasks import load_tasks

NOISY = "g - clip(log(noise(0.1)), 0.001)"


@pytest.fixture(scope="module")
def digits() -> Iterator[InProcessEvaluator]:
    (task,) = load_tasks("digits")
    plan = ScoringPlan(task, BUDGETS["smoke"], "auto", seed=0)
    made = InProcessEvaluator(plan.scorer(), workers=2)
    yield made
    made.close()


def test_noise_is_pruned_to_the_gradient(digits: InProcessEvaluator) -> None:
    rules = {412: parse(NOISY), 7: parse("0.5 * g"), 9: parse("g")}
    found = prune_shortlist(rules, digits, replicates=4)
    assert list(found) == [412, 7, 9]
    assert [render(each.pruned) for each in found.values()] == ["g"] * 3
    assert render(found[412].original) == render(simplify(parse(NOISY)))
    assert found[412].low > -0.01
    assert found[412].trainings <= 9 * 4 + 4
    assert found[9].trainings == 0


def test_what_adam_needs_is_kept(digits: InProcessEvaluator) -> None:
    """Of adam's own averages neither trains as well, under a grid for adam."""
    found = prune_shortlist({0: parse("2 * adam")}, digits)
    assert render(found[0].pruned) == "adam"


def test_qualities_are_those_of_single_replicates(digits: InProcessEvaluator) -> None:
    seen: list[tuple[int, int]] = []
    measure = measured_by(digits, lambda done, total: seen.append((done, total)))
    rule = parse("g")
    first, again = measure([(rule, 0), (rule, 501)])
    (expected,) = evaluate(["g"], "digits", "smoke")  # replicate 0 alone
    assert first == expected.quality
    assert again != first
    assert measure([(rule, 501)]) == [again]
    assert seen[-1] == (3, 3)
    assert seen == sorted(seen)


class Losing:
    """An evaluator whose worker is lost once, and that breaks one rule."""

    def __init__(self) -> None:
        self.waiting: list[Completion] = []
        self.batches: list[int] = []
        self.replicates: set[int | None] = set()

    def workers(self) -> Workers:
        return Workers(alive=3)

    def submit(self, requests: Sequence[Request]) -> None:
        self.batches.append(len(requests))
        self.replicates |= {each.replicate for each in requests}
        for each in requests:
            lost = Score("failed", reason="lost")
            bad = Score("quarantined", reason="it kills")
            good = Score("scored", quality=0.5 + (each.replicate or 0) / 10_000)
            score = bad if render(each.rule) == "m" else good
            for retried, result in ((True, lost), (False, score)):
                self.waiting.append(
                    Completion(each.number, result, 0.0, "", retried, each.replicate)
                )

    def collect(self, timeout: float) -> list[Completion]:
        return [self.waiting.pop()] if self.waiting else []

    def close(self) -> None:
        pass


def test_lost_attempts_are_waited_for_and_work_is_shared_out() -> None:
    evaluator = Losing()
    measure = measured_by(evaluator)
    rules: list[Expression] = [parse("g"), parse("m"), parse("v")]
    requests = [(rule, replicate) for replicate in (500, 501) for rule in rules]
    qualities = measure([*requests, requests[0]])
    assert qualities[0] == qualities[2] == qualities[-1] == 0.55
    assert qualities[3] == qualities[5] == 0.5501
    assert math.isnan(qualities[1])
    assert math.isnan(qualities[4])
    assert evaluator.batches == [2, 2, 2]


def test_a_shortlist_is_measured_on_the_replicates_named() -> None:
    evaluator = Losing()
    found = prune_shortlist({3: parse("0.5 * g")}, evaluator)
    assert found[3].trainings == 2 * 8
    assert evaluator.replicates == {None, *range(750, 758)}
    again = Losing()
    prune_shortlist({3: parse("0.5 * g")}, again, first_replicate=600, replicates=5)
    assert again.replicates == {None, *range(600, 605)}


class Gated(Losing):
    """An evaluator of an objective whose gates stop all rules but g."""

    def submit(self, requests: Sequence[Request]) -> None:
        self.batches.append(len(requests))
        for each in requests:
            score = Score("scored", quality=0.5)
            if each.replicate is None and render(each.rule) != "g":
                score = Score("stopped", quality=0.01, reason="after 1 of 9 parts")
            self.waiting.append(
                Completion(each.number, score, 0.0, "", replicate=each.replicate)
            )


def test_a_rule_that_a_gate_stops_is_trained_once() -> None:
    evaluator = Gated()
    measure = measured_by(evaluator, exempt={parse("m")})
    rules = [parse(text) for text in ("g", "m", "v", "v")]
    requests = [(rule, replicate) for replicate in (0, 1) for rule in rules]
    assert measure(requests) == [0.5, 0.5, 0.01, 0.01] * 2
    assert sum(evaluator.batches) == 2 + 4  # g and v at first, then g and m twice
    assert measure(requests) == [0.5, 0.5, 0.01, 0.01] * 2
    assert sum(evaluator.batches) == 2 + 4 + 4
