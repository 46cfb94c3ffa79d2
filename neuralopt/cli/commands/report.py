"""Run the command report: write what runs found as a page, a picture or tables."""

import argparse
import math
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from neuralopt import __version__
from neuralopt.archive import Archive
from neuralopt.catalog import hint
from neuralopt.cli.config.reproducing import reproducing_overrides
from neuralopt.cli.config.saved import settings_from_text
from neuralopt.cli.rule_lookup import archive_path
from neuralopt.picture_files import KINDS, save_figure
from neuralopt.report.data_table import DataTable
from neuralopt.report.html.page import page
from neuralopt.report.html.report_tables import TABLES, report_tables
from neuralopt.report.html.run_report import RunReport, read_report
from neuralopt.report.table_formats import FORMATS
from neuralopt.views.run_view import read_run
from neuralopt.whole_file import write_whole

PAGE = "report.html"
"""Name of the page in its run directory."""

CARDS = 4
"""Cards on the page of one run."""

PACKAGES = ("numpy", "torch", "numba")
"""Packages whose versions a page has."""


def report(options: argparse.Namespace) -> int:
    """Run the command report.

    Args:
        options: parsed arguments: runs, output, format, table, n.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a folder holds no archive, a run is named twice, or an option does
            not fit the format.
        OSError: the file can't be written.
    """
    _check(options)
    if _is_picture(options.output):
        _write_picture(options.runs[0], Path(options.output))
        print(options.output)
        return 0
    count = options.cards
    limited = count is None
    if count is None:
        count = CARDS if len(options.runs) == 1 else 0
    whole = options.format == "html"
    reports = [_read(run, options.n, whole, count, limited) for run in options.runs]
    if options.format == "html":
        where = Path(options.output or Path(options.runs[0], PAGE))
        write_whole(where, page(reports))
        print(where)
        return 0
    tables = [
        each
        for each in report_tables(reports)
        if options.table in ("", each.name) and each.rows
    ]
    if options.table and not tables:
        raise ValueError(f"there is nothing yet for the table {options.table}")
    text = _tables_text(tables, options.format)
    if options.output:
        write_whole(Path(options.output), text)
        print(options.output)
    else:
        sys.stdout.write(text)
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.n < 1:
        raise ValueError(f"-n is {options.n}: give 1 or more")
    if options.cards is not None and options.cards < 0:
        raise ValueError(f"--cards is {options.cards}: give 0 or more")
    if _is_picture(options.output) and options.format != "html":
        raise ValueError(f"{options.output} is a picture: leave out --format")
    if _is_picture(options.output) and len(options.runs) > 1:
        raise ValueError(f"{options.output} is a picture of one run: name one")
    places = [archive_path(run).resolve() for run in options.runs]
    for run, place in zip(options.runs, places, strict=True):
        if places.count(place) > 1:
            raise ValueError(f"{run} is named twice: name each run once")
    if options.table and options.format == "html":
        raise ValueError("--table is for --format markdown, csv and latex")
    if options.table and options.table not in TABLES:
        raise ValueError(
            f"there is no table {options.table!r}: {hint(options.table, TABLES)}"
        )


def _is_picture(output: str) -> bool:
    return Path(output).suffix.lower() in KINDS


def _write_picture(run: str, file: Path) -> None:
    from neuralopt.views.figures.search import search_figure

    with Archive.open(archive_path(run)) as archive:
        save_figure(search_figure(read_run(archive)), file)


def _read(run: str, best: int, whole: bool, count: int, limited: bool) -> RunReport:
    """What is known of a run; commands, versions and pictures are for a page only."""
    with Archive.open(archive_path(run)) as archive:
        if not whole:
            return read_report(run, archive, best)
        commands = _commands(archive.context.get("configuration", ""))
        made = read_report(run, archive, best, commands, _versions())
        from neuralopt.cli import report_pictures  # loads torch

        limit = report_pictures.LIMIT if limited else math.inf
        pictures = {
            "cards": report_pictures.cards(run, archive, count, made.view, limit),
            "lineage": report_pictures.lineages(archive, count),
            "preferences": report_pictures.preferences(archive),
        }
        return replace(made, pictures=pictures)


def _commands(configuration: str) -> list[str]:
    """The command that searches again; none if this version can't tell."""
    try:
        overrides = reproducing_overrides(settings_from_text(configuration))
    except ValueError:
        return []
    if overrides is None:
        return []
    words = [*overrides, "run_dir=again"]
    return [" \\\n  ".join(["neuralopt search", *map(shlex.quote, words)])]


def _versions() -> dict[str, str]:
    return {
        "neuralopt": __version__,
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _tables_text(tables: Sequence[DataTable], name: str) -> str:
    """Tables one after the other; of several in CSV each has its name above it."""
    titled = name == "csv" and len(tables) > 1
    texts = [
        (f"# {table.name}\n" if titled else "") + FORMATS[name](table)
        for table in tables
    ]
    return "\n".join(texts)
