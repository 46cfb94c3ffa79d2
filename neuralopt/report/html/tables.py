"""Tables of a page, which can be sorted and filtered."""

from __future__ import annotations

import math
from collections.abc import Sequence

from neuralopt.report.data_table import RIGHT, DataColumn, DataTable, Value, value_text
from neuralopt.report.html.markup import Markup, element, joined
from neuralopt.report.rule_text import folded

LONG = 22
"""Text of more characters may be broken, in a wider cell."""

FILTERED = 10
"""Tables of fewer rows have no filters."""


def table_html(table: DataTable, identity: str, rows: str = "") -> Markup:
    """Return a table with its caption, filters and notes.

    Args:
        table: to show. Rules are folded; their full text is there to be unfolded.
        identity: id of the table.
        rows: what the ids of its rows begin with; "" for the table's id.

    Returns:
        The HTML, which is readable without the page's script too.
    """
    head = [_head_cell(column) for column in table.columns]
    keys = table.keys or [""] * len(table.rows)
    body = [
        _row(row, table.columns, f"{rows or identity}-{key}" if key else None)
        for row, key in zip(table.rows, keys, strict=True)
    ]
    shown = element(
        "table",
        element("caption", table.title),
        element("thead", element("tr", head)),
        element("tbody", body),
        id=identity,
        class_="sortable",
    )
    filters = _filters(table, identity) if len(table.rows) >= FILTERED else Markup("")
    notes = [element("p", note, class_="note") for note in table.notes]
    scroller = element(
        "div", shown, class_="scroller", tabindex=0, role="region",
        aria_label=table.title,
    )  # fmt: skip
    return element("div", filters, scroller, notes, class_="table")


def _head_cell(column: DataColumn) -> Markup:
    right = column.kind in RIGHT
    return element(
        "th",
        column.title,
        scope="col",
        class_="number" if right else column.kind,
        title=column.meaning or None,
    )


def _row(
    row: Sequence[Value], columns: Sequence[DataColumn], identity: str | None
) -> Markup:
    cells = [_cell(value, each) for value, each in zip(row, columns, strict=True)]
    return element("tr", cells, id=identity)


def _cell(value: Value, column: DataColumn) -> Markup:
    text = value_text(value, column)
    if column.kind == "rule":
        return element("td", rule_html(text), class_="rule")
    if column.kind == "text":
        return element("td", text, class_="long" if len(text) > LONG else "text")
    middle = sum(value) / 2 if isinstance(value, tuple) else value
    known = isinstance(middle, int | float) and math.isfinite(middle)
    return element("td", text, class_="number", data_sort=str(middle) if known else "")


def rule_html(text: str) -> Markup:
    """Return a rule folded, with its full text to be unfolded where that differs.

    Args:
        text: of the rule in canonical form; "" for none.

    Returns:
        The HTML.
    """
    short = folded(text)
    if short == text:
        return element("code", text) if text else Markup("")
    full = element("code", text, class_="full")
    return element("details", element("summary", element("code", short)), full)


def _filters(table: DataTable, identity: str) -> Markup:
    """Fields that narrow a table; its script shows them."""
    fields = [
        _field("contains", element("input", type="search", data_filter="text"))
    ]  # fmt: skip
    for place, column in enumerate(table.columns):
        if column.filter == "choice":
            found = {
                part.strip()
                for row in table.rows
                for part in value_text(row[place], column).split(",")
            }
            options = [element("option", "any", value="")]
            options += [element("option", each) for each in sorted(found - {""})]
            chosen = element("select", options, data_filter="choice", data_column=place)
            fields.append(_field(column.title, chosen))
        elif column.filter == "most":
            most = element(
                "input", type="number", min=0, data_filter="most", data_column=place
            )
            fields.append(_field(f"{column.title} at most", most))
    count = element("output", f"{len(table.rows)} rows", aria_live="polite")
    return element("form", joined(fields), count, class_="filters", data_for=identity)


def _field(label: str, control: Markup) -> Markup:
    return element("label", element("span", label), control)
