"""Define an archive's tables, the statements that write them, and the file's marks."""

from __future__ import annotations

import sqlite3

from neuralopt.archive.finding_tables import FINDINGS
from neuralopt.archive.serialization import ASKED, COLUMNS, DECIDED, MEASURED, NAMES

APPLICATION_ID = 0x4E4F5054  # "NOPT"; bytes 68 to 71 of the file, seen by file(1)
SCHEMA_VERSION = 3
"""Kept as SQLite's user_version; raised whenever an older program would misread.

1: the first. 2: scores of tasks, and verdicts. 3: the status ``stopped``, and tables of
findings: replicates, shortlist, behaviours, prunings. A table that an older program
would only leave empty, as that of origins, needs no new version.
"""

RECORD = f"""
INSERT INTO proposals ({", ".join(NAMES)}) VALUES ({", ".join("?" * len(NAMES))})
"""
DECIDE = f"""
UPDATE proposals SET {", ".join(f"{c.name} = ?" for c in (*DECIDED, *MEASURED))}
WHERE status = 'pending' AND {" AND ".join(f"{c.name} = ?" for c in ASKED)}
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

_DECLARED = {c.name: f"{c.name} {c.kind.declaration}" for c in COLUMNS}
_VERDICTS = """
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    made REAL NOT NULL,
    configuration TEXT NOT NULL,
    task TEXT NOT NULL,
    split TEXT NOT NULL,
    budget TEXT NOT NULL,
    seeds TEXT NOT NULL,
    baselines TEXT NOT NULL,
    rules TEXT NOT NULL,
    scores TEXT NOT NULL
)
"""
_INDICES = """
CREATE INDEX proposals_by_status ON proposals (status);
CREATE INDEX proposals_best ON proposals
    (quality DESC, ifnull(loss, 'none'), ifnull(lr, 'none'))
    WHERE status = 'scored'
"""
_TABLES = f"""
CREATE TABLE context (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE proposals ({", ".join(_DECLARED.values())});
{_INDICES.strip()};
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
{_VERDICTS.strip()};
{";".join(f"{chr(10)}{table.create}" for table in FINDINGS).strip()}
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty archive inside the transaction that is open.

    Args:
        connection: with an open transaction, to a blank file.
    """
    # Not executescript: it would commit first, and a kill would leave half a schema.
    for statement in _TABLES.split(";\n"):
        connection.execute(statement.strip())
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def upgrade(connection: sqlite3.Connection) -> None:
    """Give an older archive what it lacks, inside the transaction that is open.

    Args:
        connection: with an open transaction, to an archive of this schema or an older
            one.
    """
    tables = {"verdicts": _VERDICTS} | {t.name: t.create for t in FINDINGS}
    for name, create in tables.items():
        if not has_table(connection, name):
            connection.execute(create)
    if marks(connection)[1] < SCHEMA_VERSION:
        _rebuild_proposals(connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    for name in _DECLARED.keys() - columns(connection):
        connection.execute(f"ALTER TABLE proposals ADD COLUMN {_DECLARED[name]}")


def _rebuild_proposals(connection: sqlite3.Connection) -> None:
    """Give the proposals the declarations of this schema.

    SQLite can't change a CHECK, of which that of the status lists what it may be.
    See https://sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
    """
    declared = ", ".join(_DECLARED.values())
    connection.execute(f"CREATE TABLE rebuilt_proposals ({declared})")
    connection.execute(
        f"INSERT INTO rebuilt_proposals ({', '.join(NAMES)})"
        f" SELECT {selection(connection)} FROM proposals"
    )
    connection.execute("DROP TABLE proposals")  # and its indices
    connection.execute("ALTER TABLE rebuilt_proposals RENAME TO proposals")
    for statement in _INDICES.split(";\n"):
        connection.execute(statement.strip())


def columns(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the columns that the file's proposals have.

    Args:
        connection: to the archive.

    Returns:
        The names, as a set.
    """
    found = connection.execute("SELECT name FROM pragma_table_info('proposals')")
    return {name for (name,) in found}


def selection(connection: sqlite3.Connection) -> str:
    """Return the columns of a Row for SELECT, with values for those that are missing.

    A file of an older schema is not changed by reading it.

    Args:
        connection: to the archive.

    Returns:
        SQL text, in the order of `serialization.COLUMNS`.
    """
    present = columns(connection)
    return ", ".join(
        c.name if c.name in present else f"{c.kind.missing} AS {c.name}"
        for c in COLUMNS
    )


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether the file has a table.

    Args:
        connection: to the archive.
        name: of the table.

    Returns:
        False for a table that came with a newer schema than the file's.
    """
    query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
    return bool(connection.execute(query, (name,)).fetchone()[0])


def is_blank(connection: sqlite3.Connection) -> bool:
    """Return whether the file is empty, as after a kill while it was being made.

    Args:
        connection: to the file.

    Returns:
        True if it has no pages, or neither tables nor marks.
    """
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not pages or not (objects or any(marks(connection)))


def marks(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the application id and the schema version of the file.

    Args:
        connection: to the file.

    Returns:
        (application id, schema version), each 0 where it was never set.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def claimed_size(connection: sqlite3.Connection) -> int:
    """Return the bytes that the file should have, by its own header.

    Args:
        connection: to the file.

    Returns:
        Pages times bytes per page.
    """
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (bytes_per_page,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(bytes_per_page)
