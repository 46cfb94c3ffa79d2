"""Dispatch: which rules share a batch, and what happens to those of a lost worker."""

import random

import pytest

from neuralopt.evaluators import Completion, Request
from neuralopt.evaluators.dispatch import (
    ALONE,
    BATCH_SECONDS,
    FIRST_BATCH,
    LARGEST_BATCH,
    Fault,
    Workload,
)
from neuralopt.language import Expression
from neuralopt.scoring.score import Score

DEATH = Fault("worker died", suspicious=True)
NODE = Fault("node lost", suspicious=False)


def requests(count, start=0):
    return [Request(n, Expression(f"rule_{n}")) for n in range(start, start + count)]


def scored(batch, seconds=0.1):
    return [Completion(r.number, Score("scored", 0.5), seconds, "w") for r in batch]


def test_rules_are_shared_by_the_workers_in_the_order_of_asking():
    load = Workload(batch=32)
    load.add(requests(40))
    load.add(requests(24, 40))
    assert load.queued == 64
    jobs = [load.take(4) for _ in range(2)]
    assert [len(batch) for batch in jobs] == [16, 12]  # a quarter of what is there
    assert [r.number for batch in jobs for r in batch] == list(range(28))
    assert load.queued == 36
    assert Workload().take(4) == []


def test_a_job_is_as_large_as_half_a_second():
    load = Workload()
    load.add(requests(10_000))
    assert len(load.take(1)) == FIRST_BATCH
    load.learn(scored(requests(8), BATCH_SECONDS / 50))
    assert len(load.take(1)) == 50
    load.learn(scored(requests(4000), 60.0))
    assert len(load.take(1)) == 1
    load.learn(scored(requests(4000), 1e-9))
    assert len(load.take(1)) == LARGEST_BATCH


def played(deadly, count, batch, workers=2, blink=lambda: False):
    """Final scores, and how many workers were lost, where some rules kill theirs."""
    load, final, lost = Workload(batch), {}, 0
    load.add(requests(count))
    attempts = dict.fromkeys(range(count), 0)
    while batch := load.take(workers):
        for request in batch:
            attempts[request.number] += 1
        if blink():
            done = load.lost(batch, NODE, "w")
            assert all(each.retried for each in done)
        elif deadly & {request.number for request in batch}:
            done = load.lost(batch, DEATH, "w")
            lost += 1
        else:
            done = scored(batch)
        assert sorted(each.number for each in done) == sorted(r.number for r in batch)
        for each in done:
            if not each.retried:
                assert each.number not in final, "completed once"
                final[each.number] = each.score
    assert len(final) == count
    assert load.queued == 0
    return final, lost, attempts


@pytest.mark.parametrize("batch", [1, 3, 8, 32, 64])
@pytest.mark.parametrize("deadly", [set(), {0}, {5, 17}, {31}, {3, 4, 5, 6}])
def test_only_rules_that_kill_their_worker_are_quarantined(batch, deadly):
    final, lost, attempts = played(deadly, 64, batch)
    for number, score in final.items():
        if number in deadly:
            assert score.status == "quarantined"
            assert "lost 2 workers, all alone: worker died" in score.reason
        else:
            assert score.status == "scored"
    assert len(deadly) * ALONE <= lost <= len(deadly) * (ALONE + 3)
    assert max(attempts.values()) <= ALONE + 3


def test_what_happens_to_nodes_is_charged_to_no_rule():
    chance = random.Random(0)
    final, _, _ = played({9}, 200, 16, blink=lambda: chance.random() < 0.5)
    assert [n for n, score in final.items() if score.status != "scored"] == [9]


def test_suspects_come_first_and_in_small_company():
    load = Workload(batch=32)
    load.add(requests(64))
    batch = load.take(1)
    load.lost(batch, DEATH, "w")
    assert load.retried == 32
    assert [len(load.take(1)) for _ in range(9)] == [4] * 8 + [32]


def test_a_worker_that_is_lost_without_a_job_costs_nothing():
    load = Workload()
    assert load.lost([], DEATH, "w") == load.lost([], NODE, "w") == []
    assert (load.queued, load.retried) == (0, 0)


def test_innocents_go_back_to_the_front_of_the_queue():
    load = Workload(batch=4)
    load.add(requests(12))
    batch = load.take(1)
    load.lost(batch, NODE, "w")
    assert [r.number for r in load.take(1)] == [0, 1, 2, 3]
