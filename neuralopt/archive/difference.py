"""Compare two archives, to check that a resumed search is an undisturbed one."""

from __future__ import annotations

from itertools import zip_longest

from neuralopt.archive.archive import Archive
from neuralopt.archive.serialization import NAMES


def difference(a: Archive, b: Archive) -> str | None:
    """Return the first difference between the proposals of two archives.

    Every column of every proposal is compared, bit for bit (NaN equals NaN).
    Executions, checkpoints, verdicts and context are not compared.

    Args:
        a: open archive.
        b: open archive.

    Returns:
        One line that names the proposal and the columns; None if there is none.
    """
    for number, (left, right) in enumerate(zip_longest(a.rows(), b.rows())):
        if left == right:
            continue
        if left is None or right is None:
            shorter, longer = (a, b) if left is None else (b, a)
            return f"{longer.path} has proposal {number}, {shorter.path} ends before it"
        columns = zip(NAMES, left, right, strict=True)
        return f"proposal {number}: " + ", ".join(
            f"{column} {ours!r} in {a.path} but {theirs!r} in {b.path}"
            for column, ours, theirs in columns
            if ours != theirs
        )
    return None
