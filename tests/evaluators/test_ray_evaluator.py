"""Scores on Ray equal those in this process, also when workers are lost."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from neuralopt.evaluators import (
    Completion,
    EvaluatorError,
    InProcessEvaluator,
    Request,
    ScoringPlan,
)
from neuralopt.evaluators.evaluator import Evaluator, Scorer
from neuralopt.evaluators.ray import evaluator as ray_evaluator
from neuralopt.evaluators.ray.cluster import Demand
from neuralopt.evaluators.ray.evaluator import RayEvaluator, RayOptions
from neuralopt.language import Expression, parse
from neuralopt.scoring.budgets import named_budget
from neuralopt.scoring.score import Score
from neuralopt.tasks import load_task

RULES = ["g", "sign(g)", "g * exp(sign(g) * sign(m))", "drop(adam, 0.5)", "g / 0"]
GIB = 1 << 30

# The workers can't import this test module, so its classes travel whole.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


@dataclass
class MadeUpPlan:
    """Makes a scorer that does as a rule's only name says."""

    seconds: float = 0.0
    folder: str = ""

    def scorer(self) -> Scorer:
        def score(rules: Sequence[Expression]) -> list[Score]:
            texts = list(map(str, rules))
            for text in texts:
                self.do(text)
            return [Score("scored", 0.5, reason=text) for text in texts]

        return score

    def do(self, text: str) -> None:
        time.sleep(self.seconds)
        if text == "raise":
            raise ValueError("out of luck")
        if text == "exit":
            os._exit(1)
        if text == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if text == "hang":
            time.sleep(1000)
        if text == "eat":
            bytearray(3 * GIB)
        if text == "exit_once" and not Path(self.folder, "once").exists():
            Path(self.folder, "once").touch()
            os._exit(1)


class BrokenPlan:
    """Makes no scorer."""

    def scorer(self) -> Scorer:
        raise OSError("the data is not here")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without cores and a node with one, and half a GPU's worth of pretence."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    made.add_node(num_cpus=1, num_gpus=1)
    yield made
    made.shutdown()


@pytest.fixture
def evaluator_of(cluster: Cluster) -> Iterator[Callable[..., RayEvaluator]]:
    made: list[RayEvaluator] = []

    def make(plan: Any, **options: Any) -> RayEvaluator:
        options.setdefault("address", cluster.address)
        made.append(RayEvaluator(plan, RayOptions(**options)))
        return made[-1]

    yield make
    for evaluator in made:
        evaluator.close()


def requests(*rules: str) -> list[Request]:
    """Of rules of the language, or of names of our own."""
    return [
        Request(number, parse(rule) if rule in RULES else Expression(rule))
        for number, rule in enumerate(rules)
    ]


def collect_all(evaluator: Evaluator, count: int) -> list[Completion]:
    """All attempts, until each request has its last."""
    found: list[Completion] = []
    limit = time.monotonic() + 90
    while sum(not done.retried for done in found) < count:
        assert time.monotonic() < limit, f"a request was forgotten: {found}"
        found += evaluator.collect(1.0)
    assert evaluator.collect(0.1) == []
    return found


def final(found: Sequence[Completion]) -> dict[int, Score]:
    scores = {done.number: done.score for done in found if not done.retried}
    assert len(scores) == sum(not done.retried for done in found), "completed once"
    return scores


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.ray
def test_a_ray_of_its_own_scores_as_this_process_does() -> None:
    plan = ScoringPlan(load_task("digits"), named_budget("smoke"), "auto", 0)
    alone = InProcessEvaluator(plan.scorer(), batch=5)
    alone.submit(requests(*RULES))
    expected = final(collect_all(alone, len(RULES)))
    alone.close()
    evaluator = RayEvaluator(plan, RayOptions(workers=2, batch=2, address="local"))
    evaluator.submit(requests(*RULES))
    found = collect_all(evaluator, len(RULES))
    count = evaluator.workers()
    evaluator.close()
    assert final(found) == expected
    assert all(done.worker.partition(":")[2] != str(os.getpid()) for done in found), (
        "done elsewhere"
    )
    assert (count.lost, count.retried, count.queued) == (0, 0, 0)


@pytest.mark.ray
@pytest.mark.parametrize("deadly", ["exit", "segfault"])
def test_a_rule_that_kills_workers_is_quarantined_and_no_other(
    evaluator_of: Callable[..., RayEvaluator], deadly: str
) -> None:
    evaluator = evaluator_of(MadeUpPlan(), workers=1, batch=8)
    rules = ["a", "b", deadly, "c", "d", "e"]
    evaluator.submit(requests(*rules))
    found = collect_all(evaluator, len(rules))
    scores = final(found)
    for number, rule in enumerate(rules):
        if rule == deadly:
            assert scores[number].status == "quarantined"
            reason = "lost 2 workers, all alone: worker died"
            assert scores[number].reason == reason
        else:
            assert scores[number] == Score("scored", 0.5, reason=rule)
    assert {done.score.reason for done in found if done.retried} == {"worker died"}
    wait_for(lambda: evaluator.workers().lost == 3)


@pytest.mark.ray
def test_a_worker_that_dies_once_costs_its_rules_nothing(
    evaluator_of: Callable[..., RayEvaluator], tmp_path: Path
) -> None:
    plan = MadeUpPlan(folder=str(tmp_path))
    evaluator = evaluator_of(plan, workers=1, batch=8)
    evaluator.submit(requests("a", "exit_once", "b"))
    scores = final(collect_all(evaluator, 3))
    assert {score.status for score in scores.values()} == {"scored"}
    assert evaluator.workers().retried == 3


