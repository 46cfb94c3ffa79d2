"""The tables of an archive, what is written to them, and the marks of its file.

Refuses to know what the values mean.
"""

from __future__ import annotations

import sqlite3

from neuralopt.archive.records import STATUSES
from neuralopt.archive.serialization import COLUMNS

APPLICATION_ID = 0x4E4F5054  # "NOPT"; bytes 68 to 71 of the file, seen by file(1)
SCHEMA_VERSION = 1
"""Kept as SQLite's user_version; raised whenever an older program would misread."""

_STATUS_LIST = ", ".join(f"'{status}'" for status in STATUSES)

RECORD = f"INSERT INTO proposals ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
DECIDE = """
UPDATE proposals SET status = ?, reason = ?, original = ?, quality = ?, lr = ?,
    loss = ?, accuracy = ?, screening = ?, curve = ?
WHERE number = ? AND status = 'pending'
    AND decisions = ? AND rule = ? AND canonical = ?
"""
NOTE = """
INSERT INTO executions (number, attempt, outcome, seconds, worker, finished)
VALUES (?, ?, ?, ?, ?, ?)
"""
KEEP = """
INSERT INTO checkpoints (asked, told, made, digest, state) VALUES (?, ?, ?, ?, ?)
"""
FORGET = """
DELETE FROM checkpoints
WHERE id NOT IN (SELECT id FROM checkpoints ORDER BY id DESC LIMIT ?)
"""

BEST_FIRST = "quality DESC, ifnull(loss, 'none'), ifnull(lr, 'none'), number"
"""Text sorts after every number, so a missing or NaN loss loses against any other."""

# The long columns come last: a scan that wants the canonical text or the status then
# stays off the overflow pages of long curves.
_TABLES = f"""
CREATE TABLE context (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE proposals (
    number INTEGER PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ({_STATUS_LIST})),
    quality REAL CHECK (quality BETWEEN 0.0 AND 1.0),
    lr REAL,
    loss REAL,
    accuracy REAL,
    original INTEGER,
    canonical TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    decisions TEXT NOT NULL,
    screening TEXT NOT NULL,
    curve TEXT NOT NULL
);
CREATE INDEX proposals_by_status ON proposals (status);
CREATE INDEX proposals_best ON proposals
    (quality DESC, ifnull(loss, 'none'), ifnull(lr, 'none'))
    WHERE status = 'scored';
CREATE TABLE executions (
    number INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    seconds REAL NOT NULL,
    worker TEXT NOT NULL,
    finished REAL NOT NULL,
    PRIMARY KEY (number, attempt)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
    id INTEGER PRIMARY KEY,
    asked INTEGER NOT NULL,
    told INTEGER NOT NULL,
    made REAL NOT NULL,
    digest BLOB NOT NULL,
    state BLOB NOT NULL
);
CREATE TABLE lease (
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started TEXT NOT NULL,
    heartbeat REAL NOT NULL
);
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty archive inside the transaction that is open."""
    # Not executescript: it would commit first, and a kill would leave half a schema.
    for statement in _TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether the file holds nothing, as after a kill while it was being made."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not pages or not (objects or any(marks(connection)))


def marks(connection: sqlite3.Connection) -> tuple[int, int]:
    """Application id and schema version of the file."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def claimed_size(connection: sqlite3.Connection) -> int:
    """Bytes that the file should have, by its own header."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (bytes_per_page,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(bytes_per_page)
