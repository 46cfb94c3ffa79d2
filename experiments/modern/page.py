"""The page and the pictures of searches in the space `modern`."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.measure import made_line
from experiments.modern.families import FAMILIES, MUON
from experiments.table.page import code
from neuralopt.language import RULES, render
from neuralopt.palette import CYCLE
from neuralopt.picture_files import save_figure


def picture_of(objective: str) -> str:
    """Name of the file beside the page."""
    return f"families_{objective}.svg"


def draw(searches: Mapping[str, Any], path: Path) -> None:
    """Draw the best quality of each family by evaluations, a panel for each searcher.

    Args:
        searches: what each searcher found, as `study` has it.
        path: of the SVG.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    panels = figure.subplots(1, len(searches), sharey=True)
    for axes, (searcher, runs) in zip(panels, searches.items(), strict=True):
        for colour, family in zip(CYCLE, FAMILIES, strict=False):
            for run in runs:
                steps = [*run["curves"][family]]
                if not steps:
                    continue
                places, values = zip(*steps, strict=True)
                axes.step(
                    [*places, run["evaluations"]],
                    [*values, values[-1]],
                    where="post",
                    color=colour,
                    linewidth=1.2,
                )
        axes.axhline(0.5, color="black", linewidth=0.6, linestyle=":")
        axes.set(title=searcher, xlabel="evaluations", xscale="log", ylim=(0.3, None))
        axes.set_xlim(10, None)
    panels[0].set_ylabel("best quality of the family so far")
    lines = [Line2D([], [], color=colour) for colour in CYCLE[: len(FAMILIES)]]
    figure.legend(lines, FAMILIES, loc="outside lower center", ncols=len(FAMILIES))
    save_figure(figure, path)


ABOUT = """\
# Does a search find Muon's kin from scratch?

The space [`modern`](../../conf/space/modern.yaml) has norms, means of rows and columns,
orthogonalized matrices, the agreement of momentum and gradient, and a choice between
matrices and other parameters. Searches begin from nothing; Adam's quality is 0.5.
*Muon* is one of {muon}; its *kin* are
all rules that orthogonalize a moving average of the gradient. A rule's
family is the first of these that it is in: {families}. Qualities are those that the
search was told: the best of many is flattered.
"""


AGAIN = (
    "Found rules that a verdict above shows to be better than AdamW, chosen by it, so "
    "they are judged with other seeds and more trials, also on a transformer that no "
    "search saw.",
    "",
)


def page(studies: Mapping[str, Any], again: Mapping[str, Any] | None) -> str:
    """Return the text of the page.

    Args:
        studies: what `study` found for each objective.
        again: what `judged_again` found, if it ran.
    """
    muon = " and ".join(code(render(RULES[name].expression)) for name in MUON)
    lines = ABOUT.format(families=", ".join(FAMILIES), muon=muon).split("\n")
    for name, found in studies.items():
        lines += [f"## Trained on {found['about']}", ""]
        lines += [f"![Best quality of each family]({picture_of(name)})", ""]
        for searcher, runs in found["searches"].items():
            lines += search_lines(searcher, runs)
        lines += rediscovery_lines(found)
        lines += ["### Tuned", "", *verdict_lines(found["verdict"])]
        lines += [made_line(found["made"]), ""]
    parts = [*studies.values()]
    if again is not None:
        lines += ["## The better ones again", "", *AGAIN]
        lines += [*verdict_lines(again["verdict"]), made_line(again["made"]), ""]
        parts.append(again)
    commands = [line for found in parts for line in found["commands"]]
    lines += [
        "## Commands",
        "",
        "```",
        *(f"neuralopt {shlex.join(command)}" for command in commands),
        "```",
        "",
    ]
    return "\n".join(lines)


def search_lines(searcher: str, runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the section on a searcher's runs for one objective."""
    yield f"### {searcher}"
    yield ""
    yield (
        f"| seed | Muon | first kin | kin ahead of all element-wise rules | "
        f"{' | '.join(FAMILIES)} |"
    )
    yield "|--:" * (4 + len(FAMILIES)) + "|"
    for seed, each in enumerate(runs):
        muon = "{} (rank {})".format(*each["muon"]) if each["muon"] else "-"
        cells = [str(seed), muon, _count(each["first kin"]), _count(each["kin ahead"])]
        for family in FAMILIES:
            share = each["of the best hundred"][family]
            cells.append(f"{each['best'][family]:.3f} ({share})")
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield (
        "First rules trained up to then, and Muon's rank among all of the search; then "
        "the best quality of a family and how many of the search's best hundred are in "
        "it. Best rules of seed 0:"
    )
    yield ""
    for text, quality in runs[0]["rules"]:
        yield f"- {code(text)}: {quality:.4f}"
    yield ""


def rediscovery_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on when searches trained rules that behave as Muon."""
    if "rediscovered" not in found:  # of an earlier version of this experiment
        return
    yield "### Muon, in behaviour"
    yield ""
    yield (
        "Rules trained up to the first one that behaves as Muon, up to a positive "
        "factor: the median over seeds, and in how many of them there is one."
    )
    yield ""
    yield f"| rule | {' | '.join(found['rediscovered'])} |"
    yield "|---" + "|--:" * len(found["rediscovered"]) + "|"
    for name in MUON:
        cells = [code(render(RULES[name].expression))]
        for searcher, each in found["rediscovered"].items():
            count, median = each[name]
            told = _count(median and round(median))
            cells.append(f"{told} ({count}/{len(found['searches'][searcher])})")
        yield f"| {' | '.join(cells)} |"
    yield ""


def verdict_lines(verdict: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the section on the tuned comparison."""
    if verdict is None:
        yield "Tuned, these rules were not compared yet."
        yield ""
        return
    reference = verdict["reference"][0]
    yield (
        f"Found rules, and Muon, against {reference}: each tuned alike on each task "
        f"({verdict['tuning']['trials']} trials), then compared on {verdict['seeds']} "
        "fresh paired seeds, on the test split. Mean quality of the reference; mean "
        "paired differences from it, their intervals and verdicts."
    )
    yield ""
    matches = [match for task in verdict["tasks"] for match in task["matches"]]
    titles = [match["task"] for match in matches]
    yield f"| rule | {' | '.join(titles)} |"
    yield "|---" * (1 + len(matches)) + "|"
    for name in verdict["contenders"]:
        cells = [f"`{reference}`" if name == reference else code(name)]
        for match in matches:
            rows = match["splits"]["test"]
            row = next(each for each in rows if each["name"] == name)
            cells.append(
                f"{row['mean']:.3f}" if name == reference else difference_of(row)
            )
        yield f"| {' | '.join(cells)} |"
    yield ""


def difference_of(row: Mapping[str, Any]) -> str:
    """Return a paired difference with its interval and verdict."""
    low, high = row["difference_low"], row["difference_high"]
    return f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}] {row['verdict']}"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
