"""The sections of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from neuralopt.archive.objective import objective
from neuralopt.report import run_tables
from neuralopt.report.data_table import DataColumn, DataTable
from neuralopt.report.html.charts.best import several_chart
from neuralopt.report.html.costs import flat
from neuralopt.report.html.markup import Markup, element, joined
from neuralopt.report.html.run_report import RunReport
from neuralopt.report.html.sections import Section, drawn, sections
from neuralopt.report.html.tables import rule_html, table_html
from neuralopt.views.run_view import RunView

ELSEWHERE = ("run_dir", "resume")
ELSEWHERE_GROUPS = ("report.", "verdict.", "evaluator.options.")
"""Settings, and groups of them, that don't make a run another experiment."""


def several_sections(reports: Sequence[RunReport]) -> list[Section]:
    """Return the sections of a page on several runs.

    Args:
        reports: of the runs.

    Returns:
        What all found, side by side, then each run.
    """
    groups = alike(reports)
    tables = [
        table_html(table, f"rules{number or ''}", "rules")
        for number, table in enumerate(leaderboards(reports))
    ]
    result: list[Section] = [
        ("found", "What was found", joined(*_found(reports, groups))),
        ("runs", "The runs", table_html(runs_table(reports), "table-runs")),
        (
            "progress",
            "Best rule so far, run by run",
            joined(*_progress(reports, groups)),
        ),
        ("leaderboard", "Best rules of all", joined(*tables)),
    ]
    again = [
        (report.run, each.name, each.number, each.charged)
        for report in reports
        for each in report.view.rediscoveries
    ]
    if again:
        table = table_html(run_tables.rediscoveries(again, True), "table-again")
        result.append(("rediscoveries", "Known rules found again", table))
    different = differing_settings(reports)
    if different:
        table = table_html(_settings_table(reports, different), "table-settings")
        result.append(("settings", "Settings that differ", table))
    each = [_run(report, place) for place, report in enumerate(reports)]
    result.append(("each", "Each run", joined(*each)))
    return result


def _found(
    reports: Sequence[RunReport], groups: Sequence[Sequence[int]]
) -> list[Markup]:
    pieces = []
    if len(groups) > 1:
        text = (
            "These runs are of several objectives (tasks, budgets or precisions), on "
            "which qualities can't be compared, so each objective has its own tables."
        )
        pieces.append(element("p", text, class_="warning"))
    for places in groups:
        known = [reports[place] for place in places if reports[place].view.leaderboard]
        if not known:
            pieces.append(element("p", "No rule has a score yet."))
            continue
        first = max(known, key=lambda report: report.view.leaderboard[0].worth)
        best = first.view.leaderboard[0]
        name = f" ({best.name})" if best.name else ""
        proposals = sum(reports[place].view.total for place in places)
        place = best.place
        interval = (
            f", 95% interval {place.low:.4f} to {place.high:.4f}" if place else ""
        )
        text = (
            f"The best of {proposals:,} proposals of {len(places)} runs is number "
            f"{best.proposal.number} of {first.run}{name}, quality "
            f"{best.worth[1]:.4f}{interval}:"
        )
        pieces.append(element("p", text, class_="lead"))
        pieces.append(element("div", rule_html(best.rule), class_="best"))
    return pieces


def _progress(
    reports: Sequence[RunReport], groups: Sequence[Sequence[int]]
) -> list[Markup]:
    pieces = []
    for number, places in enumerate(groups):
        some = [reports[place] for place in places]
        scored = [report for report in some if len(report.view.best_scores.quality)]
        if scored:
            make = partial(several_chart, grouped(scored))
            pieces.append(drawn(make, len(reports) + number, heading=False))
    return pieces


def leaderboards(reports: Sequence[RunReport]) -> list[DataTable]:
    """Return the best rules of all runs, in a table for each objective.

    Args:
        reports: of the runs.

    Returns:
        The tables; runs are named in them if there are several.
    """
    names = [report.run for report in reports] if len(reports) > 1 else [""]
    tables = []
    for places in alike(reports):
        rows = sorted(
            (
                (rule, place)
                for place in places
                for rule in reports[place].view.leaderboard
            ),
            key=lambda row: row[0].worth,
            reverse=True,
        )[: max(len(reports[place].view.leaderboard) for place in places)]
        verdicts = {
            (place, proposal): word
            for place in places
            for proposal, word in reports[place].verdicts.items()
        }
        if rows:
            rules, of = zip(*rows, strict=True)
            tables.append(run_tables.leaderboard(rules, verdicts, of, names))
    return tables


