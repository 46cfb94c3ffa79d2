"""Read a page as a browser would, as far as tests need it."""

import json
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """The elements of a page.

    Attributes:
        elements: names with their attributes, in order.
        scripts: (type, text) of each script.
        tables: rows of texts of cells, by id of the table.
        sections: texts by id of the section.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.sections: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str]]] = []
        self._rows: list[list[str]] = []
        self._section = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        self.elements.append((tag, attributes))
        if tag == "script":
            self.scripts.append((attributes.get("type", ""), ""))
        elif tag == "table":
            self._rows = self.tables.setdefault(attributes["id"], [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif tag == "section" and "id" in attributes:
            self._section = attributes["id"]
            self.sections[self._section] = ""
        self._open.append((tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        within = [tag for tag, _ in self._open]
        if "script" in within:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif "style" not in within:
            if {"td", "th"} & {*within} and not self._is_full():
                self._rows[-1][-1] += data
            if self._section:
                self.sections[self._section] += data

    def _is_full(self) -> bool:
        """Whether this is the full text of a rule, which is unfolded on demand."""
        return any(attributes.get("class") == "full" for _, attributes in self._open)

    @property
    def ids(self) -> list[str]:
        """All ids of elements."""
        return [held["id"] for _, held in self.elements if "id" in held]

    @property
    def charts(self) -> dict[str, dict[str, Any]]:
        """Data of the charts, by id."""
        blocks = [held for tag, held in self.elements if tag == "script"]
        return {
            held["id"].removesuffix("-data"): json.loads(text)
            for held, (kind, text) in zip(blocks, self.scripts, strict=True)
            if kind == "application/json"
        }

    def column(self, table: str, title: str) -> list[str]:
        """The texts of a column."""
        head, *rows = self.tables[table]
        return [row[head.index(title)] for row in rows]
