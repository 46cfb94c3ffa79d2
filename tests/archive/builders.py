"""A synthetic search: its proposals and results depend only on their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from random import Random

from neuralopt.archive import (
    Archive,
    BehaviourRecord,
    Execution,
    Place,
    Proposal,
    PruningRecord,
    Replicate,
)
from neuralopt.scoring.score import Score

CONTEXT = {"space": "bello2017", "task": "digits 5f0c", "seed": "0"}


def asked(number: int) -> Proposal:
    """What the searcher asks for; every tenth repeats an earlier rule."""
    if number % 10 == 9:
        earlier = asked(number - 5)
        return replace(earlier, number=number, original=earlier.number)
    rule = f"g * {number + 0.5}"
    return Proposal(number, (number % 7, number % 5, 3), rule, f"{rule} (canonical)")


def result(proposal: Proposal, curve: int = 5) -> Proposal:
    """What the evaluator makes of it, with that many points of its curve."""
    draw = Random(proposal.number)
    if proposal.number % 4 == 3:
        score = Score(
            "diverged",
            reason="every learning rate diverged",
            loss=nan,
            screening=(inf, -inf, nan),
        )
        return replace(proposal, score=score)
    score = Score(
        "scored",
        quality=draw.random(),
        lr=10.0 ** draw.randrange(-5, 2),
        loss=draw.expovariate(1.0),
        accuracy=draw.random(),
        screening=(draw.random(), inf, 1e-300),
        curve=tuple(draw.random() for _ in range(curve)),
    )
    return replace(proposal, score=score)


def execution(proposal: Proposal, attempt: int = 1) -> Execution:
    return Execution(proposal.number, attempt, proposal.status, 0.25, "worker 1", 1.8e9)


FOUND = 160
"""Proposals that findings are saved of: those of smaller numbers."""


def replicates(proposal: Proposal) -> list[Replicate]:
    score = result(proposal).score
    assert score is not None
    return [
        Replicate(proposal.number, 500 + n, replace(score, reason=str(n)))
        for n in range(2)
    ]


def place(number: int) -> Place:
    return Place(number, 0.5, 0.25, 0.5 + number / 2**20, 2)


def behaviour(number: int) -> BehaviourRecord:
    equal = number % 3 == 0
    return BehaviourRecord(number, "adam", 0.1 * number, equal, ("a", "b"), number // 2)


def pruning(number: int) -> PruningRecord:
    return PruningRecord(number, "g", 0.01, -number / 7, -1.0, 5)


def find_out(archive: Archive, say: Callable[[str, int], None]) -> None:
    """Save findings, of which most are there already, and replace the shortlist."""
    found = [p for p in archive.proposals(stop=FOUND) if p.score is not None]
    numbers = [proposal.number for proposal in found]
    archive.save_replicates([each for p in found for each in replicates(p)])
    say("replicates", len(archive))
    archive.save_behaviours(list(map(behaviour, numbers)))
    say("behaviours", len(archive))
    archive.save_prunings(list(map(pruning, numbers)))
    say("prunings", len(archive))
    scored = [p.number for p in found if p.status == "scored"]
    archive.save_shortlist(list(map(place, scored[-20:])))
    say("shortlist", len(archive))


def search(
    archive: Archive,
    total: int,
    batch: int,
    curve: int = 5,
    say: Callable[[str, int], None] = lambda what, number: None,
) -> None:
    """Begin or continue the search until `total` proposals are decided.

    say: told what is on disk for certain, as soon as it is.
    """
    while len(archive) < total or archive.counts()["pending"]:
        waiting = list(archive.proposals("pending"))
        if waiting:
            results = [result(proposal, curve) for proposal in waiting]
            archive.commit(results, [execution(proposal) for proposal in results])
            say("decided", len(archive))
            archive.save_checkpoint(len(archive), len(archive), b"s" * len(archive))
            say("checkpoint", len(archive))
            find_out(archive, say)
        if len(archive) < total:
            first = len(archive)
            archive.record([asked(n) for n in range(first, min(first + batch, total))])
            say("recorded", len(archive))
