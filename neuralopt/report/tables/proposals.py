"""Lay out proposals of any status as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from neuralopt.archive import Place, Proposal
from neuralopt.archive.ranking import RankedRule
from neuralopt.report.rule_text import rule_text
from neuralopt.report.tables.layout import Cell, Column, Table

SHORTLIST_NOTE = (
    "Means are over fresh replicates, which did not select the rules. 'one score' is "
    "what the search was told; the highest of thousands of these are high by luck too."
)


def proposals_table(
    proposals: Iterable[Proposal],
    notes: Sequence[str] | None = None,
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
        notes: paragraphs below the table; by default one that explains means, where
            there are any.
        runs: name of each proposal's run, where they are of several.
        places: of each proposal that was measured, None for one that was not; none at
            all where there is no shortlist.

    Returns:
        The table; its rule column may move below.
    """
    shown = list(proposals)
    measured = any(places)
    standing = list(places) if measured else [None] * len(shown)
    rules = [RankedRule(p, at) for p, at in zip(shown, standing, strict=True)]
    status = any(proposal.status != "scored" for proposal in shown)
    columns = (
        *standing_columns(measured, runs is not None, status),
        Column("rule", below=1),
    )
    rows = tuple(
        (*cells, Cell(rule_text(proposal)))
        for cells, proposal in zip(standings(rules, runs, status), shown, strict=True)
    )
    explained = ([SHORTLIST_NOTE] if measured else []) if notes is None else notes
    return Table(columns, rows, tuple(explained))


def standing_columns(measured: bool, runs: bool, status: bool) -> tuple[Column, ...]:
    """Return the columns of `standings`.

    Args:
        measured: whether some were measured on fresh replicates.
        runs: whether there is a column of runs.
        status: whether there is a column of statuses.

    Returns:
        The columns from rank to lr.
    """
    return (
        Column("rank", right=True),
        *([Column("run")] if runs else []),
        Column("number", right=True),
        *([Column("status")] if status else []),
        *([Column("mean", right=True), Column("95% interval")] if measured else []),
        Column("one score" if measured else "quality", right=True),
        Column("lr", right=True),
    )


def standings(
    rules: Sequence[RankedRule], runs: Sequence[str] | None, status: bool
) -> list[tuple[Cell, ...]]:
    """Return the places of rules: rank, number, mean, interval, quality and lr.

    Args:
        rules: in the order to be shown; they are ranked by their worth.
        runs: name of each rule's run, where they are of several.
        status: whether there is a column of statuses.

    Returns:
        The cells of each rule, for `standing_columns`.
    """
    measured = any(rule.place for rule in rules)
    values = [rule.worth for rule in rules]
    names = [""] * len(rules) if runs is None else runs
    rows = []
    for rule, mine, run in zip(rules, values, names, strict=True):
        proposal = rule.proposal
        quality = math.nan if proposal.quality is None else proposal.quality
        missing = math.isnan(quality)
        cells = (
            Cell("-" if missing else str(1 + sum(other > mine for other in values))),
            *([Cell(run)] if runs is not None else []),
            Cell(str(proposal.number)),
            *([Cell(proposal.status)] if status else []),
            *(_place_cells(rule.place) if measured else []),
            Cell("-" if missing else f"{quality:.4f}", "" if measured else "bold"),
            Cell("-" if proposal.lr is None else f"{proposal.lr:g}"),
        )
        rows.append(cells)
    return rows


def _place_cells(place: Place | None) -> list[Cell]:
    if place is None:
        return [Cell("-"), Cell("")]
    interval = f"{place.low:.4f}..{place.high:.4f}"
    return [Cell(f"{place.mean:.4f}", "bold"), Cell(interval)]
