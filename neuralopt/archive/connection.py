"""Open an archive's file, and explain SQLite's errors.

Durability: a rollback journal, because a write-ahead log needs shared memory and is
lost on network disks. Of its modes TRUNCATE: with synchronous=FULL the emptied journal
is itself synced, so that a commit survives a power cut. DELETE needs another sync of
the directory (EXTRA), and unlinking an open file is what network disks do worst.
PERSIST is not faster here and leaves a file that looks like an interrupted
transaction. See https://sqlite.org/pragma.html#pragma_synchronous.

Some shared disks have no file locks. There only the lease keeps a second writer out,
and readers look without touching: one that found the journal of a running transaction
would take it for that of a dead writer, and undo it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

BUSY_SECONDS = 30.0
"""How long to wait for a reader or another writer before giving up."""

_READER = ("query_only = ON",)
_WRITER = (
    "journal_mode = TRUNCATE",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: through the disk's own cache
    "secure_delete = OFF",  # some builds overwrite what is deleted
    "cache_size = -65536",  # KiB; the index of the best is written all over
)


class ArchiveError(RuntimeError):
    """An archive can't be made, opened, read or written; one line says what to do."""


def connect(
    path: Path, mode: Literal["create", "write", "read"], patience: float
) -> sqlite3.Connection:
    """Return a connection in autocommit mode; transactions are begun by hand.

    Args:
        path: of the file.
        mode: ``create`` makes the file if it is missing.
        patience: seconds to wait for another process's lock.

    Returns:
        The connection, which threads may share under a lock of the caller's.

    Raises:
        sqlite3.Error: the file can't be opened.
    """
    # Readers open for writing where they may: after a kill the next one to open the
    # file, whoever it is, has to roll the interrupted transaction back.
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    how = {"create": "rwc", "write": "rw", "read": "rw" if writable else "ro"}[mode]
    if writable and not _has_locks(path.parent):
        how += "&vfs=unix-none"
        if mode == "read":
            how = "ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={how}",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,  # the archive holds a lock of its own
    )
    try:
        for setting in _READER if mode == "read" else _WRITER:
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _has_locks(directory: Path) -> bool:
    """Whether files there can be locked; tested on a temporary file.

    Closing any handle of an archive would drop all locks that SQLite holds on it.
    """
    try:
        import fcntl
    except ImportError:  # not a system of POSIX
        return True
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
    return True


@contextmanager
def transaction(connection: sqlite3.Connection, writing: bool = True) -> Iterator[None]:
    """Keep all of the block's writes or none, without another writer in between.

    Args:
        connection: in autocommit mode.
        writing: False only makes all reads of the block see the same moment.

    Yields:
        Nothing; the transaction is open while the block runs.
    """
    connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors have rolled back by themselves
            connection.execute("ROLLBACK")
        raise


def tidy(connection: sqlite3.Connection) -> None:
    """Remove the empty journal file that TRUNCATE leaves, if there is no reader.

    Args:
        connection: the writer's, outside a transaction.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into an ArchiveError that says what to do.

    Args:
        path: the archive's file, for the message.

    Yields:
        Nothing; errors of the block are translated.

    Raises:
        ArchiveError: the block raised an sqlite3.Error.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise ArchiveError(f"archive {path}: {_explanation(path, error)}") from error


def _explanation(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", -1) & 0xFF  # the primary code
    if code == sqlite3.SQLITE_FULL:
        return (
            "no space is left on its disk; nothing of this write was kept and nothing"
            " older was lost: free some space and resume"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "locked by another process: end the program that has it open, and retry"
    if code == sqlite3.SQLITE_CORRUPT:
        return (
            f"the file is damaged or cut short ({error}): restore a copy, or salvage"
            f" what is left with: sqlite3 {path.name} .recover"
        )
    if code == sqlite3.SQLITE_NOTADB:
        return "not an archive: the file is damaged, or was not made by a search"
    if code == sqlite3.SQLITE_READONLY:
        return (
            f"can't be written ({error}): give yourself write permission to the file"
            " and its directory, or copy the directory elsewhere"
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return _cannot_open(path)
    if code == sqlite3.SQLITE_IOERR:
        return f"its disk failed ({error}): check the disk and resume"
    if "closed database" in str(error):
        return "already closed: open it again"
    return str(error)


def _cannot_open(path: Path) -> str:
    # os.access answers where Path's own questions raise for want of permission.
    if os.access(f"{path}/.", os.F_OK):
        return "is a directory: name a run directory, or the file in it"
    if not os.access(path.parent, os.F_OK):
        return "its directory does not exist: make it, or name another"
    if not os.access(path, os.F_OK):
        return "no such file, and none can be made: check its name and directory"
    return "can't be opened: you need write permission to the file and its directory"
