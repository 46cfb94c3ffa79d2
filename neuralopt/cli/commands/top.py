"""Run the command top: list the best rules of one or several runs."""

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import compress, islice

from neuralopt.archive import Archive, flat
from neuralopt.archive.objective import objective
from neuralopt.archive.ranking import (
    Findings,
    RankedRule,
    front,
    ranking,
    rule_memory,
    rule_size,
)
from neuralopt.cli.rule_filter import TOGETHER, RuleFilter, filter_of
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.report.tables import proposals_table, rules_table, write_table
from neuralopt.report.tables.proposals import SHORTLIST_NOTE
from neuralopt.report.tables.rules import footnote

SHOWN = 20

Chosen = list[tuple[str, RankedRule]]
"""Rules with the runs that they are of."""


def top(options: argparse.Namespace) -> int:
    """Run the command top.

    Args:
        options: parsed arguments: runs, n, all, front, ungrouped, json, and those of
            `filter_of`.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: -n is below 1, options contradict each other, a filter names
            something unknown, or a folder holds no archive.
    """
    if options.n is not None and options.n < 1:
        raise ValueError(f"-n is {options.n}: give 1 or more")
    if options.all and (options.front or options.ungrouped):
        other = "--front" if options.front else "--ungrouped"
        raise ValueError(f"--all lists every proposal: leave out {other}")
    chooses = filter_of(options)
    groups: dict[tuple[str, ...], Chosen] = {}
    judged: list[str] = []
    for run in options.runs:
        with Archive.open(archive_path(run)) as archive:
            chosen = _chosen(archive, options, chooses)
            if options.json:
                source = {"run": run} if len(options.runs) > 1 else {}
                for rule in chosen:
                    print(json.dumps(source | _plain(rule)))
                continue
            key = objective(archive.context)
            groups.setdefault(key, []).extend((run, rule) for rule in chosen)
            judged += [run] if archive.verdicts() else []
    if options.json:
        return 0
    _write([_merged(group, options) for group in groups.values()], options, chooses)
    for run in judged:
        print(f"\nThe best on fresh seeds: neuralopt verdict {run}")
    return 0


def _chosen(
    archive: Archive, options: argparse.Namespace, chooses: RuleFilter
) -> Iterable[RankedRule]:
    """What is listed of one run; disguises are grouped unless all are asked for."""
    keep = chooses if chooses else None
    if options.all:
        return islice(_all(archive, chooses), options.n)
    if options.front:
        found = front(ranking(archive, len(archive), grouped=False, keep=keep))
        # Of several runs they are merged first, and then cut.
        return found[: options.n if len(options.runs) == 1 else None]
    ungrouped = options.ungrouped or options.json
    return ranking(archive, options.n or SHOWN, grouped=not ungrouped, keep=keep)


def _all(archive: Archive, chooses: RuleFilter) -> Iterator[RankedRule]:
    """Every proposal that is chosen, in order."""
    findings, proposals = Findings(archive), archive.proposals()
    if not chooses:
        yield from map(findings.of, proposals)
        return
    while some := list(islice(proposals, TOGETHER)):
        rules = findings.of_all(some)
        yield from compress(rules, chooses(rules))


def _merged(chosen: Chosen, options: argparse.Namespace) -> Chosen:
    """What is listed in one table: of several runs the best of all of them."""
    if len(options.runs) == 1 or options.all:
        return chosen
    chosen = sorted(chosen, key=lambda each: each[1].worth, reverse=True)
    if options.front:
        kept = {
            id(rule): place for place, rule in enumerate(front(r for _, r in chosen))
        }
        chosen = [each for each in chosen if id(each[1]) in kept]
        return sorted(chosen, key=lambda each: kept[id(each[1])])[: options.n]
    return chosen[: options.n or SHOWN]


def _write(
    tables: Sequence[Chosen], options: argparse.Namespace, chooses: RuleFilter
) -> None:
    """Write tables of runs that were scored alike, and what explains them, once."""
    everything = [rule for chosen in tables for _, rule in chosen]
    if chooses and not everything:
        print("No rule has what the options ask for.")
        return
    shown = [chosen for chosen in tables if chosen or not chooses]
    for number, chosen in enumerate(shown, 1):
        if number > 1:
            print("\nScored differently, so in a table of their own:")
        rules = [rule for _, rule in chosen]
        runs = [run for run, _ in chosen] if len(options.runs) > 1 else None
        last = number == len(shown)
        if options.all:
            places = [rule.place for rule in rules]
            proposals = [rule.proposal for rule in rules]
            measured = last and any(rule.place for rule in everything)
            notes = [SHORTLIST_NOTE] if measured else []
            table = proposals_table(proposals, notes, runs, places)
        else:
            notes = [footnote(everything)] if everything and last else []
            table = rules_table(rules, notes, runs)
        write_table(table, sys.stdout)


def _plain(rule: RankedRule) -> dict[str, object]:
    """A rule as standard JSON: infinite and NaN numbers become null.

    The keys of the proposal come first, as `Archive.to_pandas` has them. Size and
    memory are those of its own rule; the plainer one has its own.
    """
    canonical = rule.proposal.canonical
    found: dict[str, object] = {
        "measured": _finding(rule.place),
        "behaviour": _finding(rule.behaviour),
        "size": rule_size(canonical),
        "memory": rule_memory(canonical),
        "pruned": _finding(rule.pruning),
    }
    pruned = found["pruned"]
    if isinstance(pruned, dict):
        pruned |= {"size": rule.size, "memory": rule.memory}
    values = flat(rule.proposal) | found
    return {name: _finite(value) for name, value in values.items()}


def _finding(finding: object) -> dict[str, object] | None:
    """What was found out about a proposal, without its number."""
    if finding is None:
        return None
    kept = asdict(finding)  # type: ignore[call-overload]  # any dataclass
    del kept["number"]
    return dict(kept)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, tuple) else value
