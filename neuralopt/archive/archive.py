"""The Archive: one search's record, written by one process and read by any number.

Refuses to know where a score comes from and what a checkpoint holds.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, TracebackType

from neuralopt.archive.connection import BUSY_SECONDS, ArchiveError
from neuralopt.archive.database import ArchiveFile
from neuralopt.archive.lease import Lease
from neuralopt.archive.records import STATUSES, Checkpoint, Execution, Proposal
from neuralopt.archive.schema import BEST_FIRST, DECIDE, FORGET, KEEP, NOTE, RECORD
from neuralopt.archive.serialization import (
    COLUMNS,
    Row,
    execution_row,
    from_row,
    to_row,
)

PAGE_ROWS = 1024
"""Rows read at a time: between two pages a reader holds no lock against the writer."""

CHECKPOINTS_KEPT = 2

_END = 2**63 - 1  # larger than any number of a proposal


class _Refused(Exception):
    """A commit met a proposal that it may not touch."""


class Archive:
    """Every proposal of one search, with its score, executions and checkpoints.

    Made by `create` and `open`, closed by `close` or a `with` block. Every writing
    method is one transaction: when it returns the disk has it, when it raises nothing
    happened. Methods may be called from any thread. All raise ArchiveError when the
    file, its disk or its lease fails them, and when a write would break the record.
    """

    def __init__(self, file: ArchiveFile) -> None:
        self._file = file
        self._known: dict[str, int] = {}
        try:
            self._context = file.context()
            if file.writable:
                self._known = dict(
                    file.page(
                        "SELECT canonical, number FROM proposals"
                        " WHERE status <> 'duplicate' AND canonical <> ''"
                        " ORDER BY number"
                    )
                )
        except BaseException:
            file.close()
            raise

    @classmethod
    def create(
        cls,
        path: str | Path,
        context: Mapping[str, str],
        *,
        patience: float = BUSY_SECONDS,
    ) -> Archive:
        """Make a new archive and hold it for writing.

        path: a file that does not exist, in a directory that does. context: what the
        scores depend on (language version, space, task and hash of its data, budget,
        searcher, seed, engine family, configuration), as text; it never changes.
        Raises ArchiveError if there is an archive already, or none can be made.
        """
        return cls(ArchiveFile.create(Path(path), context, patience))

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        writable: bool = False,
        patience: float = BUSY_SECONDS,
    ) -> Archive:
        """Open an existing archive, to read it or, as its only writer, to continue it.

        A writer reads all canonical texts once: some seconds for a million rules.
        patience: seconds to wait for other processes' locks, here and in every method.
        Raises ArchiveError if the file is missing, damaged, something else, of a newer
        schema, or (writable) held by another process that may be alive.
        """
        return cls(ArchiveFile.open(Path(path), writable, patience))

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def context(self) -> Mapping[str, str]:
        """What the scores depend on, as given to `create`."""
        return self._context

    @property
    def known(self) -> Mapping[str, int]:
        """Canonical text -> number of the last proposal of it that is no duplicate.

        Writers only: it is kept in memory, and never changed from outside.
        """
        if not self._file.writable:
            raise ArchiveError(f"archive {self.path} is open for reading: use find()")
        return MappingProxyType(self._known)

    def record(self, proposals: Sequence[Proposal]) -> None:
        """Add proposals that continue the numbering without a gap, all or none."""
        rows = list(map(to_row, proposals))
        if not rows:
            return
        with self._file.lock:
            with self._file.writing() as connection:
                for number, row in enumerate(rows, len(self)):
                    if row[0] != number:
                        raise ArchiveError(
                            f"archive {self.path}: the next proposal to record is"
                            f" {number}, not {row[0]}"
                        )
                connection.executemany(RECORD, rows)
            for proposal in proposals:
                if proposal.canonical and proposal.status != "duplicate":
                    self._known[proposal.canonical] = proposal.number

    def commit(
        self, updates: Sequence[Proposal], executions: Sequence[Execution] = ()
    ) -> None:
        """Decide pending proposals and note executions, all or none.

        An attempt that failed and will be retried is an execution without an update:
        its proposal stays pending until decided. Raises ArchiveError, and writes
        nothing, if a proposal is unknown, decided already or recorded with another
        rule, if an update says pending or duplicate (a duplicate is recorded as one),
        or if an execution is of an unknown proposal or was noted before.
        """
        rows = [self._decision(proposal) for proposal in updates]
        notes = list(map(execution_row, executions))
        if not rows and not notes:
            return
        try:
            with self._file.lock, self._file.writing() as connection:
                if rows and connection.executemany(DECIDE, rows).rowcount != len(rows):
                    raise _Refused
                if notes and not 0 <= min(notes)[0] <= max(notes)[0] < len(self):
                    raise _Refused
                try:
                    connection.executemany(NOTE, notes)
                except sqlite3.IntegrityError:
                    raise _Refused from None
        except _Refused:
            raise ArchiveError(
                f"archive {self.path}: {self._objection(rows, notes)}"
            ) from None

    def save_checkpoint(self, asked: int, told: int, state: bytes) -> None:
        """Keep a searcher's state; only the newest two are kept.

        asked, told: how many proposals the searcher had been asked for and told. All
        asked must be recorded and all told decided, otherwise a resumed search could
        not replay what follows: ArchiveError.
        """
        kept = (int(asked), int(told), time.time(), sha256(state).digest(), state)
        with self._file.writing() as connection:
            if not 0 <= told <= asked <= len(self):
                raise ArchiveError(
                    f"archive {self.path}: a checkpoint after {asked} asked and {told}"
                    f" told does not fit its {len(self)} proposals"
                )
            pending = next(self.rows("pending", stop=told), None)
            if pending:
                raise ArchiveError(
                    f"archive {self.path}: a checkpoint after {told} told, but proposal"
                    f" {pending[0]} is pending: commit before telling"
                )
            connection.execute(KEEP, kept)
            connection.execute(FORGET, (CHECKPOINTS_KEPT,))

    def heartbeat(self) -> None:
        """Show that this writer lives; needed when nothing is committed for a minute.

        Writes at most every ten seconds, so it may be called as often as one likes.
        Raises ArchiveError if another process has taken the archive over meanwhile.
        """
        self._file.heartbeat()

    def __len__(self) -> int:
        """The number of proposals, which is the number of the next one."""
        query = "SELECT ifnull(max(number), -1) + 1 FROM proposals"
        return int(self._file.page(query)[0][0])

    def __bool__(self) -> bool:
        """True, so that `if archive` asks for its presence and not for its length."""
        return True

    def proposal(self, number: int) -> Proposal:
        """The proposal of that number, or ArchiveError if there is none."""
        for row in self.rows(start=number, stop=number + 1):
            return self._proposal(row)
        raise ArchiveError(
            f"archive {self.path} has no proposal {number}: it holds {len(self)},"
            " numbered from 0"
        )

    def proposals(
        self, status: str | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[Proposal]:
        """Proposals with start <= number < stop, in order, read as they are needed.

        status: only those, all by default. What is added or decided meanwhile may be
        seen or not.
        """
        return map(self._proposal, self.rows(status, start, stop))

    def rows(
        self, status: str | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[Row]:
        """As `proposals`, but the bare columns, as they are on disk."""
        if status is not None and status not in STATUSES:
            raise ArchiveError(
                f"unknown status {status!r}, give one of: {' '.join(STATUSES)}"
            )
        wanted = "" if status is None else "AND status = :status"
        query = (
            f"SELECT {COLUMNS} FROM proposals WHERE number >= :start"
            f" AND number < :stop {wanted} ORDER BY number LIMIT {PAGE_ROWS}"
        )
        values: dict[str, object] = {
            "status": status,
            "stop": _END if stop is None else stop,
        }
        return self._pages(query, values, start)

    def best(self, count: int) -> list[Proposal]:
        """The best scored: highest quality, then loss, learning rate, number lowest."""
        query = (
            f"SELECT {COLUMNS} FROM proposals INDEXED BY proposals_best"
            f" WHERE status = 'scored' ORDER BY {BEST_FIRST} LIMIT ?"
        )
        return list(map(self._proposal, self._file.page(query, (max(count, 0),))))

    def find(self, canonical: str) -> Proposal | None:
        """The last proposal of this canonical text that is no duplicate.

        Immediate for a writer; for a reader it takes a pass over the whole file.
        """
        if self._file.writable:
            number = self._known.get(canonical)
            return None if number is None else self.proposal(number)
        rows = self._file.page(
            f"SELECT {COLUMNS} FROM proposals WHERE canonical = ? AND canonical <> ''"
            " AND status <> 'duplicate' ORDER BY number DESC LIMIT 1",
            (canonical,),
        )
        return self._proposal(rows[0]) if rows else None

    def counts(self) -> dict[str, int]:
        """How many proposals have each status; all seven are keys."""
        query = "SELECT status, count(*) FROM proposals GROUP BY status"
        return dict.fromkeys(STATUSES, 0) | dict(self._file.page(query))

    def executions(self, number: int | None = None) -> Iterator[Execution]:
        """Executions by number and attempt, of all proposals or of one."""
        query = (
            "SELECT number, attempt, outcome, seconds, worker, finished"
            " FROM executions WHERE (number, attempt) > (?, ?) AND number <= ?"
            f" ORDER BY number, attempt LIMIT {PAGE_ROWS}"
        )
        after = (-1 if number is None else number, 0)
        last = _END if number is None else number
        while page := self._file.page(query, (*after, last)):
            yield from (Execution(*row) for row in page)
            after = page[-1][:2]

    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint whose state is undamaged, None if there is none."""
        rows = self._file.page(
            "SELECT digest, asked, told, state, made FROM checkpoints ORDER BY id DESC"
        )
        for digest, asked, told, state, made in rows:
            if sha256(state).digest() == digest:
                return Checkpoint(asked, told, state, made)
        return None

    def lease(self) -> Lease | None:
        """Who is writing, or was when it died; None after a clean close."""
        return self._file.lease()

    def close(self) -> None:
        """Give the lease back and close the file; closing twice is harmless."""
        self._file.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except ArchiveError:
            if error is None:  # otherwise the first error is the one to show
                raise

    def _pages(
        self, query: str, values: Mapping[str, object], start: int
    ) -> Iterator[Row]:
        while page := self._file.page(query, {**values, "start": start}):
            yield from page
            start = page[-1][0] + 1

    def _proposal(self, row: Row) -> Proposal:
        try:
            return from_row(row)
        except (TypeError, ValueError) as error:
            raise ArchiveError(
                f"archive {self.path}: proposal {row[0]} is damaged ({error}): restore"
                " a copy of the file"
            ) from error

    def _decision(self, proposal: Proposal) -> Row:
        """The values of DECIDE."""
        if proposal.status in ("pending", "duplicate"):
            raise ArchiveError(
                f"archive {self.path}: {proposal.status} is no result of proposal"
                f" {proposal.number}: record duplicates as such, commit the decided"
            )
        number, decisions, rule, canonical, *outcome = to_row(proposal)
        return (*outcome, number, decisions, rule, canonical)

    def _objection(self, rows: Sequence[Row], notes: Sequence[Row]) -> str:
        """Why a commit was refused; asked after it was rolled back."""
        for *_, number, decisions, rule, canonical in rows:
            found = next(self.rows(start=number, stop=number + 1), None)
            if found is None:
                return f"there is no proposal {number} to decide"
            if found[1:4] != (decisions, rule, canonical):
                return f"proposal {number} was recorded as {found[2]!r}, not {rule!r}"
            if found[4] != "pending":
                return f"proposal {number} is {found[4]} already: that never changes"
        for number, attempt, *_ in notes:
            if not 0 <= number < len(self):
                return f"there is no proposal {number} to note an execution of"
            if any(e.attempt == attempt for e in self.executions(number)):
                return f"attempt {attempt} of proposal {number} was noted before"
        return "a proposal is decided, or an execution noted, twice in one commit"
