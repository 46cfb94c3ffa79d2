"""Put the page together: one file that needs no server and no network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from string import Template

from plotly.offline import get_plotlyjs

from neuralopt import __version__
from neuralopt.report.html.markup import Markup, element, joined
from neuralopt.report.html.run_report import RunReport
from neuralopt.report.html.sections import Section, sections
from neuralopt.report.html.several import several_sections


def page(reports: Sequence[RunReport]) -> str:
    """Return the page on one or several runs.

    Args:
        reports: of the runs, at least one.

    Returns:
        The HTML. It fetches nothing: its policy forbids the browser to, and to run any
        script but plotly's and its own.
    """
    if len(reports) == 1:
        (report,) = reports
        body = _body(f"neuralopt: {report.run}", _subtitle(report), sections(report))
    else:
        names = ", ".join(report.run for report in reports)
        title = f"neuralopt: {len(reports)} runs"
        body = _body(title, names, several_sections(reports))
    plotly, script = get_plotlyjs(), _resource("page.js")
    title = f"neuralopt: {reports[0].run}"
    if len(reports) > 1:
        title += f" and {len(reports) - 1} more"
    return Template(_resource("page.html")).substitute(
        policy=_policy(plotly, script),
        version=__version__,
        title=joined(title),
        style=_resource("page.css"),
        body=body,
        plotly=plotly,
        script=script,
    )


def _subtitle(report: RunReport) -> str:
    context = report.view.context
    searcher = report.view.configuration.get("searcher", {})
    name = searcher.get("name", "") if isinstance(searcher, dict) else ""
    facts = {
        "space": context.get("space", ""),
        "searcher": name,
        "budget": context.get("budget", ""),
        "task": context.get("task", "").replace("+", " + "),
    }
    return "; ".join(f"{key} {value}" for key, value in facts.items() if value)


def _body(title: str, subtitle: str, shown: Sequence[Section]) -> Markup:
    links = [
        element("li", element("a", name, href=f"#{key}")) for key, name, _ in shown
    ]
    header = element(
        "header",
        element("h1", title),
        element("p", subtitle, class_="soft"),
        element("nav", element("ul", links), aria_label="Sections"),
        element(
            "noscript",
            element(
                "p", "Charts, sorting and filters need JavaScript; the tables do not."
            ),
        ),
    )
    main = [
        element("section", element("h2", name), content, id=key, aria_label=name)
        for key, name, content in shown
    ]
    return joined(header, element("main", main))


def _policy(*scripts: str) -> str:
    """What the browser may load: nothing but what is in the file, and these scripts."""
    hashes = [
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    ]
    return (
        f"default-src 'none'; script-src {' '.join(hashes)}; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
        "form-action 'none'"
    )


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
