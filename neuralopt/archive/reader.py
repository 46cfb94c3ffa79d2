"""Read an archive's proposals, executions and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from neuralopt.archive.connection import ArchiveError
from neuralopt.archive.database import ArchiveFile
from neuralopt.archive.lease import Lease
from neuralopt.archive.notebook import data_frame
from neuralopt.archive.records import Checkpoint, Execution, Proposal
from neuralopt.archive.schema import BEST_FIRST
from neuralopt.archive.serialization import NAMES, Cell, Row, from_row, integers
from neuralopt.scoring.score import STATUSES

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

    from neuralopt.archive.known_rules import KnownRules

PAGE_ROWS = 1024
"""Rows read at a time: between two pages a reader holds no lock against the writer."""

SCAN_ROWS = 1 << 15
"""Rows read at a time of a few short columns of all proposals."""

_END = 2**63 - 1  # larger than any number of a proposal


class ProposalReader:
    """The part of `Archive` that reads proposals, and how they were scored.

    Args:
        file: open, for reading or writing.
    """

    def __init__(self, file: ArchiveFile) -> None:
        self._file = file
        self._known: KnownRules  # of writers; needs numpy
        self._context = file.context()
        self._selection = file.selection()

    @property
    def path(self) -> Path:
        """The archive's file."""
        return self._file.path

    @property
    def context(self) -> Mapping[str, str]:
        """What the scores depend on, as given to `create`."""
        return self._context

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
        """Return the best scored proposals, measured places first.

        The quality that a search is told is of few replicates, and the best of
        thousands are the best partly by luck. So proposals of the shortlist come first,
        in the order of their means over fresh replicates (`shortlist` has these), then
        others that were measured (`measured`), likewise; those that were not follow by
        the score that the search was told.

        Args:
            count: how many at most.

        Returns:
            Measured ones, highest mean first; then highest quality first. Of equal
            ones lowest loss, then learning rate, then number.

        Raises:
            ValueError: the count is negative.
        """
        return list(islice(self.best_first(), checked_count(count)))

    def best_first(self) -> Iterator[Proposal]:
        """Return all scored proposals in the order of `best`, read as needed.

        What is added while they are read may be seen or not.

        Returns:
            An iterator that reads a page of rows at a time.
        """
        placed: dict[int, None] = {}
        if self._file.has_table("shortlist"):
            query = (
                "SELECT number FROM shortlist JOIN proposals USING (number)"
                f" ORDER BY member DESC, mean DESC, {BEST_FIRST}"
            )
            placed = dict.fromkeys(number for (number,) in self._file.page(query))
        numbers = list(placed)
        for start, size in _growing_pages():
            some = numbers[start : start + size]
            if not some:
                break
            marks = ", ".join("?" * len(some))
            query = f"SELECT {self._selection} FROM proposals WHERE number IN ({marks})"
            rows = {row[0]: row for row in self._file.page(query, some)}
            yield from (self._proposal(rows[number]) for number in some)
        for row in self._by_score():
            if row[0] not in placed:
                yield self._proposal(row)

    def best_by_score(self, count: int = 10) -> list[Proposal]:
        """Return the scored proposals that are best by what the search was told.

        Args:
            count: how many at most.

        Returns:
            Highest quality first; of equal ones lowest loss, then learning rate, then
            number.

        Raises:
            ValueError: the count is negative.
        """
        rows = islice(self._by_score(), checked_count(count))
        return list(map(self._proposal, rows))

    def _by_score(self) -> Iterator[Row]:
        query = (
            f"SELECT {self._selection} FROM proposals INDEXED BY proposals_best"
            " WHERE status = 'scored' AND quality <= :quality AND (quality < :quality"
            " OR (ifnull(loss, 'none'), ifnull(lr, 'none'), number)"
            " > (ifnull(:loss, 'none'), ifnull(:lr, 'none'), :number))"
            f" ORDER BY {BEST_FIRST} LIMIT :size"
        )
        last: dict[str, Cell] = {"quality": inf, "loss": None, "lr": None, "number": 0}
        for _, size in _growing_pages():
            page = self._file.page(query, {**last, "size": size})
            yield from page
            if len(page) < size:
                return
            cells = dict(zip(NAMES, page[-1], strict=True))
            last = {name: cells[name] for name in last}

    def find(self, canonical: str) -> Proposal | None:
        """Return the last proposal of this canonical text, duplicates left out.

        It is immediate for a writer; for a reader it takes a pass over the whole file.

        Args:
            canonical: text of a rule in canonical form.

        Returns:
            The proposal; None if there is none.
        """
        if self._file.writable:
            (number,) = self.numbers_of([canonical])
            return None if number is None else self.proposal(number)
        rows = self._file.page(
            f"SELECT {self._selection} FROM proposals WHERE canonical = ?"
            " AND canonical <> '' AND status <> 'duplicate'"
            " ORDER BY number DESC LIMIT 1",
            (canonical,),
        )
        return self._proposal(rows[0]) if rows else None

    def numbers_of(self, canonicals: Sequence[str]) -> list[int | None]:
        """Return the last proposal of each canonical text, duplicates left out.

        Args:
            canonicals: texts of rules in canonical form.

        Returns:
            The number of the proposal of each; None if there is none.

        Raises:
            ArchiveError: the archive is open for reading.
        """
        if not self._file.writable:
            raise ArchiveError(f"archive {self.path} is open for reading: use find()")
        found = self._known.candidates(canonicals)
        texts = self.texts(sorted({number for number in found if number is not None}))
        return [
            number if number is not None and texts[number] == text else None
            for number, text in zip(found, canonicals, strict=True)
        ]

    def numbers_of_digests(self, digests: Sequence[int]) -> dict[int, int]:
        """Return the last proposals of rules, duplicates left out.

        Args:
            digests: of the rules; see `digests.rule_digest`.

        Returns:
            Numbers by digest, of those that were proposed.

        Raises:
            ArchiveError: the archive is open for reading.
        """
        if not self._file.writable:
            raise ArchiveError(f"archive {self.path} is open for reading: use find()")
        found = zip(digests, self._known.numbers(digests), strict=True)
        return {digest: number for digest, number in found if number is not None}

    def outcomes(self) -> Iterator[tuple[int, str, int | None, float | None, int]]:
        """Return what became of each proposal, without its rule and its curves.

        Returns:
            An iterator in the order of numbers: number, status, original, quality, and
            the number of tasks that its score is of.
        """
        missing = " AS tasks" in self._selection  # from a file of schema 1
        tasks = "0" if missing else "json_array_length(tasks)"
        query = (
            "SELECT number, status, original, quality,"
            f" CASE status WHEN 'stopped' THEN {tasks} ELSE 0 END FROM proposals"
            f" WHERE number >= :start ORDER BY number LIMIT {SCAN_ROWS}"
        )
        return self._pages(query, {}, 0)

    def text_lengths(self) -> Iterator[tuple[int, int]]:
        """Return how long the canonical text of each scored proposal is.

        Returns:
            An iterator in the order of numbers: number, characters.
        """
        query = (
            "SELECT number, length(canonical) FROM proposals"
            " WHERE number >= :start AND status = 'scored'"
            f" ORDER BY number LIMIT {SCAN_ROWS}"
        )
        return self._pages(query, {}, 0)

    def texts(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return canonical texts by number.

        Args:
            numbers: of the proposals; those that there are not are left out.

        Returns:
            The texts, "" for an invalid row.
        """
        return self._cells("canonical", numbers)

    def decisions(self, numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Return rows of decisions by number.

        Args:
            numbers: of the proposals; those that there are not are left out.
        """
        found = self._cells("decisions", numbers)
        return {number: integers(text) for number, text in found.items()}

    def _cells(self, column: str, numbers: Sequence[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for start in range(0, len(numbers), PAGE_ROWS):
            some = [int(number) for number in numbers[start : start + PAGE_ROWS]]
            marks = ", ".join("?" * len(some))
            query = f"SELECT number, {column} FROM proposals WHERE number IN ({marks})"
            found |= dict(self._file.page(query, some))
        return found

    def _read_known(self) -> None:
        from neuralopt.archive.known_rules import KnownRules

        self._known = KnownRules()
        query = (
            "SELECT number, canonical FROM proposals WHERE status <> 'duplicate'"
            " AND canonical <> '' AND number >= :start"
            f" ORDER BY number LIMIT {SCAN_ROWS}"
        )

        def pages() -> Iterator[tuple[Sequence[str], Sequence[int]]]:
            start = 0
            while page := self._file.page(query, {"start": start}):
                numbers, texts = zip(*page, strict=True)
                yield texts, numbers
                start = numbers[-1] + 1

        self._known.load(pages())

    def counts(self) -> dict[str, int]:
        """Return how many proposals have each status; all are keys."""
        query = "SELECT status, count(*) FROM proposals GROUP BY status"
        counts: dict[str, int] = dict.fromkeys(STATUSES, 0)
        return counts | dict(self._file.page(query))

    def reasons(self) -> dict[tuple[str, str], int]:
        """Return how many proposals have each status for each reason.

        Returns:
            Counts by status and reason, "" where a status has none.
        """
        query = "SELECT status, reason, count(*) FROM proposals GROUP BY 1, 2"
        rows = self._file.page(query)
        return {(status, reason): count for status, reason, count in rows}

    def to_pandas(self) -> pandas.DataFrame:
        """Return all proposals as a table of pandas, which must be installed.

        Returns:
            One row a proposal; columns as in ``neuralopt top RUN --all --json``,
            without the findings (measured, behaviour, size, memory, pruned).

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
        return (Execution(*row) for row in self.execution_rows(number))

    def execution_rows(self, number: int | None = None) -> Iterator[Row]:
        """Return the rows that `executions` reads, as their cells are on disk.

        Args:
            number: of the proposal; None for all.

        Returns:
            An iterator of rows in the same order; cells are in the order of the
            attributes of Execution.
        """
        query = (
            "SELECT number, attempt, outcome, seconds, worker, finished"
            " FROM executions WHERE (number, attempt) > (?, ?) AND number <= ?"
            f" ORDER BY number, attempt LIMIT {PAGE_ROWS}"
        )
        after = (-1 if number is None else number, 0)
        last = _END if number is None else number
        while page := self._file.page(query, (*after, last)):
            yield from page
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


def checked_count(count: int) -> int:
    """Return a number of proposals.

    Raises:
        ValueError: it is negative.
    """
    if count < 0:
        raise ValueError(f"count is {count}: give 0 or more")
    return count


def _growing_pages() -> Iterator[tuple[int, int]]:
    """Where pages begin and how large they are: small ones first, for a short list."""
    start, size = 0, 16
    while True:
        yield start, size
        start, size = start + size, min(2 * size, PAGE_ROWS)
