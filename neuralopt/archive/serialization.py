"""Convert records to rows of the tables and back.

Lists are compact standard JSON. JSON has no infinities and no NaN, so inside a list
they are the strings "inf", "-inf" and "nan". In a column, SQLite stores infinities but
turns NaN into NULL, which means None here, so NaN is the text 'nan' there. Everything
else comes back with the bits it had, except -0.0, which SQLite returns as 0.0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from neuralopt.archive.records import Execution, Proposal
from neuralopt.scoring.score import STATUSES, Score

Row = tuple[Any, ...]
Cell = int | float | str | None


@dataclass(frozen=True, slots=True)
class Kind:
    """How one type of value is stored.

    Attributes:
        declaration: of its columns, in SQL.
        missing: what a column that an older archive lacks holds, in SQL.
        write: from the value to the cell.
        read: from the cell to the value; ValueError or TypeError if it is damaged.
    """

    declaration: str
    missing: str
    write: Callable[[Any], Cell]
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table of proposals.

    Attributes:
        name: of the column, and of the attribute it holds.
        kind: how its values are stored.
    """

    name: str
    kind: Kind


def number_cell(value: float | None) -> float | str | None:
    if value is None:
        return None
    number = float(value)
    return number if number == number else "nan"


def _number(cell: float | str | None) -> float | None:
    return float("nan") if cell == "nan" else cell  # type: ignore[return-value]


def integers_text(values: Sequence[int]) -> str:
    return f"[{','.join(map(str, map(int, values)))}]"


def integers(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))


def _floats_text(values: Sequence[float]) -> str:
    # By hand, because json.dumps takes twice the time and a search does little else.
    text = ",".join(map(repr, map(float, values)))
    if "n" in text:  # inf or nan
        text = ",".join(
            repr(x) if isfinite(x) else f'"{x}"' for x in map(float, values)
        )
    return f"[{text}]"


def _floats(text: str) -> tuple[float, ...]:
    return tuple(map(float, json.loads(text)))


def _scores_text(scores: Sequence[Score]) -> str:
    return compact([plain(score) for score in scores]) if scores else "[]"


def _scores(text: str) -> tuple[Score, ...]:
    return () if text == "[]" else tuple(map(score_of, json.loads(text)))


def _integer_cell(value: int | None) -> int | None:
    return None if value is None else int(value)


def _same(value: Any) -> Any:
    return value


KEY = Kind("INTEGER PRIMARY KEY", "NULL", int, _same)
TEXT = Kind("TEXT NOT NULL", "''", _same, _same)
STATUS = Kind(
    f"TEXT NOT NULL CHECK (status IN ({', '.join(map(repr, STATUSES))}))",
    "'pending'",
    _same,
    _same,
)
INTEGER = Kind("INTEGER", "NULL", _integer_cell, _same)
QUALITY = Kind("REAL CHECK (quality BETWEEN 0.0 AND 1.0)", "NULL", number_cell, _number)
NUMBER = Kind("REAL", "NULL", number_cell, _number)
INTEGERS = Kind("TEXT NOT NULL DEFAULT '[]'", "'[]'", integers_text, integers)
NUMBERS = Kind("TEXT NOT NULL DEFAULT '[]'", "'[]'", _floats_text, _floats)
SCORES = Kind("TEXT NOT NULL DEFAULT '[]'", "'[]'", _scores_text, _scores)

ASKED = (
    Column("number", KEY),
    Column("decisions", INTEGERS),
    Column("rule", TEXT),
    Column("canonical", TEXT),
)
"""What a searcher asked for: it is recorded once and never changes."""

DECIDED = (
    Column("status", STATUS),
    Column("reason", TEXT),
    Column("original", INTEGER),
    Column("quality", QUALITY),
)
"""What follows from the score, or from its absence."""

# The long columns come last: a scan that wants the canonical text or the status then
# stays off the overflow pages of long curves.
MEASURED = (
    Column("lr", NUMBER),
    Column("loss", NUMBER),
    Column("accuracy", NUMBER),
    Column("screening", NUMBERS),
    Column("curve", NUMBERS),
    Column("tasks", SCORES),
)
"""Fields of the score. To store another one, add it to `Score` and here; archives of
this schema that lack the column get it when they are next opened for writing."""

COLUMNS = (*ASKED, *DECIDED, *MEASURED)
NAMES = tuple(column.name for column in COLUMNS)
"""The columns of a Row, in its order."""

_NOTHING = Score("pending")
_HEAD = len(ASKED) + len(DECIDED)


