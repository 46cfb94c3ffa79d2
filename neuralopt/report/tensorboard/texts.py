"""The tables that TensorBoard shows of a search, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neuralopt.archive.ranking import RankedRule
from neuralopt.archive.records import Place
from neuralopt.verdict.records import compared
from neuralopt.views.baselines import objective_verdict
from neuralopt.views.labels import folded
from neuralopt.views.run_view import RunView

if TYPE_CHECKING:  # it loads torch
    from neuralopt.naming import Rediscovery


NOTE = (
    "Scores with an interval are means over fresh replicates; the others are single"
    " scores, which are high partly by luck. Alike: further rules that behave like this"
    " one. Size is nodes, memory is values a parameter, rate is the learning rate that"
    " was chosen."
)
"""What the columns of the leaderboard mean."""


LISTED = 12
"""Rules of the leaderboard: both of its tables are then seen without much scrolling."""


def leaderboard(rules: Sequence[RankedRule]) -> str:
    """Return the best rules as two tables, of the rules and of what is known of them.

    TensorBoard breaks words in the narrow columns of a table that is wider than the
    page, which one table with a column of rules would be.

    Args:
        rules: best first; the first of them are listed.

    Returns:
        Markdown: the tables, and below them what their columns mean.
    """
    rules = rules[:LISTED]
    first = [
        (str(rank), f"{rule.worth[1]:.4f}", code(folded(rule.rule)))
        for rank, rule in enumerate(rules, 1)
    ]
    second: list[tuple[str, ...]] = [
        (
            str(rank),
            f"#{rule.proposal.number}",
            _interval(rule.place),
            escaped(rule.name),
            f"+{rule.alike}" if rule.alike else "",
            "" if rule.size is None else str(rule.size),
            "" if rule.memory is None else str(rule.memory),
            "" if rule.proposal.lr is None else f"{rule.proposal.lr:.3g}",
        )
        for rank, rule in enumerate(rules, 1)
    ]
    titles = ("rank", "id", "95% interval", "nearest known", "alike", "size", "memory")
    rates = any(rule.proposal.lr is not None for rule in rules)
    if not rates:  # an objective of several parts has one for each of them
        second = [row[:-1] for row in second]
    tables = (
        table(("rank", "score", "rule"), first),
        table((*titles, "rate") if rates else titles, second),
        NOTE,
    )
    return "\n\n".join(tables)


def _interval(place: Place | None) -> str:
    return "" if place is None else f"{place.low:.4f} to {place.high:.4f}"


def rediscoveries(found: Sequence[Rediscovery]) -> str:
    """Return the named rules that were found as a table, in the order of finding.

    Args:
        found: in that order.

    Returns:
        Markdown.
    """
    rows = [(escaped(each.name), f"#{each.number}") for each in found]
    return table(("known rule", "first found by"), rows)


def configuration(context: Mapping[str, str]) -> str:
    """Return what the scores of a search depend on.

    Args:
        context: of its archive.

    Returns:
        Markdown: a table of what is short, and the settings as JSON.
    """
    settings = context.get("configuration", "")
    rows = [
        (escaped(name), code(value))
        for name, value in context.items()
        if name not in ("configuration", "adam")
    ]
    for name, value in _adam(context).items():
        rows.append((f"Adam on {escaped(name)}", f"{value:.4f}"))
    shown = table(("of the search", ""), rows)
    return f"{shown}\n\n```json\n{settings}\n```" if settings else shown


def _adam(context: Mapping[str, str]) -> Mapping[str, float]:
    found = json.loads(context.get("adam", "{}"))
    return {str(name): float(value) for name, value in found.items()}


def verdict(view: RunView) -> str:
    """Return the verdict of a search as a table.

    Args:
        view: of the search.

    Returns:
        Markdown; "" without a verdict.
    """
    record = objective_verdict(view.verdicts)
    if record is None:
        return ""
    comparison = compared(record)
    rows = [
        (
            *(
                ("", escaped(row.name), "", "")
                if row.verdict == "failed to run"
                else (
                    str(row.rank),
                    escaped(row.name),
                    f"{row.mean:.4f}",
                    f"{row.low:.4f} to {row.high:.4f}",
                )
            ),
            escaped(row.verdict),
            code(folded(record.rules.get(row.name, ""))),
        )
        for row in comparison.rows
    ]
    titles = ("rank", "name", "mean", "95% interval", "verdict", "rule")
    note = (
        f"On {len(record.seeds)} fresh seeds of {record.task}, each against"
        f" {comparison.reference}."
    )
    return f"{table(titles, rows)}\n\n{escaped(note)}"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown.

    Args:
        titles: of the columns.
        rows: cells, which are Markdown already.

    Returns:
        Lines: titles, a rule, and one for each row.
    """
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """Return text as Markdown that shows it as it is, in a cell too.

    Args:
        text: of one line.

    Returns:
        The text with a backslash before what has a meaning.
    """
    return "".join(f"\\{each}" if each in "\\`*_[]<>#|" else each for each in text)


def code(text: str) -> str:
    """Return text as code in a cell.

    TensorBoard's Markdown does not end a cell at a ``|`` inside code, and would show
    the backslash of an escaped one; a backtick would end the code, so it is shown as an
    apostrophe.

    Args:
        text: of a rule.

    Returns:
        Markdown; "" for no text.
    """
    shown = " ".join(text.replace("`", "'").split())
    return f"`{shown}`" if shown else ""
