"""Two archives are identical when every column of every proposal is."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from neuralopt.archive import (
    Archive,
    Execution,
    Proposal,
    VerdictRecord,
    difference,
)
from neuralopt.scoring.score import Score

SCORE = Score("diverged", 0.0, 0.1, nan, nan, "why", (nan,), (1.0,))
ROW = Proposal(1, (4, 2), "g", "g", score=SCORE)


def made(path: Path, *rows: Proposal, context: str = "a") -> Archive:
    with Archive.create(path, {"host": context}) as archive:
        archive.record([Proposal(0, (1,), "m", "m"), *rows])
        archive.commit([], [Execution(0, 1, "lost", 1.0, context, 1.8e9)])
        scores = {context: (SCORE,)}
        verdict = VerdictRecord("t", "test", "b", (1,), scores, {}, None, "", 1.8e9)
        archive.save_verdict([verdict])
    return Archive.open(path)


def test_executions_verdicts_and_context_make_no_difference(tmp_path: Path):
    with (
        made(tmp_path / "a", ROW, context="a") as a,
        made(tmp_path / "b", ROW, context="b") as b,
    ):
        assert difference(a, b) is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("decisions", (4, 3)),
        ("rule", "g "),
        ("canonical", "m"),
        ("status", "rejected"),
        ("reason", "because"),
        ("quality", 5e-324),
        ("lr", 0.1 + 2**-56),
        ("loss", None),
        ("accuracy", 0.5),
        ("screening", (nan, nan)),
        ("curve", (1.0 + 2**-52,)),
        ("tasks", (replace(SCORE, task="digits"),)),
    ],
)
def test_the_smallest_difference_in_any_column_is_named(
    tmp_path: Path, column: str, value: object
):
    if hasattr(ROW.score, column):
        other = replace(ROW, score=replace(SCORE, **{column: value}))
    else:
        other = replace(ROW, **{column: value})
    with made(tmp_path / "a", ROW) as a, made(tmp_path / "b", other) as b:
        found = difference(a, b)
        assert found is not None
        assert found.startswith(f"proposal 1: {column} ")
        assert found.count(" but ") == 1


def test_an_archive_that_ends_early_is_named(tmp_path: Path):
    with made(tmp_path / "a", ROW) as a, made(tmp_path / "b") as b:
        expected = f"{a.path} has proposal 1, {b.path} ends before it"
        assert difference(a, b) == expected
        assert difference(b, a) == expected