def to_row(proposal: Proposal) -> Row:
    """Return the cells of a proposal, in the order of NAMES.

    Args:
        proposal: of any status.

    Returns:
        One cell a column; where it has no score, those of an empty one.
    """
    head = [write(getattr(proposal, name)) for name, write in _WRITE_HEAD]
    if proposal.score is None:
        return (*head, *_NOTHING_MEASURED)
    return (*head, *_measured_cells(proposal.score))


def _measured_cells(score: Score) -> list[Cell]:
    return [write(getattr(score, name)) for name, write in _WRITE_MEASURED]


_WRITE_HEAD = [(column.name, column.kind.write) for column in (*ASKED, *DECIDED)]
_WRITE_MEASURED = [(column.name, column.kind.write) for column in MEASURED]
_NOTHING_MEASURED = _measured_cells(_NOTHING)


def from_row(row: Row) -> Proposal:
    """Return the proposal that a row holds.

    Args:
        row: cells in the order of NAMES.

    Returns:
        The proposal that `to_row` was given.

    Raises:
        ValueError: the row is not one that `to_row` makes.
        TypeError: as ValueError.
    """
    number, decisions, rule, canonical, status, reason, original, quality = row[:_HEAD]
    if status not in STATUSES:
        raise ValueError(f"unknown status {status!r}, not one of: {' '.join(STATUSES)}")
    if (status == "duplicate") != (original is not None):
        raise ValueError(f"original is {original!r}, status {status}")
    score = None
    if status not in ("pending", "duplicate"):
        if status in ("scored", "stopped") and quality is None:
            raise ValueError(f"a {status} proposal needs its quality")
        measured = {
            column.name: column.kind.read(cell)
            for column, cell in zip(MEASURED, row[_HEAD:], strict=True)
        }
        score = Score(status, quality or 0.0, reason=reason, **measured)
    return Proposal(number, integers(decisions), rule, canonical, original, score)


def flat(proposal: Proposal) -> dict[str, Any]:
    """Return a proposal as one flat dictionary, by the names of the columns.

    Args:
        proposal: of any status; where it has no score, the score's fields are those of
            an empty one.

    Returns:
        Values as in the proposal and its score; `tasks` is a tuple of dictionaries.
    """
    score = proposal.score or _NOTHING
    values = {c.name: getattr(proposal, c.name) for c in (*ASKED, *DECIDED)}
    values |= {c.name: getattr(score, c.name) for c in MEASURED}
    values["tasks"] = tuple(
        {field.name: getattr(task, field.name) for field in fields(Score)}
        for task in score.tasks
    )
    return values


def execution_row(execution: Execution) -> Row:
    """Return the cells of an execution, in the order of the statement NOTE.

    Args:
        execution: one attempt to score a proposal.

    Returns:
        One cell for each placeholder of NOTE.
    """
    return (
        int(execution.number),
        int(execution.attempt),
        execution.outcome,
        float(execution.seconds),
        execution.worker,
        float(execution.finished),
    )


def compact(value: object) -> str:
    """Return a value as JSON without spaces.

    Args:
        value: of plain types.

    Returns:
        The text.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_object(text: str) -> dict[str, Any]:
    """Return the JSON object that a text holds.

    Args:
        text: of a cell.

    Returns:
        The object as a dictionary.

    Raises:
        ValueError: the text is not JSON.
        TypeError: the text is JSON of something else.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"{text[:40]} is not a JSON object")
    return found


def plain(value: object) -> object:
    """Return a score, or a value of its fields, as what JSON can hold.

    Args:
        value: a score, or text, a number, None or a tuple of these.

    Returns:
        Plain types; fields at their default are left out, and numbers of numpy become
        Python's own.
    """
    if isinstance(value, Score):
        found = ((f.name, f.default, getattr(value, f.name)) for f in fields(Score))
        return {name: plain(kept) for name, default, kept in found if kept != default}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]  # what is left is a number
    return number if isfinite(number) else str(number)


_WORDS = ("status", "reason", "task")


def score_of(kept: object) -> Score:
    """Return the score that `plain` wrote.

    Args:
        kept: what JSON gave back.

    Returns:
        The score.

    Raises:
        ValueError: it is damaged.
        TypeError: as ValueError.
    """
    if not isinstance(kept, dict):
        raise TypeError(f"{str(kept)[:40]} is not a score")
    values: dict[str, Any] = {}
    for name, value in kept.items():
        if name in _WORDS:
            values[name] = str(value)
        elif name == "tasks":
            values[name] = tuple(map(score_of, value))
        elif isinstance(value, list):
            values[name] = tuple(map(float, value))
        else:
            values[name] = None if value is None else float(value)
    if values.get("status") not in STATUSES:
        raise ValueError(f"unknown status {values.get('status')!r}")
    return Score(**values)
