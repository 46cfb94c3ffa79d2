"""Define the tables of what is known about proposals besides their scores.

Verdicts have rows of their own; the other tables hold one record a row, a column for
each of its attributes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neuralopt.archive.records import (
    BehaviourRecord,
    OriginRecord,
    Place,
    PruningRecord,
    Replicate,
    VerdictRecord,
)
from neuralopt.archive.serialization import (
    INTEGER,
    KEY,
    Column,
    Kind,
    Row,
    compact,
    integers,
    integers_text,
    json_object,
    plain,
    score_of,
)
from neuralopt.scoring.score import Score

Finding = OriginRecord | Replicate | Place | BehaviourRecord | PruningRecord


@dataclass(frozen=True, slots=True)
class FindingTable:
    """A table of findings.

    Attributes:
        name: of the table.
        what: one row of it, for messages.
        record: the type of a row.
        key: columns that identify a row; the first is the proposal's number.
        columns: all columns, in the order of the record's attributes.
    """

    name: str
    what: str
    record: type[Finding]
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> str:
        """The columns for SQL, in order."""
        return ", ".join(column.name for column in self.columns)

    @property
    def create(self) -> str:
        """The statement that makes the table."""
        declared = ", ".join(f"{c.name} {c.kind.declaration}" for c in self.columns)
        if self.columns[0].kind is KEY:  # appended to faster, and a little smaller
            return f"CREATE TABLE {self.name} ({declared})"
        key = ", ".join(self.key)
        return (
            f"CREATE TABLE {self.name} ({declared}, PRIMARY KEY ({key})) WITHOUT ROWID"
        )

    @property
    def insert(self) -> str:
        """The statement that adds a row, and leaves one of the same key alone."""
        marks = ", ".join("?" * len(self.columns))
        return (
            f"INSERT INTO {self.name} ({self.names}) VALUES ({marks})"
            " ON CONFLICT DO NOTHING"
        )

    @property
    def select_one(self) -> str:
        """The query of the row of one key."""
        where = " AND ".join(f"{name} = ?" for name in self.key)
        return f"SELECT {self.names} FROM {self.name} WHERE {where}"

    def row(self, finding: Finding) -> Row:
        """Return the cells of a record.

        Args:
            finding: of this table's type.

        Returns:
            One cell for each column.
        """
        return tuple([c.kind.write(getattr(finding, c.name)) for c in self.columns])

    def finding(self, row: Row) -> Finding:
        """Return the record that a row holds.

        Args:
            row: one cell for each column.

        Returns:
            The record that `row` was given.

        Raises:
            ValueError: the row is damaged.
            TypeError: as ValueError.
        """
        cells = zip(self.columns, row, strict=True)
        return self.record(*(column.kind.read(cell) for column, cell in cells))


def _whole(cell: Any) -> int:
    if not isinstance(cell, int):
        raise TypeError(f"{cell!r} is not a whole number")
    return cell


def _real(cell: Any) -> float:
    if not isinstance(cell, float):
        raise TypeError(f"{cell!r} is not a number")
    return cell


def _words(text: str) -> tuple[str, ...]:
    found = json.loads(text)
    if not isinstance(found, list):
        raise TypeError(f"{text[:40]} is not a list")
    return tuple(map(str, found))


def _text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError(f"{cell!r} is not text")
    return cell


def _words_text(words: Sequence[str]) -> str:
    return compact(list(map(str, words)))


def _score_text(score: Score) -> str:
    return compact(plain(score))


def _score(text: str) -> Score:
    return score_of(json.loads(text))


WHOLE = Kind("INTEGER NOT NULL", "0", int, _whole)
REAL = Kind("REAL NOT NULL", "0.0", float, _real)
TEXT = Kind("TEXT NOT NULL", "''", str, _text)
FLAG = Kind("INTEGER NOT NULL", "0", int, lambda cell: bool(_whole(cell)))
WORDS = Kind("TEXT NOT NULL", "'[]'", _words_text, _words)
SCORE = Kind("TEXT NOT NULL", "'{}'", _score_text, _score)

ORIGINS = FindingTable(
    "origins",
    "origin",
    OriginRecord,
    ("number",),
    (
        Column("number", KEY),
        Column("kind", TEXT),
        Column("parent", INTEGER),
        Column("mate", INTEGER),
    ),
)
REPLICATES = FindingTable(
    "replicates",
    "replicate",
    Replicate,
    ("number", "replicate"),
    (Column("number", WHOLE), Column("replicate", WHOLE), Column("score", SCORE)),
)
SHORTLIST = FindingTable(
    "shortlist",
    "measured place",
    Place,
    ("number",),
    (
        Column("number", WHOLE),
        Column("mean", REAL),
        Column("low", REAL),
        Column("high", REAL),
        Column("replicates", WHOLE),
        Column("member", FLAG),
    ),
)
BEHAVIOURS = FindingTable(
    "behaviours",
    "behaviour",
    BehaviourRecord,
    ("number",),
    (
        Column("number", WHOLE),
        Column("nearest", TEXT),
        Column("similarity", REAL),
        Column("equal", FLAG),
        Column("families", WORDS),
        Column("leader", WHOLE),
    ),
)
PRUNINGS = FindingTable(
    "prunings",
    "pruning",
    PruningRecord,
    ("number",),
    (
        Column("number", WHOLE),
        Column("rule", TEXT),
        Column("margin", REAL),
        Column("difference", REAL),
        Column("low", REAL),
        Column("replicates", WHOLE),
    ),
)
FINDINGS = (ORIGINS, REPLICATES, SHORTLIST, BEHAVIOURS, PRUNINGS)

VERDICT_NAMES = (
    "made, configuration, task, split, budget, seeds, baselines, rules, scores"
)
JUDGE = f"INSERT INTO verdicts ({VERDICT_NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def verdict_row(verdict: VerdictRecord) -> Row:
    """Return the cells of a verdict, in the order of the statement JUDGE.

    Args:
        verdict: scores on one split of one task.

    Returns:
        One cell for each placeholder of JUDGE.
    """
    return (
        float(verdict.made),
        verdict.configuration,
        verdict.task,
        verdict.split,
        verdict.budget,
        integers_text(verdict.seeds),
        compact(verdict.baselines),
        compact(dict(verdict.rules)),
        compact({k: list(map(plain, row)) for k, row in verdict.scores.items()}),
    )


def verdict_from_row(row: Row) -> VerdictRecord:
    """Return the verdict that a row holds.

    Args:
        row: cells in the order of `VERDICT_NAMES`.

    Returns:
        The verdict that `verdict_row` was given.

    Raises:
        ValueError: the row is damaged.
        TypeError: as ValueError.
    """
    made, configuration, task, split, budget, seeds, baselines, rules, scores = row
    known = json.loads(baselines)
    return VerdictRecord(
        task,
        split,
        budget,
        integers(seeds),
        {
            name: tuple(map(score_of, kept))
            for name, kept in json_object(scores).items()
        },
        json_object(rules),
        None if known is None else tuple(known),
        configuration,
        made,
    )
