"""Keep one search's record, written by one process and read by any number."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

from neuralopt.archive.connection import BUSY_SECONDS, ArchiveError
from neuralopt.archive.database import ArchiveFile
from neuralopt.archive.lease import Lease
from neuralopt.archive.notebook import data_frame, proposals_html
from neuralopt.archive.records import (
    Checkpoint,
    Execution,
    Proposal,
    VerdictRecord,
)
from neuralopt.archive.schema import (
    BEST_FIRST,
    DECIDE,
    FORGET,
    JUDGE,
    KEEP,
    NOTE,
    RECORD,
    VERDICT_NAMES,
)
from neuralopt.archive.serialization import (
    Row,
    execution_row,
    from_row,
    to_row,
    verdict_from_row,
    verdict_row,
)
from neuralopt.scoring.score import STATUSES

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

ARCHIVE_FILE = "archive.sqlite"
"""Name of the archive in a run directory."""

PAGE_ROWS = 1024
"""Rows read at a time: between two pages a reader holds no lock against the writer."""

CHECKPOINTS_KEPT = 2

_END = 2**63 - 1  # larger than any number of a proposal


def _file_of(path: str | Path) -> Path:
    """The file itself; in a run directory, its archive."""
    path = Path(path)
    return path / ARCHIVE_FILE if path.is_dir() else path


class _Refused(Exception):
    """A commit met a proposal that it may not touch."""


class Archive:
    """Every proposal of one search, with its score, executions and checkpoints.

    It is made by `create` and `open`, and closed by `close` or a `with` block. Every
    writing method is one transaction: when it returns, the disk has it; when it raises,
    nothing happened. Methods may be called from any thread. Iterating gives the
    proposals in order.

    Args:
        file: opened by `create` or `open`; the archive closes it.

    Raises:
        ArchiveError: from every method, when the file, its disk or its lease fails, and
            when a write would break the record.

    Example:
        >>> from dataclasses import replace
        >>> from tempfile import TemporaryDirectory
        >>> from neuralopt.scoring.score import Score
        >>> with TemporaryDirectory() as run:
        ...     with Archive.create(run, {"space": "bello2017"}) as archive:
        ...         archive.record([Proposal(0, (3, 1), "g + g", "2 * g")])
        ...         scored = replace(archive.proposal(0), score=Score("scored", 0.9))
        ...         archive.commit([scored])
        ...         [proposal.quality for proposal in archive]
        [0.9]
    """

    def __init__(self, file: ArchiveFile) -> None:
        self._file = file
        self._known: dict[str, int] = {}
        try:
            self._context = file.context()
            self._selection = file.selection()
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

        Args:
            path: a file that does not exist, in a directory that does, or a run
                directory, in which the file is named ``archive.sqlite``.
            context: what the scores depend on (language version, space, task and hash
                of its data, budget, searcher, seed, engine family, configuration), as
                text; it never changes.
            patience: seconds to wait for other processes' locks, in every method.

        Returns:
            The archive, open for writing.

        Raises:
            ArchiveError: there is an archive already, or none can be made.
        """
        return cls(ArchiveFile.create(_file_of(path), context, patience))

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        writable: bool = False,
        patience: float = BUSY_SECONDS,
    ) -> Archive:
        """Open an existing archive, to read it or, as its only writer, to continue it.

        A writer reads all canonical texts once: some seconds for a million rules. An
        archive of an older schema is upgraded when it is opened for writing, and not
        changed by reading.

        Args:
            path: of the file or of its run directory.
            writable: whether to take the lease.
            patience: seconds to wait for other processes' locks, in every method.

        Returns:
            The archive, open for reading, or for writing with the lease.

        Raises:
            ArchiveError: the file is missing, damaged, something else, of a newer
                schema, or (writable) held by another process that may be alive.
        """
        return cls(ArchiveFile.open(_file_of(path), writable, patience))

    @property
    def path(self) -> Path:
        """The archive's file."""
        return self._file.path

    @property
    def context(self) -> Mapping[str, str]:
        """What the scores depend on, as given to `create`."""
        return self._context

    @property
    def known(self) -> Mapping[str, int]:
        """Canonical text -> number of the last proposal of it, duplicates left out.

        It is kept in memory, for writers only.
        """
        if not self._file.writable:
            raise ArchiveError(f"archive {self.path} is open for reading: use find()")
        return MappingProxyType(self._known)

    def record(self, proposals: Sequence[Proposal]) -> None:
        """Add proposals that continue the numbering without a gap, all or none.

        Args:
            proposals: in the order of their numbers, from the archive's length on.

        Raises:
            ArchiveError: a number is not the next one.
        """
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
        its proposal stays pending until decided.

        Args:
            updates: pending proposals with their scores.
            executions: attempts that ended, of these or other proposals.

        Raises:
            ArchiveError: a proposal is unknown, decided already or recorded with
                another rule; an update is pending or a duplicate (which is recorded as
                one); or an execution is of an unknown proposal or was noted before.
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

        Args:
            asked: proposals the searcher had been asked for.
            told: proposals whose rewards it had been told.
            state: of the searcher.

        Raises:
            ArchiveError: a proposal asked for is not recorded or one told of is
                pending, so that a resumed search could not replay what follows.
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

    def save_verdict(self, verdicts: Sequence[VerdictRecord]) -> None:
        """Add the scores of one final comparison, all or none.

        Args:
            verdicts: one for each task and split.
        """
        rows = list(map(verdict_row, verdicts))
        with self._file.writing() as connection:
            connection.executemany(JUDGE, rows)

    def verdicts(self) -> list[VerdictRecord]:
        """Return all saved verdicts, oldest first; none from an archive of schema 1."""
        if not self._file.has_verdicts():
            return []
        rows = self._file.page(f"SELECT {VERDICT_NAMES} FROM verdicts ORDER BY id")
        try:
            return list(map(verdict_from_row, rows))
        except (AttributeError, TypeError, ValueError) as error:
            raise ArchiveError(
                f"archive {self.path}: a verdict is damaged ({error}): restore a copy"
                " of the file"
            ) from error

    def heartbeat(self) -> None:
        """Renew the lease; needed when nothing is committed for a minute.

        It writes at most every ten seconds, so it may be called at any rate.

        Raises:
            ArchiveError: another process has taken the archive over.
        """
        self._file.heartbeat()

    def __len__(self) -> int:
        """Return the number of proposals, which is the number of the next one."""
        query = "SELECT ifnull(max(number), -1) + 1 FROM proposals"
        return int(self._file.page(query)[0][0])

    def __bool__(self) -> bool:
        """Return True, so that `if archive` tests for None and not for its length."""
        return True

    def __iter__(self) -> Iterator[Proposal]:
        """Return all proposals in order; see `proposals`."""
        return self.proposals()

    def __repr__(self) -> str:
        mode = "writable" if self._file.writable else "read-only"
        try:
            found = ", ".join(f"{n} {status}" for status, n in self.counts().items())
        except ArchiveError as error:
            return f"<Archive {str(self.path)!r}: {error}>"
        return f"<Archive {str(self.path)!r}, {mode}: {found}>"

    def _repr_html_(self) -> str:
        """Return the ten best proposals as a table, for notebooks."""
        return proposals_html(self.best(), f"{self.path}: {len(self)} proposals")

    def proposal(self, number: int) -> Proposal:
        """Return the proposal of that number.

        Args:
            number: position in the order of asking, from 0.

        Returns:
            The proposal, with its score if it has one.

        Raises:
            ArchiveError: there is none.
        """
        for row in self.rows(start=number, stop=number + 1):
            return self._proposal(row)
        raise ArchiveError(
            f"archive {self.path} has no proposal {number}: it holds {len(self)},"
            " numbered from 0"
        )

    def proposals(
        self, status: str | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[Proposal]:
        """Return proposals with start <= number < stop, in order, read as needed.

        What is added or decided while they are read may be seen or not.

        Args:
            status: of those wanted; all by default.
            start: smallest number.
            stop: largest number + 1; no limit by default.

        Returns:
            An iterator of proposals that reads a page of rows at a time.

        Raises:
            ArchiveError: the status is unknown.
        """
        return map(self._proposal, self.rows(status, start, stop))

    def rows(
        self, status: str | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[Row]:
        """Return the rows that `proposals` reads, as their cells are on disk.

        Args:
            status: of the proposals wanted; all by default.
            start: smallest number.
            stop: largest number + 1; no limit by default.

        Returns:
            An iterator of rows in order; cells are in the order of
            `serialization.NAMES`.

        Raises:
            ArchiveError: the status is unknown.
        """
        if status is not None and status not in STATUSES:
            raise ArchiveError(
                f"unknown status {status!r}, give one of: {' '.join(STATUSES)}"
            )
        wanted = "" if status is None else "AND status = :status"
        query = (
            f"SELECT {self._selection} FROM proposals WHERE number >= :start"
            f" AND number < :stop {wanted} ORDER BY number LIMIT {PAGE_ROWS}"
        )
        values: dict[str, object] = {
            "status": status,
            "stop": _END if stop is None else stop,
        }
        return self._pages(query, values, start)

    def best(self, count: int = 10) -> list[Proposal]:
        """Return the best scored proposals.

        Args:
            count: how many at most.

        Returns:
            Highest quality first; of equal ones lowest loss, then learning rate, then
            number.
        """
        query = (
            f"SELECT {self._selection} FROM proposals INDEXED BY proposals_best"
            f" WHERE status = 'scored' ORDER BY {BEST_FIRST} LIMIT ?"
        )
        return list(map(self._proposal, self._file.page(query, (max(count, 0),))))

    def find(self, canonical: str) -> Proposal | None:
        """Return the last proposal of this canonical text, duplicates left out.

        It is immediate for a writer; for a reader it takes a pass over the whole file.

        Args:
            canonical: text of a rule in canonical form.

        Returns:
            The proposal; None if there is none.
        """
        if self._file.writable:
            number = self._known.get(canonical)
            return None if number is None else self.proposal(number)
        rows = self._file.page(
            f"SELECT {self._selection} FROM proposals WHERE canonical = ?"
            " AND canonical <> '' AND status <> 'duplicate'"
            " ORDER BY number DESC LIMIT 1",
            (canonical,),
        )
        return self._proposal(rows[0]) if rows else None

    def counts(self) -> dict[str, int]:
        """Return how many proposals have each status; all seven are keys."""
        query = "SELECT status, count(*) FROM proposals GROUP BY status"
        counts: dict[str, int] = dict.fromkeys(STATUSES, 0)
        return counts | dict(self._file.page(query))

    def to_pandas(self) -> pandas.DataFrame:
        """Return all proposals as a table of pandas, which must be installed.

        Returns:
            One row a proposal; columns as in ``neuralopt top RUN --all --json``.

        Raises:
            ArchiveError: pandas is not installed.
        """
        return data_frame(self)

    def executions(self, number: int | None = None) -> Iterator[Execution]:
        """Return executions by number and attempt, of all proposals or of one.

        Args:
            number: of the proposal; None for all.

        Returns:
            An iterator that reads a page of rows at a time.
        """
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
        """Return the newest undamaged checkpoint, None if there is none."""
        rows = self._file.page(
            "SELECT digest, asked, told, state, made FROM checkpoints ORDER BY id DESC"
        )
        for digest, asked, told, state, made in rows:
            if sha256(state).digest() == digest:
                return Checkpoint(asked, told, state, made)
        return None

    def lease(self) -> Lease | None:
        """Return the lease of the writer, dead or alive; None after a clean close."""
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
                f"archive {self.path}: {proposal.status} is not a result of proposal"
                f" {proposal.number}: record duplicates as such, commit scores"
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
