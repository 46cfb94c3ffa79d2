"""Tables of typed values, which a format turns into text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "id", "interval", "rule"]
RIGHT = ("number", "id", "interval")
"""Kinds of values that are aligned to the right."""

Filter = Literal["", "choice", "most"]
Value = str | int | float | tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class DataColumn:
    """One column.

    Attributes:
        title: above it.
        kind: of its values: text, a number, a number that names something, the two ends
            of an interval, or the text of a rule in canonical form.
        digits: after the decimal point, of numbers and intervals; None for three
            significant digits, and all of a whole number.
        filter: how an interactive table narrows it: by a ``choice`` among its values,
            of which a cell may hold several with commas between them, or by the
            ``most`` that it may be.
        meaning: what its values are, in a sentence; "" where the title says it.
    """

    title: str
    kind: Kind = "text"
    digits: int | None = None
    filter: Filter = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table with values as they were measured.

    Attributes:
        name: one word, by which a command refers to it.
        title: a heading.
        columns: from left to right.
        rows: of as many values each.
        notes: paragraphs below the table.
        keys: of each row, what links to it; empty where nothing does.
    """

    name: str
    title: str
    columns: tuple[DataColumn, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def without_empty(self) -> DataTable:
        """Return the table without columns that hold nothing in any row."""
        kept = [
            k
            for k in range(len(self.columns))
            if not self.rows or any(row[k] not in (None, "") for row in self.rows)
        ]
        return DataTable(
            self.name,
            self.title,
            tuple(self.columns[k] for k in kept),
            tuple(tuple(row[k] for k in kept) for row in self.rows),
            self.notes,
            self.keys,
        )


def value_text(value: Value, column: DataColumn) -> str:
    """Return a value as people read it.

    Args:
        value: of the column.
        column: whose kind and digits count.

    Returns:
        The text, not escaped; "" for None and NaN.
    """
    if isinstance(value, tuple):
        return " to ".join(_number_text(end, column.digits) for end in value)
    if column.kind == "id":
        return "" if value is None else str(value)
    if isinstance(value, int | float):
        return _number_text(value, column.digits)
    return "" if value is None else value


def _number_text(value: float, digits: int | None) -> str:
    if math.isnan(value):
        return ""
    if digits is None:
        return f"{value:,}" if float(value).is_integer() else f"{value:.3g}"
    return f"{value:,.{digits}f}"
