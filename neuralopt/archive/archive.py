"""Keep one search's record, written by one process and read by any number."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from neuralopt.archive.connection import BUSY_SECONDS, ArchiveError
from neuralopt.archive.database import ArchiveFile
from neuralopt.archive.finding_tables import ORIGINS
from neuralopt.archive.findings import FindingsKeeper
from neuralopt.archive.notebook import rules_html
from neuralopt.archive.ranking import ranking
from neuralopt.archive.records import Execution, OriginRecord, Proposal
from neuralopt.archive.schema import DECIDE, FORGET, KEEP, NOTE, RECORD
from neuralopt.archive.serialization import Row, execution_row, to_row

ARCHIVE_FILE = "archive.sqlite"
"""Name of the archive in a run directory."""

CHECKPOINTS_KEPT = 2


def _file_of(path: str | Path) -> Path:
    """The file itself; in a run directory, its archive."""
    path = Path(path)
    return path / ARCHIVE_FILE if path.is_dir() else path


class _Refused(Exception):
    """A commit met a proposal that it may not touch."""


class Archive(FindingsKeeper):
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
        try:
            super().__init__(file)
            if file.writable:
                self._read_known()
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

        A writer reads all canonical texts once: two seconds for a million rules. An
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

    def record(
        self, proposals: Sequence[Proposal], origins: Sequence[OriginRecord] = ()
    ) -> None:
        """Add proposals that continue the numbering without a gap, all or none.

        Args:
            proposals: in the order of their numbers, from the archive's length on.
            origins: of some or all of these proposals.

        Raises:
            ArchiveError: a number is not the next one, or an origin is not of one of
                these proposals.
        """
        rows = list(map(to_row, proposals))
        origin_rows = list(map(ORIGINS.row, origins))
        if strange := {row[0] for row in origin_rows} - {row[0] for row in rows}:
            raise ArchiveError(
                f"archive {self.path}: the origin of proposal {min(strange)} is not"
                " recorded with it"
            )
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
                connection.executemany(ORIGINS.insert, origin_rows)
            new = [p for p in proposals if p.canonical and p.status != "duplicate"]
            self._known.add((p.canonical for p in new), [p.number for p in new])

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

    def heartbeat(self) -> None:
        """Renew the lease; needed when nothing is committed for a minute.

        It writes at most every ten seconds, so it may be called at any rate.

        Raises:
            ArchiveError: another process has taken the archive over.
        """
        self._file.heartbeat()

    def _repr_html_(self) -> str:
        """Return a table of the ten best rules, one of those that behave alike."""
        caption = f"{self.path}: {len(self)} proposals"
        return rules_html(ranking(self), caption)

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
