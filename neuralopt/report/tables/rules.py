"""Lay out the best rules as a table, with what was found out about them."""

from __future__ import annotations

from collections.abc import Sequence

from neuralopt.archive.ranking import RankedRule, front
from neuralopt.report.rule_text import folded
from neuralopt.report.tables.layout import Cell, Column, Table
from neuralopt.report.tables.proposals import (
    SHORTLIST_NOTE,
    standing_columns,
    standings,
)

FRONT_MARK = "*"


def rules_table(
    rules: Sequence[RankedRule],
    notes: Sequence[str] | None = None,
    runs: Sequence[str] | None = None,
) -> Table:
    """Return a table of rank, number, quality, lr, size, memory, likeness and rule.

    Columns of means, likenesses, of how many rules are alike, and of what a rule was
    pruned from are left out where they would be empty. Sizes of rules on the Pareto
    front of rank and size are marked.

    Args:
        rules: in the order to be shown. Of a pruned rule the plainer form is shown.
        notes: paragraphs below the table; by default `footnote` of these rules.
        runs: name of each rule's run, where they are of several.

    Returns:
        The table; likenesses and rules may move below, and further below what they were
        pruned from.
    """
    measured = any(rule.place for rule in rules)
    named = any(rule.name for rule in rules)
    alike = any(rule.alike for rule in rules)
    pruned = any(rule.pruned for rule in rules)
    columns = (
        *standing_columns(measured, runs is not None, status=False),
        Column("size", right=True),
        Column("memory", right=True),
        *([Column("alike", right=True)] if alike else []),
        *([Column("likeness", below=1)] if named else []),
        Column("rule", below=1),
        *([Column("pruned from", below=2)] if pruned else []),
    )
    marked = {id(rule) for rule in front(rules)}
    rows = []
    for rule, cells in zip(rules, standings(rules, runs, False), strict=True):
        size, memory = _count(rule.size), _count(rule.memory)
        before = folded(rule.proposal.canonical) if rule.pruned else ""
        more = (
            Cell(size + (FRONT_MARK if id(rule) in marked else " ")),
            Cell(memory),
            *([Cell(f"+{rule.alike}" if rule.alike else "")] if alike else []),
            *([Cell(rule.name)] if named else []),
            Cell(folded(rule.rule)),
            *([Cell(before, "dim")] if pruned else []),
        )
        rows.append((*cells, *more))
    explained = (footnote(rules),) if notes is None else tuple(notes)
    return Table(columns, tuple(rows), explained)


def footnote(rules: Sequence[RankedRule]) -> str:
    """Return what explains the columns of a table of rules, or of several tables.

    Args:
        rules: all that are shown.

    Returns:
        One paragraph; it explains no columns that are left out.
    """
    sentences = [SHORTLIST_NOTE] if any(rule.place for rule in rules) else []
    sentences.append(
        "Size is nodes of the rule as shown, memory is values per parameter. "
        f"{FRONT_MARK}: no rule listed is better and as small."
    )
    if any(rule.name for rule in rules):
        sentences.append(
            "Likeness is how similar its updates are to those of the nearest known "
            "rule; '=' means equal up to a factor."
        )
    if any(rule.alike for rule in rules):
        sentences.append(
            "'alike' counts other proposals that behave like this one, or were "
            "pruned to it."
        )
    if margins := [r.pruning.margin for r in rules if r.pruning and r.pruned]:
        sentences.append(
            "Pruned rules have the ranks of the rules that they were pruned from, and "
            f"were found not to lose more than {max(margins):g} of quality."
        )
    return " ".join(sentences)


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)
