"""The sections of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neuralopt.report import run_tables
from neuralopt.report.data_table import DataTable
from neuralopt.report.failure import why
from neuralopt.report.html.charts.behaviour import behaviour_chart, rediscoveries_chart
from neuralopt.report.html.charts.best import best_chart
from neuralopt.report.html.charts.chart import Chart
from neuralopt.report.html.charts.front import front_chart
from neuralopt.report.html.charts.proposals import (
    funnel_chart,
    reasons_chart,
    scores_chart,
)
from neuralopt.report.html.charts.verdict import forest_chart, parts_chart
from neuralopt.report.html.charts.workers import workers_chart
from neuralopt.report.html.costs import (
    again_html,
    configuration_html,
    costs_table,
    next_commands,
)
from neuralopt.report.html.markup import Markup, data_block, element, joined
from neuralopt.report.html.run_report import JudgedPart, RunReport
from neuralopt.report.html.story import found, verdict_text
from neuralopt.report.html.tables import table_html
from neuralopt.views.run_view import RunView

Section = tuple[str, str, Markup]
"""Name, title and content of a section."""


def chart_html(chart: Chart, run: int, heading: bool = True) -> Markup:
    """Return a chart with its heading and caption; the page's script draws it.

    Args:
        chart: to show.
        run: place of its run on the page.
        heading: whether its title is shown; not where its section has the same one.

    Returns:
        The HTML, with the chart's data.
    """
    identity = f"chart-{run}-{chart.name}"
    text = chart.figure.to_json()
    assert text is not None
    place = element(
        "div", id=identity, class_="chart", role="img", aria_label=chart.alternative,
        data_run=run, style=f"--height:{chart.height}px",
    )  # fmt: skip
    caption = element("figcaption", chart.caption)
    return element(
        "figure",
        element("h3", chart.title) if heading else "",
        place,
        caption,
        data_block(f"{identity}-data", text),
    )


def drawn(make: Callable[[], Chart], run: int, heading: bool = True) -> Markup:
    """Return a chart as HTML, or a line that says why it can't be drawn.

    Args:
        make: makes the chart.
        run: place of its run on the page.
        heading: see `chart_html`.

    Returns:
        The HTML.
    """
    try:
        return chart_html(make(), run, heading)
    except Exception as error:  # noqa: BLE001 - the rest of the page is still of use
        return element("p", f"A chart is missing here: {why(error)}", class_="warning")


def sections(
    report: RunReport, run: int = 0, leaderboard: bool = True
) -> list[Section]:
    """Return the sections of one run that have something to show.

    Args:
        report: of the run.
        run: its place on the page.
        leaderboard: whether its best rules have a section of their own.

    Returns:
        The sections in their order.
    """
    view, texts = report.view, report.texts

    def with_heading(make: Callable[[RunView], Chart]) -> Markup:
        return drawn(lambda: make(view), run)

    def without_heading(make: Callable[..., Chart], *arguments: object) -> Markup:
        return drawn(lambda: make(view, *arguments), run, heading=False)

    result: list[Section] = [
        ("found", "What was found", found(report)),
        ("best", "Best rule so far", without_heading(best_chart, texts)),
    ]

    def add(name: str, title: str, *content: Markup | Sequence[Markup]) -> None:
        result.append((name, title, joined(*content)))

    _add_pictures(report, "cards", "The best rules one by one", add)
    if view.leaderboard and leaderboard:
        verdicts = {(run, number): word for number, word in report.verdicts.items()}
        table = run_tables.leaderboard(
            view.leaderboard, verdicts, [run] * len(view.leaderboard), [""] * (run + 1)
        )
        add("leaderboard", "Best rules", table_html(table, "rules"))
    if report.judged:
        add(
            "verdict",
            "Verdict",
            element("p", verdict_text(report)),
            _verdict(report, run),
        )
    if view.front:
        add(
            "front",
            "Quality against size",
            without_heading(front_chart, texts),
        )
    if view.parts.parts and view.leaderboard:
        add("tasks", "Scores by task", without_heading(parts_chart))
    if view.total:
        add(
            "search",
            "How the search went",
            element(
                "div",
                [with_heading(make) for make in (funnel_chart, reasons_chart)],
                class_="charts",
            ),
            with_heading(scores_chart)
            if view.counts["scored"]
            else element("p", "No rule has a full score yet, so there are no scores."),
        )
    if view.rediscoveries:
        rows = [(report.run, e.name, e.number, e.charged) for e in view.rediscoveries]
        add(
            "rediscoveries",
            "Known rules found again",
            without_heading(rediscoveries_chart, texts),
            table_html(run_tables.rediscoveries(rows), f"rediscoveries-{run}"),
        )
    if ((view.proposals.families >= 0) & (view.proposals.size > 0)).any():
        add(
            "behaviour",
            "Map of behaviours",
            without_heading(behaviour_chart, texts),
        )
    _add_pictures(report, "lineage", "Where the best rules come from", add)
    _add_pictures(report, "preferences", "What the searcher prefers", add)
    costs = [with_heading(workers_chart)] if len(view.attempts) else []
    add("costs", "Costs", table_html(costs_table(report), f"costs-{run}"), costs)
    add("configuration", "Configuration", configuration_html(view.configuration))
    add("again", "Search again", again_html(report))
    add("use", "Use what was found", next_commands(report))
    return result


def _verdict(report: RunReport, run: int) -> Markup:
    whole, *parts = report.judged
    pieces = [
        drawn(lambda: forest_chart(whole.comparison, whole.record.rules), run),
        table_html(verdict_table(whole), f"verdict-{run}"),
    ]
    if parts:
        summary = element("summary", f"The same on each of its {len(parts)} parts")
        tables = [
            [
                element("h3", part.record.task),
                table_html(verdict_table(part), f"verdict-{run}-{place}"),
            ]
            for place, part in enumerate(parts)
        ]
        pieces.append(element("details", summary, joined(*tables)))
    return joined(*pieces)


def verdict_table(part: JudgedPart, run: str = "") -> DataTable:
    """Return the verdict on one part of an objective as a table.

    Args:
        part: of the verdict.
        run: that it is of; "" if it need not be named.

    Returns:
        The table.
    """
    where = f"the {part.record.split} split of {part.record.task}"
    title = f"Verdict on {where}" + (f", of {run}" if run else "")
    return run_tables.verdict(part.comparison, part.record.rules, where, title, run)


def _add_pictures(
    report: RunReport, name: str, title: str, add: Callable[[str, str, Markup], None]
) -> None:
    if pictures := report.pictures.get(name):
        shown = [picture.html() for picture in pictures]
        add(name, title, element("div", shown, class_="cards"))
