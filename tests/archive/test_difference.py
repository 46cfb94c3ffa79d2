"""Two archives are identical when every column of every proposal is."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from neuralopt.archive import (
    Archive,
    BehaviourRecord,
    Execution,
    Place,
    Proposal,
    PruningRecord,
    Replicate,
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


FINDINGS = (
    Replicate(0, 500, Score("scored", 0.5, loss=nan)),
    Place(0, 0.5, 0.25, 0.75, 3),
    BehaviourRecord(0, "adam", 0.5, True, ("sign",), 0),
    PruningRecord(0, "g", 0.01, 0.0, -0.01, 5),
)


def with_findings(path: Path, *findings: object) -> Archive:
    with Archive.create(path, {}) as archive:
        archive.record([Proposal(0, (1,), "m", "m")])
        archive.commit([Proposal(0, (1,), "m", "m", score=Score("scored", 0.5))])
        for finding in findings:
            match finding:
                case Replicate():
                    archive.save_replicates([finding])
                case Place():
                    archive.save_shortlist([finding])
                case BehaviourRecord():
                    archive.save_behaviours([finding])
                case PruningRecord():
                    archive.save_prunings([finding])
    return Archive.open(path)


@pytest.mark.parametrize(
    ("place", "column", "value"),
    [
        (0, "replicate", 501),
        (0, "score", Score("scored", 0.5)),
        (1, "mean", 0.5 + 2**-52),
        (1, "low", 0.26),
        (1, "high", 0.76),
        (1, "replicates", 4),
        (1, "member", False),
        (2, "nearest", "sgd"),
        (2, "similarity", 0.6),
        (2, "equal", False),
        (2, "families", ()),
        (3, "rule", "m"),
        (3, "margin", 0.02),
        (3, "difference", 1e-9),
        (3, "low", -0.02),
        (3, "replicates", 6),
    ],
)
def test_the_smallest_difference_in_a_finding_is_named(
    tmp_path: Path, place: int, column: str, value: object
):
    other = list(FINDINGS)
    other[place] = replace(FINDINGS[place], **{column: value})  # type: ignore[arg-type]
    with (
        with_findings(tmp_path / "a", *FINDINGS) as a,
        with_findings(tmp_path / "b", *other) as b,
        with_findings(tmp_path / "c", *FINDINGS) as c,
    ):
        assert difference(a, c) is None
        found = difference(a, b)
        assert found is not None
        assert (f": {column} " in found) or column == "replicate"
        assert "of proposal 0" in found


@pytest.mark.parametrize("place", range(4))
def test_a_missing_finding_is_named(tmp_path: Path, place: int):
    others = FINDINGS[:place] + FINDINGS[place + 1 :]
    with (
        with_findings(tmp_path / "a", *FINDINGS) as a,
        with_findings(tmp_path / "b", *others) as b,
    ):
        for found in (difference(a, b), difference(b, a)):
            assert found is not None
            assert found.startswith(f"{a.path} has the ")
            assert found.endswith(f"{b.path} has none")
