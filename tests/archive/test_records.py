"""Proposals and executions reject values that make no sense in an archive."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from neuralopt.archive import Execution, Proposal, VerdictRecord
from neuralopt.scoring.score import Score


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"number": -1}, "start at 0"),
        ({"score": Score("scored", nan)}, "not in"),
        ({"score": Score("scored", 1.5)}, "not in"),
        ({"score": Score("diverged", -inf)}, "not in"),
        ({"score": Score("pending", 0.5)}, "a pending proposal has no score"),
        ({"score": Score("duplicate")}, "a duplicate proposal has no score"),
        ({"score": Score("scored", 0.5, lr=0.0)}, "not positive"),
        ({"score": Score("scored", 0.5, lr=nan)}, "not positive"),
        ({"score": Score("scored", 0.5, lr=inf)}, "finite"),
        ({"score": Score("failed"), "original": 2}, "has no score of its own"),
        ({"original": 7}, "not an earlier"),
        ({"original": -1}, "not an earlier"),
    ],
)
def test_a_proposal_that_means_nothing_is_refused(fields: dict[str, Any], words: str):
    good: dict[str, Any] = {
        "number": 7,
        "decisions": (1,),
        "rule": "g",
        "canonical": "g",
    }
    Proposal(**good)
    with pytest.raises(ValueError, match=words):
        Proposal(**good | fields)


def test_status_reason_and_quality_follow_from_the_score():
    pending = Proposal(7, (1,), "g", "g")
    assert (pending.status, pending.reason, pending.quality) == ("pending", "", None)
    duplicate = Proposal(7, (1,), "g", "g", original=2)
    assert (duplicate.status, duplicate.quality, duplicate.lr) == (
        "duplicate",
        None,
        None,
    )
    scored = Proposal(7, (1,), "g", "g", score=Score("scored", 0.5, 0.1))
    assert (scored.status, scored.quality, scored.lr) == ("scored", 0.5, 0.1)
    diverged = Proposal(7, (1,), "g", "g", score=Score("diverged", reason="why"))
    assert (diverged.reason, diverged.quality) == ("why", 0.0)
    for status in ("failed", "quarantined"):  # they say nothing about the rule
        broken = Proposal(7, (1,), "g", "g", score=Score(status))
        assert (broken.status, broken.quality) == (status, None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seeds": ()}, "at least one seed"),
        ({"scores": {}}, "at least one seed and one candidate"),
        ({"seeds": (1000, 1001)}, "'sgd' has 1 scores for 2 seeds"),
        ({"rules": {"adam": "g"}}, "'adam' is not one of its candidates"),
        ({"baselines": ("adam",)}, "'adam' is not one of its candidates"),
    ],
)
def test_a_verdict_that_means_nothing_is_refused(fields: dict[str, Any], words: str):
    good: dict[str, Any] = {
        "task": "digits",
        "split": "selection",
        "budget": "smoke",
        "seeds": (1000,),
        "scores": {"sgd": (Score("scored", 0.5),)},
        "rules": {"sgd": "g"},
        "baselines": None,
        "configuration": "{}",
        "made": 1.8e9,
    }
    VerdictRecord(**good)
    with pytest.raises(ValueError, match=words):
        VerdictRecord(**good | fields)


@pytest.mark.parametrize("field", ["seconds", "finished"])
def test_an_execution_without_a_finite_time_is_refused(field: str):
    times = {"seconds": 1.0, "finished": 2.0}
    Execution(0, 1, "scored", worker="a", **times)
    with pytest.raises(ValueError, match="finite"):
        Execution(0, 1, "scored", worker="a", **times | {field: nan})


def test_attempts_start_at_one():
    with pytest.raises(ValueError, match="start at 1"):
        Execution(0, 0, "scored", 1.0, "a", 2.0)
