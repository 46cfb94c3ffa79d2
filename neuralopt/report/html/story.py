"""What was found and how sure it is, in sentences."""

from __future__ import annotations

from collections import Counter

from neuralopt.archive.ranking import RankedRule
from neuralopt.report.duration import duration
from neuralopt.report.html.markup import Markup, element
from neuralopt.report.html.run_report import RunReport
from neuralopt.report.html.tables import rule_html


def found(report: RunReport) -> Markup:
    """Return what a run found and how sure it is.

    Args:
        report: of the run.

    Returns:
        Paragraphs, the best rule and its numbers.
    """
    view = report.view
    if not view.leaderboard:
        text = f"No rule has a score yet, of {view.total:,} proposals."
        return element("p", text, class_="lead")
    best = view.leaderboard[0]
    name = f" ({best.name})" if best.name else ""
    lead = element(
        "p",
        f"The best of {view.total:,} proposals is number {best.proposal.number}{name}:",
        class_="lead",
    )
    rule = element("div", rule_html(best.rule), class_="best")
    sure = [element("p", text) for text in (_measured(best), verdict_text(report))]
    if left := _unfinished(report):
        sure.append(element("p", left, class_="warning"))
    pieces = [lead, rule, *sure, _tiles(report, best)]
    if view.sizes_read < view.counts["scored"]:
        text = (
            "Charts of single rules show a sample of this search; captions say which."
        )
        pieces.append(element("p", text, class_="note"))
    return element("div", pieces)


def _unfinished(report: RunReport) -> str:
    """How far a search is, in a sentence; "" for one that ended.

    A search ends after a number of proposals or of evaluations.
    """
    view = report.view
    asked = _whole(view.configuration.get("proposals"))
    limit = _whole(view.configuration.get("evaluations"))
    pending = view.counts["pending"]
    enough = view.total >= asked or bool(report.judged)
    if 0 < limit <= view.charged or (enough and not pending):
        return ""
    text = (
        f"The search is not finished: it has {view.total - pending:,} proposals with "
        f"a result, of {max(asked, view.total):,}"
    )
    return text + (
        f", and trained {view.charged:,} rules, of {limit:,}." if limit else "."
    )


def _whole(setting: object) -> int:
    return setting if isinstance(setting, int) else 0


def _measured(best: RankedRule) -> str:
    if best.place is None:
        return (
            "Its score is the one that the searcher was told. The highest of many "
            "scores is high by luck too: it was not measured on fresh replicates."
        )
    return (
        f"Its mean quality is {best.place.mean:.4f} on {best.place.replicates} fresh "
        "replicates, which did not select it; the 95% interval of the mean is "
        f"{best.place.low:.4f} to {best.place.high:.4f}."
    )


def verdict_text(report: RunReport) -> str:
    """Return what the verdict says of the rules that were found.

    Args:
        report: of the run.

    Returns:
        One paragraph.
    """
    if not report.judged:
        return (
            "There is no verdict: the search is not finished, or ended without one. "
            "The command compare makes one, see below."
        )
    comparison = report.judged[0].comparison
    rows = {row.name: row for row in comparison.rows}
    mine = [row for row in comparison.rows if row.name.startswith("#")]
    words = Counter(row.verdict for row in mine)
    first = comparison.rows[0]
    reference = comparison.reference
    of = f", the best of {comparison.choices} known rules" * (comparison.choices > 1)
    sentences = [
        f"The verdict is on {comparison.seeds} fresh seeds, which neither the search "
        f"nor the shortlist used: {first.name} has the highest mean, {first.mean:.4f}. "
        f"Held against {reference}{of} ({rows[reference].mean:.4f}), of {len(mine)} "
        f"found rules {_count(words['better'])} "
        f"{'are' if words['better'] > 1 else 'is'} better, {_count(words['worse'])} "
        f"worse, and {_count(words['no difference shown'])} without a difference shown."
    ]
    sentences += [
        f"Of {words[word]} the verdict is: {word}."
        for word in ("not decidable at this n", "failed to run")
        if words[word]
    ]
    if words["no difference shown"]:
        sentences.append(
            "No difference shown means that these seeds do not decide, not that the "
            "rules are equal."
        )
    return " ".join(sentences)


def _count(number: int) -> str:
    return str(number) if number else "none"


def _tiles(report: RunReport, best: RankedRule) -> Markup:
    view = report.view
    rate = view.charged / report.seconds if report.seconds else None
    facts = [
        ("quality of the best", f"{best.worth[1]:.4f}"),
        ("its size", "" if best.size is None else f"{best.size}"),
        ("values kept per parameter", "" if best.memory is None else f"{best.memory}"),
        ("rules trained", f"{view.charged:,}"),
        ("fresh measurements", f"{report.measurements:,}"),
        ("known rules found again", f"{len(view.rediscoveries)}"),
        ("time of the search (h:min:s)", duration(report.seconds)),
        ("rules a second", "" if rate is None else f"{rate:,.1f}"),
    ]
    return element(
        "dl",
        [
            element("div", element("dt", name), element("dd", value))
            for name, value in facts
            if value
        ],
        class_="tiles",
    )
