"""Run the command top: list the best rules of one or several runs."""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice

from neuralopt.archive import Archive, Place, Proposal, flat
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.report.tables import proposals_table, worth, write_table

SHOWN = 20
COMPARABLE = ("task fingerprint", "budget", "adam", "precision")
"""Entries of a context that agree where qualities of runs can be compared."""

Chosen = list[tuple[str, Proposal, Place | None]]
"""Proposals with the runs that they are of, and their places if they have one."""


def top(options: argparse.Namespace) -> int:
    """Run the command top.

    Args:
        options: parsed arguments: runs, n, all, json.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: -n is below 1, or a folder holds no archive.
    """
    if options.n is not None and options.n < 1:
        raise ValueError(f"-n is {options.n}: give 1 or more")
    groups: dict[tuple[str, ...], Chosen] = {}
    judged: list[str] = []
    for run in options.runs:
        with Archive.open(archive_path(run)) as archive:
            chosen = _chosen(archive, options.n, options.all)
            places = {place.number: place for place in archive.measured()}
            if options.json:
                named = {"run": run} if len(options.runs) > 1 else {}
                for proposal in chosen:
                    place = {"measured": _place(places.get(proposal.number))}
                    print(json.dumps(named | _plain(proposal) | place))
                continue
            key = _objective(archive.context)
            groups.setdefault(key, []).extend(
                (run, each, places.get(each.number)) for each in chosen
            )
            judged += [run] if archive.verdicts() else []
    for number, group in enumerate(groups.values()):
        if number:
            print("\nScored differently, so in a table of their own:")
        _write(group, options)
    for run in judged:
        print(f"\nThe best on fresh seeds: neuralopt verdict {run}")
    return 0


def _objective(context: Mapping[str, str]) -> tuple[str, ...]:
    """What qualities depend on, except for the seed."""
    try:
        budget = json.loads(context["configuration"])["budget"]
    except (KeyError, TypeError, ValueError):
        budget = None
    named = (context.get(name, "") for name in COMPARABLE)
    return (*named, json.dumps(budget, sort_keys=True))


def _chosen(archive: Archive, count: int | None, every: bool) -> Iterator[Proposal]:
    if every:
        return islice(archive.proposals(), count)
    return iter(archive.best(SHOWN if count is None else count))


def _write(chosen: Chosen, options: argparse.Namespace) -> None:
    """Write a table: of one run as it is, of several the best of all of them."""
    if len(options.runs) > 1 and not options.all:
        chosen.sort(key=lambda each: worth(each[1], each[2]), reverse=True)
        chosen = chosen[: SHOWN if options.n is None else options.n]
    runs = [run for run, _, _ in chosen] if len(options.runs) > 1 else None
    places = [place for _, _, place in chosen]
    table = proposals_table([each for _, each, _ in chosen], runs=runs, places=places)
    write_table(table, sys.stdout)


def _place(place: Place | None) -> dict[str, object] | None:
    """A place by fresh replicates as JSON, without the number."""
    if place is None:
        return None
    kept = asdict(place)
    del kept["number"]
    return kept


def _plain(proposal: Proposal) -> dict[str, object]:
    """A proposal as standard JSON: infinite and NaN numbers become null."""

    def plain(value: object) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in flat(proposal).items()}
