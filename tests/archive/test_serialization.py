"""Rows of the archive: values come back bit for bit, and any JSON reader reads them."""

from __future__ import annotations

import json
import sqlite3
import struct
from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralopt.archive import Proposal, VerdictRecord
from neuralopt.archive.finding_tables import verdict_from_row, verdict_row
from neuralopt.archive.schema import RECORD, create_tables, selection
from neuralopt.archive.serialization import (
    NAMES,
    from_row,
    to_row,
)
from neuralopt.scoring.score import Score

FLOATS = st.floats() | st.sampled_from([inf, -inf, nan, 5e-324, 1e308, 0.1 + 0.2])
NATURALS = st.integers(min_value=0, max_value=2**62)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def through_sqlite(proposal: Proposal) -> Proposal:
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    connection.execute(RECORD, to_row(proposal))
    query = f"SELECT {selection(connection)} FROM proposals"
    row = connection.execute(query).fetchone()
    connection.close()
    return from_row(row)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def bits(value: float | None) -> bytes | None:
    """Of the value, but one pattern for NaN and one for zero."""
    if value is None:
        return None
    return b"NaN" if value != value else struct.pack(">d", value + 0.0)


@given(
    number=NATURALS,
    decisions=st.lists(NATURALS, max_size=4),
    rule=TEXTS,
    quality=st.floats(min_value=0, max_value=1),
    lr=st.none() | st.floats(min_value=5e-324, max_value=1e308),
    loss=st.none() | FLOATS,
    accuracy=st.none() | FLOATS,
    screening=st.lists(FLOATS, max_size=8),
)
def test_every_proposal_survives_the_table(
    number, decisions, rule, quality, lr, loss, accuracy, screening
):
    score = Score(
        "scored",
        quality=quality,
        lr=lr,
        loss=loss,
        accuracy=accuracy,
        screening=tuple(screening),
        curve=tuple(reversed(screening)),
    )
    tasks = (replace(score, task=rule), Score("diverged", reason=rule, task="b"))
    combined = replace(score, tasks=tasks)
    proposal = Proposal(number, tuple(decisions), rule, rule[::-1], score=combined)
    back = through_sqlite(proposal)
    for name in ("number", "decisions", "rule", "canonical", "status", "original"):
        assert getattr(back, name) == getattr(proposal, name)
    assert back.score is not None
    for was, came in zip(
        (combined, *tasks), (back.score, *back.score.tasks), strict=True
    ):
        for name in ("status", "reason", "task"):
            assert getattr(came, name) == getattr(was, name)
        for name in ("quality", "lr", "loss", "accuracy"):
            assert bits(getattr(came, name)) == bits(getattr(was, name))
        for name in ("screening", "curve"):
            lists = getattr(was, name), getattr(came, name)
            assert list(map(bits, lists[0])) == list(map(bits, lists[1]))


@given(
    seeds=st.lists(NATURALS, min_size=1, max_size=4),
    name=TEXTS,
    loss=st.none() | FLOATS,
    quality=st.floats(min_value=0, max_value=1),
    baselines=st.booleans(),
)
def test_every_verdict_survives_the_table(seeds, name, loss, quality, baselines):
    score = Score("scored", quality, 0.1, loss, reason=name, curve=(quality, inf))
    verdict = VerdictRecord(
        task=name,
        split="selection",
        budget="smoke",
        seeds=tuple(seeds),
        scores={name: (score,) * len(seeds), name + "2": (score,) * len(seeds)},
        rules={name: "g"},
        baselines=(name,) if baselines else None,
        configuration=name,
        made=1.8e9,
    )
    row = verdict_row(verdict)
    for text in row[-4:]:
        json.loads(text, parse_constant=refuse)
    back = verdict_from_row(row)
    assert repr(back) == repr(verdict)  # nan equals nan here


@pytest.mark.parametrize(
    "text",
    [
        '{"quality":0.5}',
        '["scored"]',
        '[{"status":"done"}]',
        '[{"status":"scored","quality":"x"}]',
        '[{"status":"scored","unknown":1}]',
    ],
)
def test_scores_of_tasks_that_were_edited_are_refused(text: str):
    row = to_row(Proposal(0, (1,), "g", "g", score=Score("scored", 0.5)))
    assert row[-1] == "[]"
    with pytest.raises((TypeError, ValueError)):
        from_row((*row[:-1], text))


@pytest.mark.parametrize("values", [(inf, -inf, nan), (0.1, -0.0), ()])
def test_lists_are_standard_json(values: tuple[float, ...]):
    score = Score("rejected", screening=values)
    proposal = Proposal(0, (1, 2), "g", "g", score=score)
    row = dict(zip(NAMES, to_row(proposal), strict=True))
    assert json.loads(row["decisions"]) == [1, 2]
    read = json.loads(row["screening"], parse_constant=refuse)
    assert list(map(str, read)) == list(map(str, values))


def test_numbers_of_numpy_are_written_like_pythons_own():
    score = Score("scored", quality=0.5, lr=0.1, curve=(0.5,))
    both = replace(score, tasks=(score,))
    plain = Proposal(3, (1, 2), "g", "g", score=both)
    arrays = Score(
        "scored",
        quality=np.float32(0.5),
        lr=np.float64(0.1),
        curve=tuple(np.array([0.5], dtype=np.float32)),
    )
    found = Proposal(
        np.int64(3),
        tuple(np.array([1, 2])),
        "g",
        "g",
        score=replace(arrays, tasks=(arrays,)),
    )
    assert to_row(found) == to_row(plain)
    assert through_sqlite(found) == plain
