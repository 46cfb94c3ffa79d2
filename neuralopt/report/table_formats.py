"""Write tables of typed values as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence

from neuralopt.language import parse, render
from neuralopt.report.data_table import RIGHT, DataColumn, DataTable, Value, value_text
from neuralopt.report.rule_text import folded

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would compute."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",  # LaTeX's default encoding has no straight one
}
_MARKDOWN = r"\`*_[]<>|&#~$"


def markdown(table: DataTable) -> str:
    """Return a table as Markdown of GitHub's flavour, with its title and notes.

    Args:
        table: to write; its rules are folded and shown as code.

    Returns:
        Lines, each with its end.
    """
    titles = [_markdown_text(column.title) for column in table.columns]
    sides = ["---:" if column.kind in RIGHT else ":---" for column in table.columns]
    lines = [f"## {_markdown_text(table.title)}", "", _row(titles), _row(sides)]
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        lines.append(_row([_markdown_cell(value, column) for value, column in cells]))
    for note in table.notes:
        lines += ["", _markdown_text(note)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(value: Value, column: DataColumn) -> str:
    if column.kind == "rule" and value:
        code = " ".join(folded(str(value)).replace("`", "'").split())
        return f"`{code}`".replace("|", "\\|")  # which GitHub's tables want in code too
    return _markdown_text(value_text(value, column))


def _markdown_text(text: str) -> str:
    line = " ".join(text.split())
    return "".join("\\" + each if each in _MARKDOWN else each for each in line)


def comma_separated(table: DataTable) -> str:
    """Return a table as CSV of RFC 4180, numbers with all of their digits.

    An interval has two columns. Text that a spreadsheet would take for a formula
    begins with an apostrophe, except for rules.

    Args:
        table: to write; its rules are in canonical form.

    Returns:
        A line of titles, then one a row.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    titles: list[str] = []
    for column in table.columns:
        ends = ("low", "high") if column.kind == "interval" else ("",)
        titles += [f"{column.title} {end}".strip() for end in ends]
    writer.writerow(titles)
    for row in table.rows:
        cells: list[object] = []
        for value, column in zip(row, table.columns, strict=True):
            if column.kind == "interval":
                cells += value if isinstance(value, tuple) else ("", "")
            else:
                cells.append(_csv_cell(value))
        writer.writerow(cells)
    return stream.getvalue()


def _csv_cell(value: Value) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA) and not _is_rule(value):
        return f"'{value}"
    return value


def _is_rule(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def latex(table: DataTable) -> str:
    """Return a table as LaTeX for the packages amsmath, booktabs and longtable.

    Args:
        table: to write; its rules are formulas where this version can read them.

    Returns:
        A comment that names the packages, a longtable with a caption, then the notes as
        paragraphs.
    """
    sides = "".join("r" if column.kind in RIGHT else "l" for column in table.columns)
    titles = " & ".join(_latex_text(column.title) for column in table.columns)
    lines = [
        "% in the preamble: \\usepackage{amsmath, booktabs, longtable}",
        f"\\begin{{longtable}}{{{sides}}}",
        f"\\caption{{{_latex_text(table.title)}}}\\\\",
        "\\toprule",
        f"{titles} \\\\",
        "\\midrule",
        "\\endhead",
        "\\bottomrule",
        "\\endfoot",
    ]
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        texts = " & ".join(_latex_cell(value, column) for value, column in cells)
        lines.append(f"{texts} \\\\")
    lines.append("\\end{longtable}")
    for note in table.notes:
        lines += ["", _latex_text(note)]
    return "\n".join(lines) + "\n"


def _latex_cell(value: Value, column: DataColumn) -> str:
    if column.kind == "rule" and isinstance(value, str) and value:
        try:
            return f"${render(parse(value), 'latex')}$"
        except ValueError:  # a rule of another version's language
            return f"\\texttt{{{_latex_text(value)}}}"
    return _latex_text(value_text(value, column))


def _latex_text(text: str) -> str:
    line = " ".join(text.split())
    return "".join(_LATEX.get(each, each) for each in line)


FORMATS: Mapping[str, Callable[[DataTable], str]] = {
    "markdown": markdown,
    "csv": comma_separated,
    "latex": latex,
}
"""What writes a table, by the name of its format."""
