"""Make, open, lease, write and read the file of an archive, a page at a time."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from weakref import WeakSet

from neuralopt.archive.connection import (
    ArchiveError,
    connect,
    explained,
    tidy,
    transaction,
)
from neuralopt.archive.lease import (
    HEARTBEAT_SECONDS,
    Lease,
    is_honoured,
    lease_of_this_process,
    refusal,
)
from neuralopt.archive.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    claimed_size,
    create_tables,
    has_table,
    is_blank,
    marks,
    selection,
    upgrade,
)

_writers: WeakSet[ArchiveFile] = WeakSet()
"""Of this process. A lease of ours that none of them holds was left by an error."""


class ArchiveFile:
    """A connection, the lock that lets threads share it, and the lease if it writes.

    Args:
        path: the archive's file.
        mode: ``create`` makes the file if it is missing.
        patience: seconds to wait for another process's lock.

    Raises:
        ArchiveError: from every method, if the file, its disk or its lease fails.
    """

    def __init__(
        self, path: Path, mode: Literal["create", "write", "read"], patience: float
    ) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._lease: Lease | None = None
        self._last_heartbeat = time.time()
        self._closed = False
        with explained(path):
            self._connection = connect(path, mode, patience)

    @classmethod
    def create(
        cls, path: Path, context: Mapping[str, str], patience: float
    ) -> ArchiveFile:
        """Make a file with empty tables, in one transaction: all of it or nothing.

        Args:
            path: the file to make.
            context: what the scores depend on, as text by name.
            patience: seconds to wait for another process's lock.

        Returns:
            The file, open for writing, with the lease taken.

        Raises:
            ArchiveError: there is an archive already, or none can be made.
        """
        file = cls(path, "create", patience)

        def start(connection: sqlite3.Connection) -> None:
            if not is_blank(connection):
                raise ArchiveError(
                    f"archive {path} exists already: resume that search, or choose"
                    " another run directory"
                )
            create_tables(connection)
            connection.executemany("INSERT INTO context VALUES (?, ?)", context.items())

        file._begin(start)
        return file

    @classmethod
    def open(cls, path: Path, writable: bool, patience: float) -> ArchiveFile:
        """Open an existing file; for writing, one of an older schema is upgraded.

        Args:
            path: the archive's file.
            writable: whether to take the lease.
            patience: seconds to wait for another process's lock.

        Returns:
            The open file.

        Raises:
            ArchiveError: the file is missing, damaged, something else, of a newer
                schema, or (writable) held by another process that may be alive.
        """
        file = cls(path, "write" if writable else "read", patience)

        def start(connection: sqlite3.Connection) -> None:
            file._check_marks(connection)
            if writable:
                upgrade(connection)

        file._begin(start, lease=writable)
        return file

    @property
    def writable(self) -> bool:
        """Whether this process holds the lease."""
        return self._lease is not None

    def context(self) -> Mapping[str, str]:
        """Return what was given to `create`."""
        return MappingProxyType(dict(self.page("SELECT key, value FROM context")))

    def selection(self) -> str:
        """Return the columns of a Row for SELECT, as this file has them."""
        with self.lock, explained(self.path):
            return selection(self._connection)

    def has_table(self, name: str) -> bool:
        """Return whether the file has a table of that name.

        Args:
            name: of the table; those of newer schemas are missing in older files.
        """
        with self.lock, explained(self.path):
            return has_table(self._connection, name)

    def lease(self) -> Lease | None:
        """Return the lease of the writer, None without one."""
        with self.lock, explained(self.path):
            return self._read_lease()

    def page(
        self, query: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[tuple[Any, ...]]:
        """Return all rows of a query at once, so that no lock outlives this call.

        Args:
            query: a SELECT statement.
            values: of its placeholders, by position or by name.

        Returns:
            A list with one tuple of cells for each row.
        """
        with self.lock, explained(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction of the holder of the lease; renews its heartbeat too."""
        if self._lease is None:
            raise ArchiveError(
                f"archive {self.path} is open for reading: open it with writable=True"
            )
        with self.lock:
            now = time.time()
            due = abs(now - self._last_heartbeat) >= HEARTBEAT_SECONDS
            with explained(self.path), transaction(self._connection):
                self._check_lease(self._lease)
                if due:
                    self._connection.execute("UPDATE lease SET heartbeat = ?", (now,))
                yield self._connection
            if due:
                self._last_heartbeat = now

    def heartbeat(self) -> None:
        """Renew the heartbeat, unless that was done within ten seconds."""
        with self.lock:
            if abs(time.time() - self._last_heartbeat) >= HEARTBEAT_SECONDS:
                with self.writing():
                    pass

    def close(self) -> None:
        """Give the lease back and close the file; closing twice is harmless."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            try:
                if self._lease:
                    with explained(self.path), transaction(self._connection):
                        self._check_lease(self._lease)
                        self._connection.execute("DELETE FROM lease")
                    with explained(self.path):
                        tidy(self._connection)
            finally:
                _writers.discard(self)
                self._connection.close()

    def _begin(
        self, check: Callable[[sqlite3.Connection], None], lease: bool = True
    ) -> None:
        """Run the first look at the file, take the lease; close if either fails."""
        try:
            with explained(self.path):
                with transaction(self._connection, writing=lease):
                    check(self._connection)
                    if lease:
                        self._take_lease()
                if lease:
                    _writers.add(self)
        except BaseException:
            self._connection.close()
            raise

    def _check_marks(self, connection: sqlite3.Connection) -> None:
        if is_blank(connection):
            raise ArchiveError(
                f"archive {self.path} is empty: its search was stopped before it began,"
                " start it again"
            )
        application, version = marks(connection)
        if application != APPLICATION_ID:
            raise ArchiveError(f"{self.path} is a database, but not an archive")
        if version > SCHEMA_VERSION:
            raise ArchiveError(
                f"archive {self.path} was made by a newer neuralopt (schema {version},"
                f" this one reads up to {SCHEMA_VERSION}): upgrade neuralopt"
            )
        # SQLite fills the end of a page that was cut short with zeros.
        size, claimed = self.path.stat().st_size, claimed_size(connection)
        if size < claimed:
            raise ArchiveError(
                f"archive {self.path} is damaged: {claimed - size} of its {claimed}"
                " bytes were cut off at its end, restore a copy"
            )

    def _take_lease(self) -> None:
        found, mine = self._read_lease(), lease_of_this_process(time.time())
        left_over = found is not None and (
            found.is_same_process(mine) and not self._is_open_here()
        )
        if found and not left_over and is_honoured(found, mine):
            raise ArchiveError(f"archive {self.path}: {refusal(found, mine)}")
        self._connection.execute("DELETE FROM lease")
        self._connection.execute(
            "INSERT INTO lease (host, pid, started, heartbeat) VALUES (?, ?, ?, ?)",
            (mine.host, mine.pid, mine.started, mine.heartbeat),
        )
        self._lease = mine

    def _is_open_here(self) -> bool:
        return any(w.path.resolve() == self.path.resolve() for w in _writers)

    def _check_lease(self, mine: Lease) -> None:
        found = self._read_lease()
        if found is None or not found.is_same_process(mine):
            by = f"process {found.pid} on host {found.host}" if found else "another"
            raise ArchiveError(
                f"archive {self.path} was taken over by {by} after this process gave no"
                " sign for too long: let that one continue"
            )

    def _read_lease(self) -> Lease | None:
        row = self._connection.execute(
            "SELECT host, pid, started, heartbeat FROM lease"
        ).fetchone()
        return Lease(*row) if row else None
