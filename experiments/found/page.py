"""The page of what was found: searches, promotion, verdict, cost."""

import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.measure import made_line, provenance
from experiments.table.page import code, markdown
from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.archive.ranking import ranking
from neuralopt.behaviour.description import describe
from neuralopt.behaviour.naming import name
from neuralopt.language import RULES, parse
from neuralopt.views.run_view import read_run

TRAINED = ("scored", "stopped", "diverged")
ENOUGH = 3
"""Held-out tasks on which a rule must be better than tuned AdamW."""

SHORT = {
    "better": "**better**",
    "worse": "worse",
    "no difference shown": "-",
    "not decidable at this n": "?",
}
"""Words of a verdict in a table's cell."""

ABOUT = """\
# What was found, and is it worth having?

{headline}

Rules were searched on the group `suite`, promoted and judged on the group `held_out`,
of which the search knew nothing. A verdict compares a rule with AdamW, both tuned alike
on each task ({trials} trials: rate, weight decay, schedule, decays, epsilons), on
{seeds} fresh paired seeds at {horizons} times the tuned length of {epochs} epochs;
[How to compare tuned rules](../../docs/howto/compare-tuned.md) explains it. Words are
corrected for the rules of a table, not for the number of tables.

"""

BELIEF = """\
## What to believe

- A word of the test split is about one rule, one task and one length of training. Tasks
  are small: seconds on a core. Nothing here says what a rule does for a large model.
- The promotion chose these rules on the validation splits of the same tasks, on other
  seeds. Neither the verdict's seeds nor the test split chose a rule or a setting:
  settings were tuned on other seeds and the validation split, and frozen before.
- Of the rules that came first in the promotion those that behave like a named optimizer
  or like one another are left out: they were found again, or are the same.
- Settings are tuned at the shortest length and used at all.

"""


@dataclass(frozen=True, slots=True)
class Results:
    """What the page is made of.

    Attributes:
        runs: folders of the searches.
        promotion: as `neuralopt promote` writes it.
        verdict: as `neuralopt compare --tuned` writes it.
        rules: finalists, texts.
        commands: arguments of `neuralopt`, in their order.
        again: a second verdict, of the rules that the first one shows to be faster.
    """

    runs: Sequence[Path]
    promotion: Mapping[str, Any]
    verdict: Mapping[str, Any]
    rules: Sequence[str]
    commands: Sequence[Sequence[str]]
    again: Mapping[str, Any] | None = None


