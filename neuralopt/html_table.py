"""Tables in HTML, for notebooks."""

from collections.abc import Iterable, Sequence
from html import escape


def html_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Sequence[bool] = (),
    notes: Sequence[str] = (),
) -> str:
    """Return a table in HTML; all text is escaped.

    Args:
        titles: Titles of the columns.
        rows: Texts of the cells, as many as there are titles.
        right: Whether each column is aligned right; by default all are aligned left.
        notes: Paragraphs below the table.

    Example:
        >>> html_table(["rule"], [["<g>"]])
        '<table><tr><th align="left">rule</th></tr><tr><td align="left">&lt;g&gt;</td></tr></table>'
    """  # noqa: E501  # HTML has no line breaks here
    sides = ["right" if side else "left" for side in right or [False] * len(titles)]

    def line(tag: str, texts: Sequence[str]) -> str:
        cells = (
            f'<{tag} align="{side}">{escape(text)}</{tag}>'
            for side, text in zip(sides, texts, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line("td", row) for row in rows)
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<table>{line('th', titles)}{body}</table>{below}"
