"""Proposals and executions refuse what an archive could not mean."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from neuralopt.archive import Execution, Proposal


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"number": -1}, "start at 0"),
        ({"status": "done"}, "unknown status 'done', give one of: pending scored"),
        ({"status": "scored"}, "needs its quality"),
        ({"status": "scored", "quality": nan}, "not in"),
        ({"status": "scored", "quality": 1.5}, "not in"),
        ({"status": "diverged", "quality": -inf}, "not in"),
        ({"quality": 0.5}, "no quality yet"),
        ({"lr": 0.0}, "not positive"),
        ({"lr": nan}, "not positive"),
        ({"lr": inf}, "finite"),
        ({"status": "duplicate"}, "duplicates"),
        ({"status": "failed", "original": 2}, "duplicates"),
        ({"status": "duplicate", "original": 7}, "not an earlier"),
        ({"status": "duplicate", "original": -1}, "not an earlier"),
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


@pytest.mark.parametrize("field", ["seconds", "finished"])
def test_an_execution_without_a_finite_time_is_refused(field: str):
    times = {"seconds": 1.0, "finished": 2.0}
    Execution(0, 1, "scored", worker="a", **times)
    with pytest.raises(ValueError, match="finite"):
        Execution(0, 1, "scored", worker="a", **times | {field: nan})


def test_attempts_start_at_one():
    with pytest.raises(ValueError, match="start at 1"):
        Execution(0, 0, "scored", 1.0, "a", 2.0)