@pytest.mark.ray
def test_the_death_of_an_idle_worker_is_charged_to_no_rule(
    evaluator_of: Callable[..., RayEvaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_evaluator, "IDLE_SECONDS", 0.2)
    evaluator = evaluator_of(MadeUpPlan(), workers=1)
    evaluator.submit(requests("a"))
    (done,) = collect_all(evaluator, 1)
    os.kill(int(done.worker.rpartition(":")[2]), signal.SIGKILL)
    time.sleep(1.0)
    evaluator.submit(requests("b", "c"))
    (one, other) = collect_all(evaluator, 2)
    assert one.score.status == other.score.status == "scored"
    wait_for(lambda: evaluator.workers().lost == 1)
    assert evaluator.workers().retried == 0


@pytest.mark.ray
def test_a_rule_that_hangs_is_killed_in_time_and_quarantined(
    evaluator_of: Callable[..., RayEvaluator],
) -> None:
    evaluator = evaluator_of(MadeUpPlan(), workers=1, batch=2, time_limit=1.0)
    evaluator.submit(requests("a", "hang", "b"))
    scores = final(collect_all(evaluator, 3))
    assert [scores[n].status for n in range(3)] == ["scored", "quarantined", "scored"]
    assert "no result in 1 s" in scores[1].reason


@pytest.mark.ray
def test_a_rule_that_raises_or_uses_too_much_memory_fails_no_other(
    evaluator_of: Callable[..., RayEvaluator],
) -> None:
    demand = Demand(memory=2.0)
    evaluator = evaluator_of(MadeUpPlan(), workers=1, batch=8, demand=demand)
    evaluator.submit(requests("a", "raise", "eat", "b"))
    scores = final(collect_all(evaluator, 4))
    assert [scores[n].status for n in (0, 3)] == ["scored", "scored"]
    assert scores[1] == Score("failed", reason="ValueError: out of luck")
    assert scores[2].status == "failed"
    assert "MemoryError" in scores[2].reason
    assert evaluator.workers().lost == 0


@pytest.mark.ray
def test_workers_come_and_go_with_the_nodes(
    cluster: Cluster, evaluator_of: Callable[..., RayEvaluator]
) -> None:
    evaluator = evaluator_of(MadeUpPlan(seconds=0.02), batch=4)
    evaluator.submit(requests(*map(str, range(2000))))
    wait_for(lambda: evaluator.workers().alive == 1)
    node = cluster.add_node(num_cpus=1)
    wait_for(lambda: evaluator.workers().busy == 2)
    cluster.remove_node(node, allow_graceful=False)
    wait_for(lambda: evaluator.workers().alive == 1)
    found: list[Completion] = []
    wait_for(lambda: bool(found.extend(evaluator.collect(0.1))) or len(found) > 900)
    assert all(done.score.reason == "node lost" for done in found if done.retried)
    assert all(s.status == "scored" for s in final(found).values())


@pytest.mark.ray
def test_fractions_of_a_gpu_make_workers(
    evaluator_of: Callable[..., RayEvaluator],
) -> None:
    half = Demand(cpus=0.25, gpus=0.5)
    evaluator = evaluator_of(MadeUpPlan(), demand=half)
    wait_for(lambda: evaluator.workers().alive == 2)
    evaluator.submit(requests(*map(str, range(20))))
    assert len({done.worker for done in collect_all(evaluator, 20)}) == 2


@pytest.mark.ray
def test_what_no_node_has_is_named(evaluator_of: Callable[..., RayEvaluator]) -> None:
    demand = Demand(gpus=2, resources={"disk": 3})
    evaluator = evaluator_of(MadeUpPlan(), workers=1, demand=demand, patience=2)
    evaluator.submit(requests("a"))
    with pytest.raises(EvaluatorError) as error:
        collect_all(evaluator, 1)
    message = str(error.value)
    assert "GPU 2 (1 at most), disk 3 (0 at most)" in message
    assert "nothing is lost" in message
    assert "\n" not in message


@pytest.mark.ray
def test_waiting_for_nodes_takes_no_work(
    evaluator_of: Callable[..., RayEvaluator], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    look = ray_evaluator._ActorPool._hand_out

    def counted(crew: Any) -> None:
        looks.append(time.monotonic())
        look(crew)

    monkeypatch.setattr(ray_evaluator._ActorPool, "_hand_out", counted)
    evaluator_of(MadeUpPlan(), demand=Demand(resources={"disk": 3}))
    time.sleep(2.0)
    assert 1 <= len(looks) <= 6


@pytest.mark.ray
def test_a_cluster_of_this_machine_refuses_at_once() -> None:
    options = RayOptions(address="local", demand=Demand(resources={"disk": 1}))
    with pytest.raises(ValueError, match=r"disk 1 \(0 at most\)") as error:
        RayEvaluator(MadeUpPlan(), options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert not ray.is_initialized()


@pytest.mark.ray
def test_workers_that_can_not_start_end_the_search(
    evaluator_of: Callable[..., RayEvaluator],
) -> None:
    evaluator = evaluator_of(BrokenPlan(), workers=1)
    evaluator.submit(requests("a"))
    with pytest.raises(EvaluatorError, match=r"can't start.*the data is not here"):
        collect_all(evaluator, 1)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:"]
)
def test_an_address_without_a_cluster_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="nothing answers there") as error:
        RayEvaluator(MadeUpPlan(), RayOptions(address=address))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