def found_page(found: Results) -> str:
    """Return the text of the page.

    Args:
        found: results of all steps.
    """
    verdict = found.verdict
    about = ABOUT.format(
        headline=headline(found),
        trials=verdict["tuning"]["trials"],
        seeds=verdict["seeds"],
        horizons=", ".join(map(str, verdict["horizons"])),
        epochs=verdict["epochs"],
    )
    parts = [
        about.splitlines(),
        verdict_section(found),
        times_section(found),
        again_section(found),
        BELIEF.splitlines(),
        promotion_section(found),
        search_section(found),
        command_section(found),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def words(
    verdict: Mapping[str, Any], rule: str, horizon: int, split: str
) -> Counter[str]:
    """Return how often each word was said of a rule, over tasks.

    Args:
        verdict: as `neuralopt compare --tuned` writes it.
        rule: name in the verdict.
        horizon: length of the trainings.
        split: measured.
    """
    return Counter(
        row["verdict"]
        for task in verdict["tasks"]
        for row in rows_of(task, horizon, split)
        if row["name"] == rule
    )


def rows_of(
    task: Mapping[str, Any], horizon: int, split: str
) -> Sequence[Mapping[str, Any]]:
    """Return the rows of a task's comparison at a horizon.

    Args:
        task: entry of the verdict.
        horizon: length of the trainings.
        split: measured.
    """
    rows: Sequence[Mapping[str, Any]] = next(
        match["splits"][split]
        for match in task["matches"]
        if match["horizon"] == horizon
    )
    return rows


def headline(found: Results) -> str:
    """Return the sentence that the page begins with.

    Args:
        found: results.
    """
    horizons, tasks = found.verdict["horizons"], len(found.verdict["tasks"])
    best = {
        rule: {h: words(found.verdict, rule, h, "test")["better"] for h in horizons}
        for rule in found.rules
    }
    worst = {
        rule: {h: words(found.verdict, rule, h, "test")["worse"] for h in horizons}
        for rule in found.rules
    }
    good = [r for r in found.rules if max(best[r].values()) >= ENOUGH]
    counts = "; ".join(
        f"{code(rule)}: "
        + ", ".join(f"{best[rule][h]} and {worst[rule][h]} at {h} x" for h in horizons)
        for rule in found.rules
    )
    verb = "are" if len(good) > 1 else "is"
    first = (
        f"**{len(good)} of {len(found.rules)} found rules {verb} better than tuned "
        f"AdamW on {ENOUGH} or more of {tasks} held-out tasks at one length of "
        "training at least.**"
        if good
        else f"**No found rule is better than tuned AdamW on {ENOUGH} held-out tasks.**"
    )
    return (
        f"{first} Tasks on which each is better and worse, on the test split: {counts}."
        + "".join(_again_sentence(found))
    )


def _again_sentence(found: Results) -> Iterator[str]:
    """Yield what a second verdict says of each rule that the first shows faster."""
    if found.again is None:
        return
    seeds, horizons = found.again["seeds"], found.again["horizons"]
    yield f"\n\nJudged again, tuned on other seeds and on {seeds} fresh ones:"
    for rule, entry in found.again["time_to_target"].items():
        if rule in RULES:
            continue
        counts = {h: words(found.again, rule, h, "test") for h in horizons}
        told = [f"{n['better']} and {n['worse']} at {h} x" for h, n in counts.items()]
        speed = _speed(entry["speed_up"])
        yield f" {code(rule)} {', '.join(told)}; speed-up to AdamW's loss {speed}."


def verdict_section(found: Results) -> Iterator[str]:
    """Yield the tables of the verdict, one for each horizon, on the test split."""
    names = list(found.verdict["contenders"])
    reference = found.verdict["reference"][0]
    others = [each for each in names if each != reference]
    tasks = found.verdict["tasks"]
    yield "## The verdict"
    yield ""
    yield "The found rules, and what they behave like:"
    yield ""
    for rule in found.rules:
        yield f"- {code(rule)}: {describe(name(parse(rule)))}"
    yield ""
    yield (
        f"Mean paired difference of quality from tuned {reference} on the test split, "
        "its interval, and the word: better, worse, - (no difference shown) or ? (not "
        f"decidable at this n). The first column is {reference}'s mean quality."
    )
    for horizon in found.verdict["horizons"]:
        yield ""
        yield f"### {horizon} x the tuned length"
        yield ""
        lines = []
        for task in tasks:
            rows = {row["name"]: row for row in rows_of(task, horizon, "test")}
            lines.append(
                [
                    task["task"],
                    f"{rows[reference]['mean']:.3f}",
                    *(_cell(rows.get(each)) for each in others),
                ]
            )
        yield from markdown(["task", reference, *map(_title, others)], lines)
    yield "### One fixed rate for all tasks, untuned"
    yield ""
    lines = [
        [
            _title(row["name"]),
            f"{found.verdict['untuned']['rates'][row['name']]['rate']:g}",
            f"{row['mean']:.3f}",
            _cell(row) if row["name"] != reference else "",
        ]
        for row in found.verdict["untuned"]["matches"][-1]["splits"]["test"]
        if row["name"] in found.verdict["untuned"]["rates"]
    ]
    yield (
        "Geometric mean of the qualities on all tasks, each rule as it is written, at "
        "the one rate that is best for it on tuning seeds."
    )
    yield ""
    yield from markdown(["rule", "rate", "mean", f"from {reference}"], lines)


def _title(rule: str) -> str:
    return rule if rule.isidentifier() else code(rule)


def _cell(row: Mapping[str, Any] | None) -> str:
    """Difference, interval and word of a contender on a task."""
    if row is None or row["verdict"] == "failed to run":
        return "failed to run"
    low, high = row["difference_low"], row["difference_high"]
    ends = [
        "" if each is None or not math.isfinite(each) else f"{each:+.3f}"
        for each in (low, high)
    ]
    return f"{row['difference']:+.3f} [{ends[0]}, {ends[1]}] {SHORT[row['verdict']]}"


def times_section(found: Results) -> Iterator[str]:
    """Yield the table of times to target over all tasks, and the cost."""
    verdict = found.verdict
    reference = verdict["reference"][0]
    if verdict["time_to_target"]:
        yield "## Time to target"
        yield ""
        yield (
            "Steps to the median final loss of tuned AdamW at 1 x, read off the "
            "trainings at 3 x: area of the performance profile for factors from 1 to 4 "
            "(1: always the fastest), geometric-mean speed-up with its 95% interval "
            "over the tasks on which both reach it, and the worst task, where 0 is a "
            "target that only the rule missed."
        )
        yield ""
        yield "![Performance profile of steps to target](profile.png)"
        yield ""
        lines = [
            [
                _title(each),
                f"{entry['area']:.2f}",
                "reference" if each == reference else _speed(entry["speed_up"]),
                f"{entry['worst_task']}: {_number(entry['worst_ratio'])} x",
            ]
            for each, entry in verdict["time_to_target"].items()
        ]
        yield from markdown(["rule", "area", "speed-up", "worst task"], lines)
    yield "## Cost of the verdict"
    yield ""
    lines = [
        [_title(each), cost["trainings"], cost["steps"], f"{cost['seconds']:.0f}"]
        for each, cost in verdict["cost"]["tuning"].items()
    ]
    fresh = verdict["cost"]["verdict"]
    lines.append(
        [
            "fresh seeds, all",
            fresh["trainings"],
            fresh["steps"],
            f"{fresh['seconds']:.0f}",
        ]
    )
    yield from markdown(["tuning of", "trainings", "steps", "seconds"], lines)


def faster(verdict: Mapping[str, Any], rules: Sequence[str]) -> list[str]:
    """Return the rules whose speed-up has an interval above 1.

    Args:
        verdict: as `neuralopt compare --tuned` writes it.
        rules: found ones, texts.
    """
    entries = verdict["time_to_target"]
    return [
        rule
        for rule in rules
        if rule in entries and (entries[rule]["speed_up"]["low"] or 0.0) > 1.0
    ]


def again_section(found: Results) -> Iterator[str]:
    """Yield what a second verdict says of the rules that are faster; or nothing."""
    verdict = found.again
    if verdict is None:
        return
    reference, horizons = verdict["reference"][0], verdict["horizons"]
    yield "## The faster ones again"
    yield ""
    yield (
        "Rules whose speed-up has an interval above 1, tuned again on other seeds and "
        f"judged on {verdict['seeds']} fresh ones, beside known rules. Tasks on which "
        f"each is better and worse than tuned {reference} on the test split, at "
        f"{', '.join(map(str, horizons))} x the tuned length; and the quality with one "
        "fixed rate for all tasks, untuned."
    )
    yield ""
    untuned = {
        row["name"]: row for row in verdict["untuned"]["matches"][-1]["splits"]["test"]
    }
    lines = []
    for each, entry in verdict["time_to_target"].items():
        known = each == reference
        counts = [words(verdict, each, h, "test") for h in horizons]
        one = untuned[each]
        lines.append(
            [
                _title(each),
                f"{entry['area']:.2f}",
                "reference" if known else _speed(entry["speed_up"]),
                f"{entry['worst_task']}: {_number(entry['worst_ratio'])} x",
                "" if known else ", ".join(str(each["better"]) for each in counts),
                "" if known else ", ".join(str(each["worse"]) for each in counts),
                f"{one['mean']:.3f}" if known else f"{one['mean']:.3f}, {_cell(one)}",
            ]
        )
    head = ["rule", "area", "speed-up", "worst task", "better", "worse", "untuned"]
    yield from markdown(head, lines)


def _number(value: float | None) -> str:
    """A number of the results, in which an infinite one is None."""
    return "infinite" if value is None else f"{value:.2f}"


def _speed(entry: Mapping[str, Any]) -> str:
    if not entry["pairs"]:
        return "no task on which both reach it"
    ratio, low, high = (_number(entry[key]) for key in ("ratio", "low", "high"))
    missed = f", missed on {entry['missed']}" if entry["missed"] else ""
    return f"{ratio} [{low}, {high}]{missed}"


def promotion_section(found: Results) -> Iterator[str]:
    """Yield the stages of the promotion and the standings of the last one."""
    yield "## The promotion"
    yield ""
    yield "![Shares of rules through the stages](funnel.png)"
    yield ""
    stages = found.promotion["stages"]
    lines = []
    for number, stage in enumerate(stages, 1):
        rules = [each for each in stage["standings"] if not each["baseline"]]
        going = sum(each["goes_on"] for each in rules)
        lines.append(
            [
                number,
                len(stage["parts"]),
                len(rules),
                going,
                stage["trainings"],
                stage["steps"],
                f"{stage['seconds']:.0f}",
            ]
        )
    head = ["stage", "tasks", "rules", "remain", "trainings", "steps", "seconds"]
    yield from markdown(head, lines)
    yield (
        "The last stage: mean share, where 0.5 is as good as AdamW on every task, with "
        "its 95% interval, and the difference from the best baseline."
    )
    yield ""
    lines = [
        [
            each["name"] if each["baseline"] else code(each["rule"]),
            "" if each["baseline"] else each["name"],
            f"{each['mean']:.3f} [{each['low']:.3f}, {each['high']:.3f}]",
            _limits(each),
            each["verdict"],
        ]
        for each in stages[-1]["standings"]
        if each["mean"] is not None
    ]
    yield from markdown(["rule", "from", "share", "difference", "verdict"], lines)


def _limits(each: Mapping[str, Any]) -> str:
    if each["difference_low"] is None or each["difference_high"] is None:
        return f"{each['difference']:+.3f}"
    low, high = each["difference_low"], each["difference_high"]
    return f"{each['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def search_section(found: Results) -> Iterator[str]:
    """Yield the best rule of every search."""
    yield "## The searches"
    yield ""
    yield (
        "The best rule of each by its mean over fresh replicates of the search's own "
        "objective; Adam's quality there is 0.5. Found again: known rules, with the "
        "number of rules trained up to the first that behaves like each, if it was "
        "scored."
    )
    yield ""
    lines = []
    for run in found.runs:
        with Archive.open(run / ARCHIVE_FILE) as archive:
            counts = archive.counts()
            best = ranking(archive, 1)[0]
            again = [
                f"{each.name} {each.charged:,}"
                for each in read_run(archive).rediscoveries
                if not each.stopped
            ]
        trained = sum(counts[status] for status in TRAINED)
        place = "" if best.place is None else str(best.place)
        likeness = describe(name(parse(best.rule)))
        found_again = ", ".join(again)
        lines.append([run.name, trained, code(best.rule), place, likeness, found_again])
    head = ["search", "trained", "best rule", "mean quality", "nearest known rule"]
    head.append("found again")
    yield from markdown(head, lines)


def command_section(found: Results) -> Iterator[str]:
    """Yield the commands that the script ran."""
    yield "## Commands"
    yield ""
    yield (
        "`python experiments/found/found.py` runs these; `found_1.py.txt` and the "
        "following are the files that `neuralopt export` writes of the finalists."
    )
    yield ""
    yield f"Page written {made_line(provenance())}."
    yield ""
    yield "```"
    for command in found.commands:
        yield shlex.join(["neuralopt", *command])
    yield "```"
