"""What goes into the table comes back, bit for bit, and any JSON reader can read it."""

from __future__ import annotations

import json
import sqlite3
import struct
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralopt.archive import Proposal
from neuralopt.archive.schema import RECORD, create_tables
from neuralopt.archive.serialization import COLUMNS, from_row, to_row

FLOATS = st.floats() | st.sampled_from([inf, -inf, nan, 5e-324, 1e308, 0.1 + 0.2])
NATURALS = st.integers(min_value=0, max_value=2**62)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def through_sqlite(proposal: Proposal) -> Proposal:
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    connection.execute(RECORD, to_row(proposal))
    row = connection.execute(f"SELECT {COLUMNS} FROM proposals").fetchone()
    connection.close()
    return from_row(row)


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
    proposal = Proposal(
        number,
        tuple(decisions),
        rule,
        rule[::-1],
        "scored",
        quality=quality,
        lr=lr,
        loss=loss,
        accuracy=accuracy,
        screening=tuple(screening),
        curve=tuple(reversed(screening)),
    )
    back = through_sqlite(proposal)
    for name in ("number", "decisions", "rule", "canonical", "status", "original"):
        assert getattr(back, name) == getattr(proposal, name)
    for name in ("quality", "lr", "loss", "accuracy"):
        assert bits(getattr(back, name)) == bits(getattr(proposal, name))
    for name in ("screening", "curve"):
        was, came = getattr(proposal, name), getattr(back, name)
        assert list(map(bits, was)) == list(map(bits, came))


@pytest.mark.parametrize("values", [(inf, -inf, nan), (0.1, -0.0), ()])
def test_lists_are_standard_json(values: tuple[float, ...]):
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    proposal = Proposal(0, (1, 2), "g", "g", "rejected", screening=values)
    row = dict(zip(COLUMNS.split(", "), to_row(proposal), strict=True))
    assert json.loads(row["decisions"]) == [1, 2]
    read = json.loads(row["screening"], parse_constant=refuse)
    assert list(map(str, read)) == list(map(str, values))


def test_numbers_of_numpy_are_written_like_pythons_own():
    plain = Proposal(3, (1, 2), "g", "g", "scored", quality=0.5, lr=0.1, curve=(0.5,))
    arrays = Proposal(
        np.int64(3),
        tuple(np.array([1, 2])),
        "g",
        "g",
        "scored",
        quality=np.float32(0.5),
        lr=np.float64(0.1),
        curve=tuple(np.array([0.5], dtype=np.float32)),
    )
    assert to_row(arrays) == to_row(plain)
    assert through_sqlite(arrays) == plain
