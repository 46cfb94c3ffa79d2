"""A synthetic search: its proposals and results depend only on their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from random import Random

from neuralopt.archive import Archive, Execution, Proposal
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
        if len(archive) < total:
            first = len(archive)
            archive.record([asked(n) for n in range(first, min(first + batch, total))])
            say("recorded", len(archive))
