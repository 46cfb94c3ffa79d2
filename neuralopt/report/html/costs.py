"""What a run cost, and how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

import numpy as np

from neuralopt.report.data_table import DataColumn, DataTable
from neuralopt.report.duration import duration
from neuralopt.report.html.markup import Markup, element
from neuralopt.report.html.run_report import RunReport
from neuralopt.report.task_argument import task_argument


def costs_table(report: RunReport) -> DataTable:
    """Return what each worker did.

    Args:
        report: of the run.

    Returns:
        A row for each worker, and notes with the sums.
    """
    view, attempts = report.view, report.view.attempts
    rows = []
    for place, worker in enumerate(attempts.workers):
        mine = attempts.worker == place
        seconds = float(attempts.seconds[mine].sum())
        share = 100 * seconds / report.seconds if report.seconds else None
        lost = int(attempts.lost[mine].sum())
        rows.append((worker, int(mine.sum()), lost or None, seconds, share))
    columns = (
        DataColumn("worker"),
        DataColumn("attempts", "number"),
        DataColumn("lost", "number"),
        DataColumn("seconds", "number", 1),
        DataColumn("% of the search's time", "number", 0),
    )
    table = DataTable("costs", "Costs by worker", columns, tuple(rows), _notes(report))
    return table.without_empty() if view.total else table


def _notes(report: RunReport) -> tuple[str, ...]:
    view = report.view
    total = float(np.sum(view.attempts.seconds))
    sentences = [
        f"{view.charged:,} rules were charged as evaluations (trained to a result), of "
        f"{view.total:,} proposals; {report.measurements:,} more trainings measured "
        "the shortlist on fresh replicates"
    ]
    if report.judged:
        scores = report.judged[0].record.scores
        seeds = report.judged[0].comparison.seeds
        sentences[0] += f", and {len(scores) * seeds:,} scores made the verdict"
    sentences[0] += "."
    if report.seconds:
        rate = view.total / report.seconds
        sentences.append(
            f"Workers were busy for {duration(total)} in {duration(report.seconds)} of "
            f"the search (h:min:s), pauses left out: {rate:,.1f} proposals a second."
        )
    return (" ".join(sentences),)


def configuration_html(configuration: Mapping[str, object]) -> Markup:
    """Return settings as a list of keys and values.

    Args:
        configuration: nested, as saved with a run.

    Returns:
        The list; a paragraph if there are none.
    """
    pairs = [
        (element("dt", element("code", key)), element("dd", element("code", value)))
        for key, value in flat(configuration)
        if value
    ]
    if not pairs:
        return element("p", "The archive has no configuration.")
    return element(
        "dl",
        [element("div", list(pair)) for pair in pairs],
        class_="settings columns",
    )


def flat(
    configuration: Mapping[str, object], prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Return settings one by one.

    Args:
        configuration: nested.
        prefix: of the keys.

    Yields:
        (key with dots, value as text).
    """
    for key, value in configuration.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{key}", "" if value is None else str(value)


def again_html(report: RunReport) -> Markup:
    """Return how to search again in the same way, and what it depends on.

    Args:
        report: of the run.

    Returns:
        Commands and versions.
    """
    facts = {
        "language of rules": report.view.context.get("language", ""),
        "engine of the run": report.view.context.get("engine", ""),
        "precision of the run": report.view.context.get("precision", ""),
        **{
            f"{name}, at the time of this page": v
            for name, v in report.versions.items()
        },
    }
    lists = [
        element("div", element("dt", name), element("dd", value))
        for name, value in facts.items()
        if value
    ]
    if report.commands:
        commands = element("pre", element("code", "\n".join(report.commands)))
    else:
        text = "The configuration can't be written as a command of this version."
        commands = element("p", text)
    return element("div", commands, element("dl", lists, class_="settings"))


def next_commands(report: RunReport) -> Markup:
    """Return commands that use what a run found.

    Args:
        report: of the run.

    Returns:
        The commands, quoted for a shell.
    """

    def quoted(suffix: str) -> str:
        return shlex.quote(f"{report.run}{suffix}")

    settings = dict(flat(report.view.configuration))
    task = task_argument(settings.get("task.name", ""))

    lines = [
        "# the best rule as a torch optimizer in one file, or for optax",
        f"neuralopt export {quoted(':best')} -o found.py",
        f"neuralopt export {quoted(':best')} -o found_optax.py --target optax",
        "# everything that is known of it; any other by its id, as in RUN:12",
        f"neuralopt show {quoted(':best')}",
        "# the best five against known rules, on seeds that nothing has used",
        f"neuralopt compare {quoted(':top5')} adam sgd verdict.seeds=20{task}",
        "# the tables of this page",
        f"neuralopt report {quoted('')} --format csv",
    ]
    return element("pre", element("code", "\n".join(lines)))
