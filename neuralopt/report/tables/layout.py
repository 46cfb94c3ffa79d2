"""Lay out tables, in text and in HTML.

A rule is there to be copied, so no layout breaks or shortens one: on a terminal that is
too narrow for a row, the rule moves to a line of its own below it, and a rule longer
than the terminal is wrapped by the terminal itself, which copies as one line.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from neuralopt.html_table import html_table

_GAP = "  "
_PROSE_WIDTH = 88


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: above it.
        right: whether its cells are aligned to the right.
        below: on which line below its row it is placed on a narrow terminal, from 1;
            0 for a column that stays.
    """

    title: str
    right: bool = False
    below: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """One piece of text.

    Attributes:
        text: of any length.
        style: rich's name of it; plain text has none.
    """

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table to print, or to be shown by a notebook.

    Attributes:
        columns: from left to right.
        rows: of as many cells each.
        notes: paragraphs printed below.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def lines(self, width: int | None = None) -> list[list[Cell]]:
        """Return the lines as cells to be joined.

        Args:
            width: of the terminal, in characters. Where a row doesn't fit it, the
                columns that may move are placed on lines below their rows, if there is
                any text in them. None: one line a row.

        Returns:
            A list of cells for each line: the header, the rows, then the notes.
        """
        header = tuple(Cell(column.title, "bold") for column in self.columns)
        cells = [header, *self.rows]
        everything = list(range(len(self.columns)))
        widths = [max(cell_len(row[k].text) for row in cells) for k in everything]
        together = sum(widths) + len(_GAP) * (len(widths) - 1)
        places = sorted({column.below for column in self.columns})
        if width is None or together <= width:
            groups = [everything]
        else:
            groups = [
                [k for k in everything if self.columns[k].below == place]
                for place in places
            ]
        lines = []
        for row in cells:
            for depth, group in enumerate(groups):
                indent = [Cell(_GAP * 2 * depth)] if depth else []
                if not indent or any(row[k].text for k in group):
                    lines.append(indent + self._line(row, group, widths))
        for note in self.notes:
            prose = textwrap.wrap(note, min(width or _PROSE_WIDTH, _PROSE_WIDTH))
            lines.extend([[], *([Cell(line, "dim")] for line in prose)])
        return lines

    def text(self, width: int | None = None) -> str:
        """Return the table as plain text; see ``lines``.

        Args:
            width: of the terminal, in characters; None for one line a row.

        Returns:
            The lines, each with its end and without trailing blanks.
        """
        joined = ("".join(cell.text for cell in line) for line in self.lines(width))
        return "".join(line.rstrip() + "\n" for line in joined)

    def _repr_html_(self) -> str:
        """Return the table in HTML, for notebooks."""
        return html_table(
            [column.title for column in self.columns],
            [[cell.text for cell in row] for row in self.rows],
            [column.right for column in self.columns],
            self.notes,
        )

    def _line(
        self, row: tuple[Cell, ...], group: list[int], widths: list[int]
    ) -> list[Cell]:
        pieces: list[Cell] = []
        for k in group:
            cell = row[k]
            space = " " * (widths[k] - cell_len(cell.text))
            if self.columns[k].right:
                pieces += [Cell(space), cell]
            else:  # nothing after the last: spaces would wrap on a full terminal
                pieces += [cell, Cell("" if k == group[-1] else space)]
            pieces.append(Cell("" if k == group[-1] else _GAP))
        return [piece for piece in pieces if piece.text]


def write_table(table: Table, stream: TextIO) -> None:
    """Write the table: styled and fitted on a terminal, else plain, one line a row.

    Args:
        table: to write.
        stream: text that its encoding lacks is written as escapes.
    """
    if not stream.isatty():
        for text in table.text().splitlines():
            stream.write(_encodable(text, stream) + "\n")
        return
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    for line in table.lines(console.width):
        parts = [(_encodable(cell.text, stream), cell.style) for cell in line]
        console.print(Text.assemble(*parts), soft_wrap=True)


def printable(text: str) -> str:
    """Return a text with what could steer a terminal shown as question marks.

    Args:
        text: of any source.

    Returns:
        Text of the same length, of printable characters.
    """
    return "".join(each if each.isprintable() else "?" for each in text)


def _encodable(text: str, stream: TextIO) -> str:
    """A line's text, printable, with what the stream can't encode as escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)
