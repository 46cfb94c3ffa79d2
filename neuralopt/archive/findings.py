"""Keep what is known about proposals besides their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from neuralopt.archive.connection import ArchiveError
from neuralopt.archive.finding_tables import (
    BEHAVIOURS,
    JUDGE,
    ORIGINS,
    PRUNINGS,
    REPLICATES,
    SHORTLIST,
    VERDICT_NAMES,
    Finding,
    FindingTable,
    verdict_from_row,
    verdict_row,
)
from neuralopt.archive.reader import ProposalReader
from neuralopt.archive.records import (
    BehaviourRecord,
    OriginRecord,
    Place,
    PruningRecord,
    Replicate,
    VerdictRecord,
)
from neuralopt.archive.serialization import Row


class FindingsKeeper(ProposalReader):
    """The part of `Archive` that writes and reads findings.

    An archive of an older schema has none. Every writing method is one transaction.
    Replicates, behaviours and prunings never change: to save one again that is there
    already does nothing, and another one in its place is an ArchiveError.

    Args:
        file: open, for reading or writing.
    """

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
        if not self._file.has_table("verdicts"):
            return []
        rows = self._file.page(f"SELECT {VERDICT_NAMES} FROM verdicts ORDER BY id")
        try:
            return list(map(verdict_from_row, rows))
        except (AttributeError, TypeError, ValueError) as error:
            raise ArchiveError(
                f"archive {self.path}: a verdict is damaged ({error}): restore a copy"
                " of the file"
            ) from error

    def origins(self, numbers: Sequence[int] | None = None) -> list[OriginRecord]:
        """Return where proposals came from, by number.

        Args:
            numbers: of the proposals; None for all.

        Returns:
            The origins that are known: none from an archive that was made before they
            were recorded, or of a searcher that does not say.
        """
        return cast("list[OriginRecord]", self._findings(ORIGINS, numbers))

    def save_replicates(self, replicates: Sequence[Replicate]) -> None:
        """Add fresh measurements, all or none.

        Args:
            replicates: of recorded proposals.

        Raises:
            ArchiveError: a proposal is not recorded, or a replicate of it is saved with
                another score.
        """
        self._add(REPLICATES, replicates)

    def replicates(self, number: int | None = None) -> list[Replicate]:
        """Return fresh measurements by number and replicate.

        Args:
            number: of the proposal; None for all.

        Returns:
            The measurements.
        """
        numbers = None if number is None else (number,)
        return cast("list[Replicate]", self._findings(REPLICATES, numbers))

    def replicate_counts(self) -> dict[int, int]:
        """Return how many fresh measurements each measured proposal has, by number."""
        if not self._file.has_table(REPLICATES.name):
            return {}
        query = f"SELECT number, count(*) FROM {REPLICATES.name} GROUP BY number"
        return dict(self._file.page(query))

    def save_shortlist(self, places: Sequence[Place]) -> None:
        """Replace the shortlist as a whole.

        Args:
            places: of scored proposals, in any order; those that are no members were
                measured and are not on the shortlist.

        Raises:
            ArchiveError: a proposal is not scored, or has two places.
        """
        with self._file.lock, self._file.writing() as connection:
            for place in places:
                if self.proposal(int(place.number)).status != "scored":
                    raise ArchiveError(
                        f"archive {self.path}: proposal {place.number} is not scored:"
                        " it can have no place"
                    )
            connection.execute(f"DELETE FROM {SHORTLIST.name}")
            rows = list(map(SHORTLIST.row, places))
            if connection.executemany(SHORTLIST.insert, rows).rowcount < len(rows):
                raise ArchiveError(f"archive {self.path}: a proposal has two places")

    def shortlist(self) -> list[Place]:
        """Return the members of the shortlist, highest mean first, then by number."""
        return [place for place in self.measured() if place.member]

    def measured(self) -> list[Place]:
        """Return the places of all measured proposals.

        Returns:
            Members of the shortlist first, each with the highest mean first, then the
            lowest number.
        """
        places = cast("list[Place]", self._findings(SHORTLIST))
        return sorted(places, key=lambda p: (not p.member, -p.mean, p.number))

    def save_behaviours(self, behaviours: Sequence[BehaviourRecord]) -> None:
        """Add behaviours, all or none.

        Args:
            behaviours: of recorded proposals.

        Raises:
            ArchiveError: a proposal is not recorded, or another behaviour of it is
                saved.
        """
        self._add(BEHAVIOURS, behaviours)

    def behaviours(self, numbers: Sequence[int] | None = None) -> list[BehaviourRecord]:
        """Return behaviours by number.

        Args:
            numbers: of the proposals; None for all.

        Returns:
            The behaviours of those that have one.
        """
        return cast("list[BehaviourRecord]", self._findings(BEHAVIOURS, numbers))

    def class_sizes(self) -> dict[int, int]:
        """Return how many proposals have the behaviour of each leader, by number."""
        if not self._file.has_table(BEHAVIOURS.name):
            return {}
        query = f"SELECT leader, count(*) FROM {BEHAVIOURS.name} GROUP BY leader"
        return dict(self._file.page(query))

    def save_prunings(self, prunings: Sequence[PruningRecord]) -> None:
        """Add plainer rules, all or none.

        Args:
            prunings: of recorded proposals.

        Raises:
            ArchiveError: a proposal is not recorded, or another pruning of it is saved.
        """
        self._add(PRUNINGS, prunings)

    def prunings(self) -> list[PruningRecord]:
        """Return plainer rules by number of their proposals."""
        return cast("list[PruningRecord]", self._findings(PRUNINGS))

    def finding_rows(self, table: FindingTable) -> list[Row]:
        """Return the rows of a table of findings, as their cells are on disk.

        Args:
            table: one of `finding_tables.FINDINGS`.

        Returns:
            The rows in the order of their keys; none where the file lacks the table.
        """
        if not self._file.has_table(table.name):
            return []
        order = ", ".join(table.key)
        query = f"SELECT {table.names} FROM {table.name} ORDER BY {order}"
        return self._file.page(query)

    def _findings(
        self, table: FindingTable, numbers: Sequence[int] | None = None
    ) -> list[Finding]:
        if numbers is None:
            rows = self.finding_rows(table)
        elif self._file.has_table(table.name):
            query = f"SELECT {table.names} FROM {table.name} WHERE number = ? ORDER BY "
            query += ", ".join(table.key)
            each = (self._file.page(query, (n,)) for n in sorted(set(numbers)))
            rows = [row for page in each for row in page]
        else:
            rows = []
        try:
            return list(map(table.finding, rows))
        except (AttributeError, TypeError, ValueError) as error:
            raise ArchiveError(
                f"archive {self.path}: a {table.what} is damaged ({error}): restore a"
                " copy of the file"
            ) from error

    def _add(self, table: FindingTable, findings: Sequence[Finding]) -> None:
        rows = list(map(table.row, findings))
        if not rows:
            return
        with self._file.lock, self._file.writing() as connection:
            for row in rows:
                if not 0 <= row[0] < len(self):
                    raise ArchiveError(
                        f"archive {self.path}: there is no proposal {row[0]} to keep a"
                        f" {table.what} of"
                    )
            if connection.executemany(table.insert, rows).rowcount == len(rows):
                return
            keys = len(table.key)
            for row in rows:
                kept = connection.execute(table.select_one, row[:keys]).fetchone()
                if kept != row:
                    raise ArchiveError(
                        f"archive {self.path}: another {table.what} of proposal"
                        f" {row[0]} is saved already: that never changes"
                    )
