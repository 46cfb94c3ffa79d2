"""Checks of evaluators: every request is completed once, by the scorer's own score."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neuralopt.evaluators.evaluator import (
    Completion,
    Evaluator,
    Request,
    Scorer,
    WorkerPlan,
)
from neuralopt.language import Expression
from neuralopt.scoring.score import Score

Make = Callable[[WorkerPlan, int], Evaluator]
"""Makes an evaluator of a plan that hands out so many rules at a time."""

SECONDS = 90.0


@dataclass(frozen=True)
class LengthPlan:
    """Scores a rule by the length of its text; the text ``bad`` breaks the scorer."""

    device = "cpu"

    def scorer(self) -> Scorer:
        return score_by_length


def score_by_length(rules: Sequence[Expression]) -> list[Score]:
    texts = list(map(str, rules))
    if "bad" in texts:
        raise RuntimeError("out of luck\nsecond line")
    return [Score("scored", quality=1 / (1 + len(t)), reason=t) for t in texts]


def requests_of(rules: Sequence[str | Expression]) -> list[Request]:
    """Requests with numbers that are neither small nor in order.

    A text stands for a made-up rule, of which nothing but its text is used.
    """
    made = [Expression(rule) if isinstance(rule, str) else rule for rule in rules]
    return [Request(1000 - 7 * index, rule) for index, rule in enumerate(made)]


def collect(evaluator: Evaluator, count: int) -> dict[int, Score]:
    """Final scores by number of the request; AssertionError if one is lost or twice.

    Attempts that were retried are not counted.
    """
    found: list[Completion] = []
    end = time.monotonic() + SECONDS
    while len(found) < count and time.monotonic() < end:
        found += [done for done in evaluator.collect(0.05) if not done.retried]
    found += [done for done in evaluator.collect(0.2) if not done.retried]
    scores = {done.number: done.score for done in found}
    assert len(scores) == len(found), "a request is completed twice"
    assert len(scores) == count, f"{count - len(scores)} requests are lost"
    for done in found:
        assert done.worker
        assert math.isfinite(done.seconds)
        assert done.seconds >= 0
    return scores


def check_completed_once(make: Make, batch: int) -> None:
    """Each request is completed once with the scorer's score, however submitted."""
    evaluator = make(LengthPlan(), batch)
    try:
        asked = requests_of(["x" * (index % 9 + 1) for index in range(40)])
        for order in (asked, asked[::-1]):
            for part in (order[:1], [], order[1:14], order[14:]):
                evaluator.submit(part)
            scores = collect(evaluator, len(asked))
            assert scores.keys() == {request.number for request in asked}
            for request in asked:
                (expected,) = score_by_length([request.rule])
                assert scores[request.number] == expected
        workers = evaluator.workers()
        assert workers.alive >= 1
        assert workers.busy == workers.queued == 0
    finally:
        evaluator.close()


def check_failure_is_alone(
    make: Make, batch: int, why: str = "RuntimeError: out of luck"
) -> None:
    """A rule that breaks the scorer fails, for a reason; those beside it are scored."""
    evaluator = make(LengthPlan(), batch)
    try:
        asked = requests_of(["a", "bad", "bb", "ccc", "bad", "dddd"])
        evaluator.submit(asked)
        scores = collect(evaluator, len(asked))
        for request in asked:
            score = scores[request.number]
            if str(request.rule) == "bad":
                assert score.status == "failed"
                assert score.reason == why
                assert score.quality == 0.0
            else:
                assert score == score_by_length([request.rule])[0]
    finally:
        evaluator.close()


def check_scores_are_the_scorers(
    make: Make,
    plan: WorkerPlan,
    rules: Sequence[Expression],
    batch: int,
    kept: Callable[[Score], Score] = lambda score: score,
) -> None:
    """Trained rules get the scores that the plan's scorer gives them directly.

    An evaluator may keep only some facts of a score: those that `kept` returns.
    """
    expected = [kept(score) for score in plan.scorer()(rules)]
    evaluator = make(plan, batch)
    try:
        asked = requests_of(rules)
        evaluator.submit(asked)
        scores = collect(evaluator, len(asked))
        assert [scores[request.number] for request in asked] == expected
    finally:
        evaluator.close()


def check_close(make: Make) -> None:
    """Closing is possible with work that waits, and again."""
    evaluator = make(LengthPlan(), 1)
    evaluator.submit(requests_of(["x"] * 20))
    started = time.monotonic()
    evaluator.close()
    evaluator.close()
    assert time.monotonic() - started < SECONDS
