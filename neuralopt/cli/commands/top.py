"""The command top: the best rules of one or several runs."""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from itertools import islice

from neuralopt.archive import Archive, Proposal, flat
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.report.tables import proposals_table, write_table

SHOWN = 20
COMPARABLE = ("task fingerprint", "budget", "adam")
"""Entries of a context that must agree for qualities to be comparable."""


def top(options: argparse.Namespace) -> int:
    if options.n is not None and options.n < 1:
        raise ValueError(f"-n is {options.n}: give 1 or more")
    for number, run in enumerate(options.runs):
        with Archive.open(archive_path(run)) as archive:
            chosen = _chosen(archive, options.n, options.all)
            if options.json:
                for proposal in chosen:
                    named = {"run": run} if len(options.runs) > 1 else {}
                    print(json.dumps(named | _plain(proposal)))
                continue
            if len(options.runs) > 1:
                print(f"{'' if number == 0 else chr(10)}{run}:")
            write_table(proposals_table(list(chosen)), sys.stdout)
    return 0


def _chosen(
    archive: Archive, count: int | None, everything: bool
) -> Iterator[Proposal]:
    if everything:
        return islice(archive.proposals(), count)
    return iter(archive.best(SHOWN if count is None else count))


def _plain(proposal: Proposal) -> dict[str, object]:
    """A proposal as standard JSON: infinite and NaN numbers become null."""

    def plain(value: object) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {name: plain(value) for name, value in flat(proposal).items()}
