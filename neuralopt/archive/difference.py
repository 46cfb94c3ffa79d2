"""Whether two archives hold the same search: the promise of exact resumption, checked.

Refuses to know which run is right.
"""

from __future__ import annotations

from itertools import zip_longest

from neuralopt.archive.archive import Archive
from neuralopt.archive.serialization import COLUMNS


def difference(a: Archive, b: Archive) -> str | None:
    """The first difference between the proposals of two archives, None if identical.

    Identical means every column of every proposal, bit for bit (NaN equals NaN);
    executions, checkpoints and context are not compared.
    """
    for number, (left, right) in enumerate(zip_longest(a.rows(), b.rows())):
        if left == right:
            continue
        if left is None or right is None:
            shorter, longer = (a, b) if left is None else (b, a)
            return f"{longer.path} has proposal {number}, {shorter.path} ends before it"
        columns = zip(COLUMNS.split(", "), left, right, strict=True)
        return f"proposal {number}: " + ", ".join(
            f"{column} {ours!r} in {a.path} but {theirs!r} in {b.path}"
            for column, ours, theirs in columns
            if ours != theirs
        )
    return None
