"""Scores on Ray equal those in this process; a dead actor costs its own batch alone."""

import os
import sys
import time
from collections.abc import Iterator, Sequence

import pytest
import ray

from neuralopt.evaluation import (
    Completion,
    InProcessEvaluator,
    Request,
    Score,
    ScoringPlan,
    named_budget,
)
from neuralopt.evaluation.evaluator import Evaluator, Scorer
from neuralopt.evaluation.ray_evaluator import RayEvaluator

RULES = ["g", "sign(g)", "g * exp(sign(g) * sign(m))", "drop(adam, 0.5)", "g / 0"]


class DeadlyPlan:
    """Makes a scorer that kills its process at one rule."""

    def scorer(self) -> Scorer:
        def score(texts: Sequence[str]) -> list[Score]:
            if "w" in texts:
                os._exit(1)
            return [Score("scored", 0.5) for _ in texts]

        return score


@pytest.fixture(autouse=True)
def no_other_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    yield
    ray.shutdown()


def collect_all(evaluator: Evaluator, count: int) -> dict[int, Completion]:
    found: dict[int, Completion] = {}
    limit = time.monotonic() + 90
    while len(found) < count:
        assert time.monotonic() < limit, "the evaluator forgot a request"
        found |= {done.number: done for done in evaluator.collect(1.0)}
    return found


@pytest.mark.ray
def test_ray_scores_as_this_process_does() -> None:
    plan = ScoringPlan("digits", named_budget("smoke"), "auto", 0)
    requests = [Request(number, rule) for number, rule in enumerate(RULES)]
    alone = InProcessEvaluator(plan.scorer(), batch=5)
    alone.submit(requests)
    expected = collect_all(alone, len(RULES))
    alone.close()
    evaluator = RayEvaluator(plan, workers=2, batch=2)
    evaluator.submit(requests)
    found = collect_all(evaluator, len(RULES))
    evaluator.close()
    assert [found[n].score for n in range(5)] == [expected[n].score for n in range(5)]
    assert all(
        done.worker.partition(":")[2] != str(os.getpid()) for done in found.values()
    )


@pytest.mark.ray
def test_a_dead_actor_fails_its_batch_and_is_replaced() -> None:
    # The workers can't import this test module, so its classes travel whole.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    evaluator = RayEvaluator(DeadlyPlan(), workers=1, batch=1)  # type: ignore[arg-type]
    evaluator.submit([Request(0, "g"), Request(1, "w"), Request(2, "m")])
    found = collect_all(evaluator, 3)
    evaluator.close()
    assert [found[n].score.status for n in range(3)] == ["scored", "failed", "scored"]
    assert "lost worker" in found[1].score.reason


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:"]
)
def test_an_address_without_a_cluster_is_refused_at_once(address: str) -> None:
    plan = ScoringPlan("digits", named_budget("smoke"), "auto", 0)
    with pytest.raises(ValueError, match="nothing answers there") as error:
        RayEvaluator(plan, workers=1, batch=1, address=address)
    assert "\n" not in str(error.value)