def alike(reports: Sequence[RunReport]) -> list[list[int]]:
    """Return the places of runs whose qualities can be compared, group by group.

    Args:
        reports: of the runs.
    """
    keys = [objective(report.view.context) for report in reports]
    return [
        [place for place, mine in enumerate(keys) if mine == key]
        for key in dict.fromkeys(keys)
    ]


def runs_table(reports: Sequence[RunReport]) -> DataTable:
    """Return the runs side by side.

    Args:
        reports: of the runs.

    Returns:
        A row for each run.
    """
    columns = (
        DataColumn("run"),
        DataColumn("searcher", filter="choice"),
        DataColumn("seed", "id"),
        DataColumn("best quality", "number", 4),
        DataColumn("95% interval", "interval", 4),
        DataColumn("best rule", "rule"),
        DataColumn("nearest known rule"),
        DataColumn("found again", "number"),
        DataColumn("proposals", "number"),
        DataColumn("rules trained", "number"),
        DataColumn("measurements", "number"),
        DataColumn("seconds", "number", 0),
        DataColumn("better than the reference", "number"),
    )
    rows = []
    for report in reports:
        view, words = report.view, report.verdicts.values()
        best = view.leaderboard[0] if view.leaderboard else None
        place = best.place if best else None
        settings = dict(flat(view.configuration))
        seed = view.configuration.get("seed")
        rows.append(
            (
                report.run,
                settings.get("searcher.name", ""),
                seed if isinstance(seed, int) else None,
                best.worth[1] if best else None,
                (place.low, place.high) if place else None,
                best.rule if best else "",
                best.name if best else "",
                len(view.rediscoveries),
                view.total,
                view.charged,
                report.measurements,
                report.seconds,
                sum(word == "better" for word in words) if report.judged else None,
            )
        )
    note = (
        "The last column counts the found rules that the run's own verdict calls "
        "better than its reference."
    )
    table = DataTable("runs", "The runs side by side", columns, tuple(rows), (note,))
    return table.without_empty()


def grouped(reports: Sequence[RunReport]) -> dict[str, list[RunView]]:
    """Return runs by what they have in common, seeds left out.

    Args:
        reports: of the runs.

    Returns:
        Views of runs by a name that says in what the group differs from others.
    """
    different = [key for key in differing_settings(reports) if key != "seed"]
    different.sort(key=lambda key: key != "searcher.name")
    settings = [dict(flat(report.view.configuration)) for report in reports]
    groups: dict[tuple[str, ...], list[RunReport]] = {}
    for report, mine in zip(reports, settings, strict=True):
        key = tuple(mine.get(name, "") for name in different)
        groups.setdefault(key, []).append(report)
    named = _telling(list(groups))
    found: dict[str, list[RunView]] = {}
    for values, some in groups.items():
        words = [
            "" if different[k] == "searcher.name" else f"{different[k]}=" for k in named
        ]
        words = [word + values[k] for word, k in zip(words, named, strict=True)]
        searcher = dict(flat(some[0].view.configuration)).get("searcher.name", "")
        label = ", ".join(words) or searcher or "all runs"
        found[label] = [report.view for report in some]
    return found


def _telling(groups: Sequence[Sequence[str]]) -> list[int]:
    """Places of the first settings that tell all groups apart."""
    chosen: list[int] = []
    for place in range(len(groups[0])):
        told = {tuple(values[k] for k in chosen) for values in groups}
        more = {tuple(values[k] for k in [*chosen, place]) for values in groups}
        if len(more) > len(told):
            chosen.append(place)
    return chosen


def differing_settings(reports: Sequence[RunReport]) -> list[str]:
    """Return the settings in which runs differ, except for where they ran.

    Args:
        reports: of the runs.

    Returns:
        Keys with dots; that of the seed is among them if it differs.
    """
    all_settings = [dict(flat(report.view.configuration)) for report in reports]
    keys = dict.fromkeys(key for settings in all_settings for key in settings)
    return [
        key
        for key in keys
        if key not in ELSEWHERE
        and not key.startswith(ELSEWHERE_GROUPS)
        and len({settings.get(key, "") for settings in all_settings}) > 1
    ]


def _settings_table(reports: Sequence[RunReport], keys: Sequence[str]) -> DataTable:
    all_settings = [dict(flat(report.view.configuration)) for report in reports]
    columns = (DataColumn("setting"), *(DataColumn(report.run) for report in reports))
    rows = tuple(
        (key, *(settings.get(key, "") for settings in all_settings)) for key in keys
    )
    return DataTable("settings", "Settings that differ", columns, rows)


def _run(report: RunReport, place: int) -> Markup:
    parts = [
        element("section", element("h2", title), content, aria_label=title)
        for _, title, content in sections(report, place, leaderboard=False)
    ]
    return element("details", element("summary", report.run), parts, class_="run")
