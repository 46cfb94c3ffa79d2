"""Compare two archives, to check that a resumed search is an undisturbed one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from neuralopt.archive.archive import Archive
from neuralopt.archive.finding_tables import FINDINGS, FindingTable
from neuralopt.archive.serialization import NAMES, Row


def difference(a: Archive, b: Archive) -> str | None:
    """Return the first difference between two archives' proposals and findings.

    Every column of every proposal, origin, replicate, place on the shortlist, behaviour
    and pruning is compared, bit for bit (NaN equals NaN). Executions, checkpoints,
    verdicts and context are not compared.

    Args:
        a: open archive.
        b: open archive.

    Returns:
        One line that names the row and the columns; None if there is none.
    """
    for number, (left, right) in enumerate(zip_longest(a.rows(), b.rows())):
        if left == right:
            continue
        if left is None or right is None:
            shorter, longer = (a, b) if left is None else (b, a)
            return f"{longer.path} has proposal {number}, {shorter.path} ends before it"
        return f"proposal {number}: {_columns(a, b, NAMES, left, right)}"
    for table in FINDINGS:
        found = _difference_of(table, a, b)
        if found:
            return found
    return None


def _difference_of(table: FindingTable, a: Archive, b: Archive) -> str | None:
    names = tuple(column.name for column in table.columns)
    keys = len(table.key)
    left, right = (
        {row[:keys]: row for row in archive.finding_rows(table)} for archive in (a, b)
    )
    for key in sorted(left.keys() | right.keys()):
        mine, yours = left.get(key), right.get(key)
        if mine == yours:
            continue
        where = f"{table.what} of proposal {key[0]}"
        if keys > 1:
            where += f", {', '.join(map(str, key[1:]))}"
        if mine is None or yours is None:
            with_it, without = (b, a) if mine is None else (a, b)
            return f"{with_it.path} has the {where}, {without.path} has none"
        return f"{where}: {_columns(a, b, names, mine, yours)}"
    return None


def _columns(
    a: Archive, b: Archive, names: Sequence[str], left: Row, right: Row
) -> str:
    """The columns that differ, with both values."""
    return ", ".join(
        f"{column} {ours!r} in {a.path} but {theirs!r} in {b.path}"
        for column, ours, theirs in zip(names, left, right, strict=True)
        if ours != theirs
    )
