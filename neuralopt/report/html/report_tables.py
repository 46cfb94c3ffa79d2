"""The tables of a page, for other formats."""

from __future__ import annotations

from collections.abc import Sequence

from neuralopt.report.data_table import DataTable
from neuralopt.report.html.run_report import RunReport
from neuralopt.report.html.sections import verdict_table
from neuralopt.report.html.several import leaderboards, runs_table
from neuralopt.report.run_tables import rediscoveries

TABLES = ("leaderboard", "verdict", "rediscoveries", "runs")
"""Names of the tables."""


def report_tables(reports: Sequence[RunReport]) -> list[DataTable]:
    """Return the tables of one or several runs.

    Args:
        reports: of the runs, at least one.

    Returns:
        The best rules (a table for each objective), the verdict of each run, and the
        known rules that were found; of several runs they side by side come first.
    """
    several = len(reports) > 1
    tables = [runs_table(reports)] if several else []
    tables += leaderboards(reports)
    tables += [
        verdict_table(report.judged[0], report.run if several else "")
        for report in reports
        if report.judged
    ]
    found = [
        (report.run, each.name, each.number, each.charged)
        for report in reports
        for each in report.view.rediscoveries
    ]
    return [*tables, rediscoveries(found, several)]
