"""Rows of the tables <-> Proposal and Execution.

Lists are compact standard JSON. JSON has no infinities and no NaN, so inside a list
they are the strings "inf", "-inf" and "nan". In a column, SQLite stores infinities but
turns NaN into NULL, which means None here, so NaN is the text 'nan' there. Everything
else comes back with the bits it had, but for -0.0, which SQLite returns as 0.0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isfinite
from typing import Any

from neuralopt.archive.records import Execution, Proposal

COLUMNS = (
    "number, decisions, rule, canonical, status, reason, original, "
    "quality, lr, loss, accuracy, screening, curve"
)

Row = tuple[Any, ...]


def to_row(proposal: Proposal) -> Row:
    """Values in the order of COLUMNS."""
    return (
        int(proposal.number),
        _integers_text(proposal.decisions),
        proposal.rule,
        proposal.canonical,
        proposal.status,
        proposal.reason,
        None if proposal.original is None else int(proposal.original),
        _cell(proposal.quality),
        _cell(proposal.lr),
        _cell(proposal.loss),
        _cell(proposal.accuracy),
        _floats_text(proposal.screening),
        _floats_text(proposal.curve),
    )


def from_row(row: Row) -> Proposal:
    """Raises ValueError or TypeError if the row is not one that `to_row` makes."""
    number, decisions, rule, canonical, status, reason, original = row[:7]
    quality, lr, loss, accuracy, screening, curve = row[7:]
    return Proposal(
        number,
        tuple(json.loads(decisions)),
        rule,
        canonical,
        status,
        reason,
        original,
        quality,
        lr,
        float("nan") if loss == "nan" else loss,
        float("nan") if accuracy == "nan" else accuracy,
        tuple(map(float, json.loads(screening))),
        tuple(map(float, json.loads(curve))),
    )


def execution_row(execution: Execution) -> Row:
    """Values in the order of the statement NOTE."""
    return (
        int(execution.number),
        int(execution.attempt),
        execution.outcome,
        float(execution.seconds),
        execution.worker,
        float(execution.finished),
    )


def _cell(value: float | None) -> float | str | None:
    if value is None:
        return None
    number = float(value)
    return number if number == number else "nan"


def _integers_text(values: Sequence[int]) -> str:
    return f"[{','.join(map(str, map(int, values)))}]"


def _floats_text(values: Sequence[float]) -> str:
    # By hand, because json.dumps takes twice the time and a search does little else.
    text = ",".join(map(repr, map(float, values)))
    if "n" in text:  # inf or nan
        text = ",".join(
            repr(x) if isfinite(x) else f'"{x}"' for x in map(float, values)
        )
    return f"[{text}]"
