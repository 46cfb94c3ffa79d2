"""An explanation as text, as HTML and as Markdown: the same sections in all three."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from neuralopt.anatomy.explanation import Explanation
from neuralopt.anatomy.sentences import (
    ablation_notes,
    advice_facts,
    input_facts,
    rate_notes,
    rule_facts,
    stability_facts,
)
from neuralopt.anatomy.tables import ablation_table, rates_table
from neuralopt.html_table import html_table
from neuralopt.report.tables import Table

_NAMES = 22
"""Characters of the column of names."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an explanation.

    Attributes:
        title: a few words.
        facts: name and text of each line; may be empty.
        table: below the facts, if there is one.
        notes: sentences below the table.
    """

    title: str
    facts: Sequence[tuple[str, str]] = ()
    table: Table | None = None
    notes: Sequence[str] = ()


def sections_of(explanation: Explanation) -> list[Section]:
    """Return the sections of an explanation, in the order of reading.

    Args:
        explanation: of a rule; parts that were not measured are left out.
    """
    known = explanation.invariances
    found = [
        Section("The rule", rule_facts(explanation)),
        Section("Its inputs", input_facts(known)),
        Section(
            "Stability on quadratics",
            stability_facts(explanation.stability, known.random, known.tensor_scope),
        ),
    ]
    if explanation.ablation is not None:
        table = ablation_table(explanation.ablation)
        notes = ablation_notes(explanation.ablation)
        found.append(Section("What each part contributes", (), table, notes))
    if explanation.curves:
        table = rates_table(explanation)
        found.append(Section("Learning rates", (), table, rate_notes(explanation)))
    found.append(Section("Coming from AdamW", advice_facts(explanation)))
    return found


def text_of(explanation: Explanation, width: int | None = None) -> str:
    """Return an explanation as plain text.

    Args:
        explanation: of a rule.
        width: of the terminal, in characters; None for tables of one line a row.
    """
    lines = []
    for section in sections_of(explanation):
        lines.append(section.title)
        lines += [f"  {name:<{_NAMES}}{text}" for name, text in section.facts]
        if section.table is not None:
            inner = None if width is None else width - 2
            lines += [f"  {line}" for line in section.table.text(inner).splitlines()]
        lines += [f"  {note}" for note in section.notes]
        lines.append("")
    return "\n".join(lines[:-1])


def html_of(explanation: Explanation) -> str:
    """Return an explanation as a fragment of HTML, without the picture.

    Args:
        explanation: of a rule.
    """
    pieces = []
    for section in sections_of(explanation):
        pieces.append(f"<h2>{escape(section.title)}</h2>")
        if section.facts:
            pieces.append(html_table(["", ""], section.facts))
        if section.table is not None:
            pieces.append(section.table._repr_html_())
        pieces += [f"<p>{escape(note)}</p>" for note in section.notes]
    return "".join(pieces)


def markdown_of(explanation: Explanation) -> str:
    """Return an explanation as Markdown of GitHub's flavour.

    Args:
        explanation: of a rule.
    """
    lines = [f"# {_plain(explanation.name)}", ""]
    for section in sections_of(explanation):
        lines += [f"## {section.title}", ""]
        if section.facts:
            lines += _markdown_table(["", ""], section.facts)
        if section.table is not None:
            titles = [column.title for column in section.table.columns]
            rows = [[cell.text for cell in row] for row in section.table.rows]
            lines += _markdown_table(titles, rows)
            for note in section.table.notes:
                lines += [_plain(note), ""]
        for note in section.notes:
            lines += [_plain(note), ""]
    return "\n".join(lines)


def _markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [titles, ["---"] * len(titles), *rows]
    return [f"| {' | '.join(map(_plain, row))} |" for row in lines] + [""]


def _plain(text: str) -> str:
    """Text that Markdown does not read as markup."""
    return "".join("\\" + each if each in r"\`*_[]<>|#~$" else each for each in text)
