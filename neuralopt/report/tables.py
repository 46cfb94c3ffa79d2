"""Lay out proposals and comparisons as tables, in text and in HTML.

A rule is there to be copied, so no layout breaks or shortens one: on a terminal that is
too narrow for a row, the rule moves to a line of its own below it, and a rule longer
than the terminal is wrapped by the terminal itself, which copies as one line.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from neuralopt.archive import Place, Proposal
from neuralopt.html_table import html_table
from neuralopt.report.rule_text import rule_text
from neuralopt.report.sparkline import sparkline

if TYPE_CHECKING:  # they load numpy and scipy
    from neuralopt.verdict.comparison import Comparison, ComparisonRow

_GAP = "  "
_PROSE_WIDTH = 88
SHORTLIST_NOTE = (
    "Means are over fresh replicates, which did not select the rules. 'one score' is "
    "what the search was told; the highest of thousands of these are high by luck too."
)
_VERDICT_STYLES = {"better": "green", "worse": "red", "reference": "bold"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: above it.
        right: whether its cells are aligned to the right.
        below: whether it may move below its row, on a narrow terminal.
    """

    title: str
    right: bool = False
    below: bool = False


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
            width: of the terminal, in characters. Rows that don't fit it get a second
                line for the columns that may move below. None: one line a row.

        Returns:
            A list of cells for each line: the header, the rows, then the notes.
        """
        header = tuple(Cell(column.title, "bold") for column in self.columns)
        cells = [header, *self.rows]
        everything = list(range(len(self.columns)))
        widths = [max(cell_len(row[k].text) for row in cells) for k in everything]
        together = sum(widths) + len(_GAP) * (len(widths) - 1)
        below = [k for k in everything if self.columns[k].below]
        if width is None or together <= width or not below:
            groups = [everything]
        else:
            groups = [[k for k in everything if k not in below], below]
        lines = []
        for row in cells:
            for place, group in enumerate(groups):
                indent = [Cell(_GAP * 2)] if place else []
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


def proposals_table(
    proposals: Iterable[Proposal],
    notes: Sequence[str] = (),
    runs: Sequence[str] | None = None,
    places: Sequence[Place | None] = (),
) -> Table:
    """Return a table of rank, number, quality, lr and rule.

    Where one of them isn't ``scored``, a column tells the status. Equal qualities have
    equal ranks; a proposal without a quality has no rank. Where some were measured,
    columns have their means and intervals, which rank them above the others, and the
    quality is marked as that of the search's own score.

    Args:
        proposals: in the order to be shown.
        notes: paragraphs below the table.
        runs: name of each proposal's run, where they are of several.
        places: of each proposal that was measured, None for one that was not; none at
            all where there is no shortlist.

    Returns:
        The table; its rule column may move below.
    """
    shown = list(proposals)
    measured = any(places)
    standing = list(places) if measured else [None] * len(shown)
    values = [worth(p, at) for p, at in zip(shown, standing, strict=True)]
    status = any(proposal.status != "scored" for proposal in shown)
    rows = []
    names = [""] * len(shown) if runs is None else runs
    for proposal, place, mine, run in zip(shown, standing, values, names, strict=True):
        rank = 1 + sum(other > mine for other in values)
        quality = _number(proposal.quality)
        cells = [
            Cell("-" if math.isnan(quality) else str(rank)),
            *([Cell(run)] if runs is not None else []),
            Cell(str(proposal.number)),
            *([Cell(proposal.status)] if status else []),
            *(_place_cells(place) if measured else []),
            Cell(_quality(quality), "" if measured else "bold"),
            Cell("-" if proposal.lr is None else f"{proposal.lr:g}"),
            Cell(rule_text(proposal)),
        ]
        rows.append(tuple(cells))
    columns = (
        Column("rank", right=True),
        *([Column("run")] if runs is not None else []),
        Column("number", right=True),
        *([Column("status")] if status else []),
        *([Column("mean", right=True), Column("95% interval")] if measured else []),
        Column("one score" if measured else "quality", right=True),
        Column("lr", right=True),
        Column("rule", below=True),
    )
    explained = [*notes, SHORTLIST_NOTE] if measured else notes
    return Table(columns, tuple(rows), tuple(explained))


def worth(proposal: Proposal, place: Place | None) -> tuple[int, float]:
    """Return by what a proposal is ranked; the larger one is the better.

    Args:
        proposal: with or without a quality.
        place: of a measured proposal.

    Returns:
        For members of the shortlist (2, mean), for others that were measured (1, mean),
        and for those with only the search's score (0, quality).
    """
    if place is not None:
        return 1 + place.member, place.mean
    quality = _number(proposal.quality)
    return 0, -1.0 if math.isnan(quality) else quality


def _place_cells(place: Place | None) -> list[Cell]:
    if place is None:
        return [Cell("-"), Cell("")]
    interval = f"{place.low:.4f}..{place.high:.4f}"
    return [Cell(f"{place.mean:.4f}", "bold"), Cell(interval)]


def comparison_table(
    comparison: Comparison,
    *,
    rules: Mapping[str, str] | None = None,
    curves: Mapping[str, Sequence[float]] | None = None,
    unicode: bool = True,
    notes: Sequence[str] = (),
) -> Table:
    """Return the rows with intervals, differences and verdicts, and what they say.

    Args:
        comparison: of candidates by name.
        rules: text of some or all candidates, shown next to the names. Without it the
            names are taken to be the rules.
        curves: training loss along the run, of some or all candidates. They share one
            scale: logarithmic, from the smallest loss to the largest first one.
        unicode: whether curves may be drawn with blocks.
        notes: further notes, above the explanation.

    Returns:
        The table, best candidate first; its notes explain the columns.
    """
    sparks = _sparks(curves or {}, unicode)
    columns = (
        Column("#", right=True),
        Column("mean", right=True),
        Column(f"{100 * comparison.confidence:g}% interval"),
        Column("difference", right=True),
        Column("interval"),
        Column("verdict"),
        *([Column("curve", below=True)] if curves else []),
        *([Column("name", below=True)] if rules is not None else []),
        Column("rule", below=True),
    )
    rows = []
    for row in comparison.rows:
        label = [Cell(row.name)]
        if rules is not None:
            label.append(Cell(rules.get(row.name, "")))
        spark = [Cell(sparks.get(row.name, ""), "cyan")] if curves else []
        rows.append((*_numbers(row), *spark, *label))
    explained = [*notes, *_diverged(comparison), _explanation(comparison)]
    return Table(columns, tuple(rows), tuple(explained))


def _numbers(row: ComparisonRow) -> tuple[Cell, ...]:
    itself = row.verdict == "reference"
    low, high = row.difference_low, row.difference_high
    return (
        Cell(str(row.rank)),
        Cell(f"{row.mean:.4f}", "bold"),
        Cell(f"{row.low:.4f}..{row.high:.4f}"),
        Cell("" if itself else f"{row.difference:+.4f}"),
        Cell("" if itself else f"{low:+.4f}..{high:+.4f}"),
        Cell(row.verdict, _VERDICT_STYLES.get(row.verdict, "")),
    )


def _diverged(comparison: Comparison) -> list[str]:
    found = [
        f"{row.name} on {row.diverged} of {comparison.seeds}"
        for row in comparison.rows
        if row.diverged
    ]
    return [f"Diverged seeds (quality 0): {', '.join(found)}."] if found else []


def _explanation(comparison: Comparison) -> str:
    seeds = f"{comparison.seeds} seed{'s' if comparison.seeds > 1 else ''}"
    text = f"Means are of the quality on {seeds}, the same for all."
    if not comparison.family:
        return text
    chosen = comparison.choices > 1
    source = f", the best of {comparison.choices} by mean" if chosen else ""
    luck = " and for the choice of the reference" if chosen else ""
    return (
        f"{text} Differences are from {comparison.reference}{source}; their intervals "
        f"and the verdicts are corrected for {comparison.family} comparison"
        f"{'s' if comparison.family > 1 else ''}{luck}. 'no difference shown' says "
        "that these seeds do not decide, not that the rules are equal."
    )


def _sparks(curves: Mapping[str, Sequence[float]], unicode: bool) -> dict[str, str]:
    """One small curve each, on one scale so that they can be compared.

    The scale ends at the largest first loss, so that one that explodes doesn't flatten
    the others, and is logarithmic where losses allow, for the late part to show.
    """
    finite = [[value for value in c if math.isfinite(value)] for c in curves.values()]
    values = [value for curve in finite for value in curve]
    if not values:
        return {
            name: sparkline(curve, unicode=unicode) for name, curve in curves.items()
        }
    low, high = min(values), max(curve[0] for curve in finite if curve)
    if low > 0:
        low, high = math.log(low), math.log(high)
        curves = {
            name: [math.log(v) if 0 < v < math.inf else math.inf for v in curve]
            for name, curve in curves.items()
        }
    return {
        name: sparkline(curve, low=low, high=high, unicode=unicode)
        for name, curve in curves.items()
    }


def _number(quality: float | None) -> float:
    return math.nan if quality is None else quality


def _quality(quality: float) -> str:
    return "-" if math.isnan(quality) else f"{quality:.4f}"


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
