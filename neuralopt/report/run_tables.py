"""Tables of what a search found: its best rules, the verdict, and known rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neuralopt.archive.ranking import RankedRule
from neuralopt.report.data_table import DataColumn, DataTable, Value
from neuralopt.report.tables.comparison import undecided
from neuralopt.report.tables.proposals import SHORTLIST_NOTE

if TYPE_CHECKING:  # they load scipy
    from neuralopt.verdict.comparison import Comparison

NO_VERDICT = "not compared"


def leaderboard(
    rules: Sequence[RankedRule],
    verdicts: Mapping[tuple[int, int], str] | None = None,
    places: Sequence[int] = (),
    names: Sequence[str] = ("",),
) -> DataTable:
    """Return the best rules, with what was found out about them.

    Args:
        rules: best first. Of a pruned rule the plainer form is shown.
        verdicts: in a word or two, by place of the run and number of the proposal.
        places: of each rule's run among the names; by default all are of the first.
        names: of the runs; "" for a run that need not be named.

    Returns:
        The table. A row's key is the place of its run and the number of its proposal,
        such as ``0-12``.
    """
    verdicts = verdicts or {}
    measured = any(rule.place for rule in rules)
    worths = [rule.worth for rule in rules]
    places = places or [0] * len(rules)
    columns = (
        DataColumn("rank", "number"),
        DataColumn("run", filter="choice"),
        DataColumn("score", "number", 4),
        DataColumn("95% interval", "interval", 4),
        DataColumn("rule", "rule"),
        DataColumn("nearest known rule"),
        DataColumn("families", filter="choice"),
        DataColumn("size", "number", filter="most"),
        DataColumn("memory", "number", filter="most"),
        DataColumn("rate"),
        DataColumn("verdict", filter="choice"),
        DataColumn("id", "id"),
        DataColumn("alike", "number"),
        DataColumn("replicates", "number"),
        DataColumn("search's score", "number", 4),
        DataColumn("pruned from", "rule"),
    )
    rows = []
    for rule, worth, run in zip(rules, worths, places, strict=True):
        place, quality = rule.place, rule.proposal.quality
        known = quality is not None and not math.isnan(quality)
        cells: tuple[Value, ...] = (
            1 + sum(other > worth for other in worths) if known else None,
            names[run],
            quality if place is None else place.mean,
            None if place is None else (place.low, place.high),
            rule.rule,
            rule.name,
            ", ".join(rule.behaviour.families) if rule.behaviour else "",
            rule.size,
            rule.memory,
            rate_text(rule),
            verdicts.get((run, rule.proposal.number), NO_VERDICT if verdicts else ""),
            rule.proposal.number,
            rule.alike or None,
            None if place is None else place.replicates,
            quality if measured else None,
            rule.proposal.canonical if rule.pruned else "",
        )
        rows.append(cells)
    keys = tuple(
        f"{run}-{rule.proposal.number}" for run, rule in zip(places, rules, strict=True)
    )
    table = DataTable(
        "leaderboard", "Best rules", columns, tuple(rows), _notes(rules), keys
    )
    return table.without_empty()


def _notes(rules: Sequence[RankedRule]) -> tuple[str, ...]:
    sentences = []
    if any(rule.place for rule in rules):
        text = SHORTLIST_NOTE.replace("'one score' is", "The search's score is")
        sentences.append(f"{text} A score without an interval is such a one.")
    sentences.append(
        "Size is nodes of the rule as shown, memory is values kept per parameter, rate "
        "is the learning rate that suited the rule, or the range over tasks."
    )
    if any(rule.alike for rule in rules):
        sentences.append(
            "Of rules that behave alike the best one is listed; 'alike' counts the "
            "others."
        )
    if any(rule.pruned for rule in rules):
        sentences.append(
            "A pruned rule was found not to be worse than the one that it was pruned "
            "from, whose score and rank it has."
        )
    return (" ".join(sentences),)


def rate_text(rule: RankedRule) -> str:
    """Return the learning rate that suited a rule, or the range of several tasks.

    Args:
        rule: scored or not.

    Returns:
        Such as ``0.01`` or ``0.001 to 0.1``; "" where there was none.
    """
    score = rule.proposal.score
    if score is None:
        return ""
    rates = [score.lr] if score.lr else [task.lr for task in score.tasks]
    known = sorted({rate for rate in rates if rate})
    return " to ".join(f"{rate:.3g}" for rate in dict.fromkeys(known[:1] + known[-1:]))


def verdict(
    comparison: Comparison,
    rules: Mapping[str, str],
    where: str,
    title: str = "Verdict",
    run: str = "",
) -> DataTable:
    """Return candidates on fresh seeds, with their differences from the reference.

    Args:
        comparison: of candidates by name.
        rules: text of some or all candidates, by name.
        where: on which task and split, such as "the selection split of digits".
        title: of the table.
        run: that the verdict is of; "" if it need not be named.

    Returns:
        The table, best candidate first.
    """
    percent = f"{100 * comparison.confidence:g}% interval"
    columns = (
        DataColumn("run"),
        DataColumn("rank", "number"),
        DataColumn("candidate"),
        DataColumn("mean", "number", 4),
        DataColumn(percent, "interval", 4),
        DataColumn("difference", "number", 4),
        DataColumn("difference's interval", "interval", 4),
        DataColumn("p", "number"),
        DataColumn("verdict", filter="choice"),
        DataColumn("diverged seeds", "number"),
        DataColumn("rule", "rule"),
    )
    rows = []
    for row in comparison.rows:
        failed = row.verdict == "failed to run"
        itself = row.verdict == "reference" or failed
        ends = (row.difference_low, row.difference_high)
        cells: tuple[Value, ...] = (
            run,
            None if failed else row.rank,
            row.name,
            None if failed else row.mean,
            None if failed else (row.low, row.high),
            None if itself else row.difference,
            None if itself else ends,
            None if itself else row.p_value,
            row.verdict,
            row.diverged or None,
            rules.get(row.name, ""),
        )
        rows.append(cells)
    seeds = f"{comparison.seeds} fresh seed{'s' * (comparison.seeds != 1)}"
    note = (
        f"On {where}. Means are of the quality on {seeds}, the same for all. "
        f"Differences are from {comparison.reference}; their intervals and p are "
        f"corrected for {comparison.family} comparisons. 'no difference shown' says "
        "that these seeds do not decide, not that the rules are equal."
    )
    notes = [note, undecided(comparison)] + [
        f"{row.name} failed to run: {row.reason}"
        for row in comparison.rows
        if row.reason
    ]
    told = tuple(filter(None, notes))
    return DataTable("verdict", title, columns, tuple(rows), told).without_empty()


def rediscoveries(
    found: Sequence[tuple[str, str, int, int | None]], several: bool = False
) -> DataTable:
    """Return which named rules were found, and when.

    Args:
        found: run, name of the rule, number of the proposal, and rules trained up to
            it or None, in the order of finding.
        several: whether they are of several runs.

    Returns:
        The table.
    """
    columns = (
        DataColumn("run"),
        DataColumn("known rule"),
        DataColumn("id", "id"),
        DataColumn("rules trained", "number"),
    )
    rows = tuple(
        (run if several else "", name, number, charged)
        for run, name, number, charged in found
    )
    note = (
        "The first useful proposal whose updates equal those of the known rule, up to "
        "a factor. Useful: with half of the best score so far."
    )
    title = "Known rules found again"
    return DataTable("rediscoveries", title, columns, rows, (note,)).without_empty()
