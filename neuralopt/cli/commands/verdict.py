"""Run the command verdict: show the comparison that a search ended with."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence

from neuralopt.archive import Archive, VerdictRecord
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.report.sparkline import supports_unicode
from neuralopt.report.tables import comparison_table, write_table
from neuralopt.verdict.comparison import ComparisonRow
from neuralopt.verdict.records import compared, latest, restored
from neuralopt.verdict.scores import Benchmark


def verdict(options: argparse.Namespace) -> int:
    """Run the command verdict; nothing is trained.

    Args:
        options: parsed arguments: run, tasks, json.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the folder holds no archive, or its search has no verdict.
    """
    with Archive.open(archive_path(options.run)) as archive:
        records = latest(archive)
    if not records:
        raise ValueError(
            f"{options.run} has no verdict: its search is not finished, or ended with "
            "verdict.candidates=0; make one with "
            f"`neuralopt compare {options.run}:top5`"
        )
    if options.json:
        print(json.dumps([plain(*restored(record)) for record in records]))
        return 0
    shown = records if options.tasks else records[:1]
    print_verdict([(*restored(record), record.rules) for record in shown])
    if len(records) > 1 and not options.tasks:
        print(f"\nEach of its parts: neuralopt verdict {options.run} --tasks")
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(records[0].made))
    print(f"\nScored on {made}, when the search ended")
    return 0


def print_verdict(
    judged: Sequence[tuple[Benchmark, Sequence[str] | None, Mapping[str, str]]],
) -> None:
    """Print a table for each split of benchmarks, and what explains all of them.

    Args:
        judged: scores on fresh seeds; candidates from which the reference is chosen,
            None for all; and text of some candidates, by name, empty where the name
            says it.
    """
    tables = [
        (found, split, found.comparison(split, baselines), rules)
        for found, baselines, rules in judged
        for split in found.scores
    ]
    compared = [comparison for _, _, comparison, _ in tables]
    for found, split, comparison, rules in tables:
        print(f"\nOn the {split} split of {found.task}:")
        table = comparison_table(
            comparison,
            rules=rules,
            curves=found.curves(split),
            unicode=supports_unicode(sys.stdout),
            explained=compared if comparison is compared[-1] else (),
        )
        write_table(table, sys.stdout)


def plain(found: Benchmark, baselines: Sequence[str] | None) -> dict[str, object]:
    """Return a benchmark as standard JSON can hold it.

    Args:
        found: scores on fresh seeds.
        baselines: candidates from which the reference is chosen; None for all.

    Returns:
        Task, budget, seeds, and a list of rows for each split, best first.
    """
    return {
        "task": found.task,
        "budget": found.budget,
        "seeds": found.seeds,
        "splits": {
            split: [
                _plain_row(row)
                | {"qualities": [s.quality for s in scores.get(row.name, ())]}
                for row in found.comparison(split, baselines).rows
            ]
            for split, scores in found.scores.items()
        },
    }


def _plain_row(row: ComparisonRow) -> dict[str, object]:
    """A row's numbers; an interval without an end, and what failed, has None there."""

    def finite(number: float) -> float | None:
        return number if abs(number) <= 1 else None  # NaN is not

    return {
        "rank": row.rank,
        "name": row.name,
        "mean": finite(row.mean),
        "low": finite(row.low),
        "high": finite(row.high),
        "difference": finite(row.difference),
        "difference_low": finite(row.difference_low),
        "difference_high": finite(row.difference_high),
        "p_value": finite(row.p_value),
        "verdict": row.verdict,
        **({"reason": row.reason} if row.reason else {}),
    }


def of_proposals(archive: Archive) -> dict[int, tuple[ComparisonRow, VerdictRecord]]:
    """Return the row of each proposal in the newest verdict.

    Of several records it is that of the whole objective.

    Args:
        archive: of a search.

    Returns:
        (row, record of its verdict), by number of the proposal.
    """
    for record in latest(archive)[:1]:
        return {
            int(row.name[1:]): (row, record)
            for row in compared(record).rows
            if row.name[:1] == "#" and row.name[1:].isdigit()
        }
    return {}
