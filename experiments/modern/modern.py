"""Does a search among norms, row means and orthogonalized matrices find Muon's kin?

    python experiments/modern/modern.py --json experiments/modern/results.json

Searches from scratch in the space `modern`, with the default searcher and with uniform
sampling; then the best rules, each tuned, are compared with tuned AdamW and Muon on
tasks that no search saw. Each step is the command that the page names. A step that is
finished is not run again, and one that was killed goes on. `--only-page` writes the
page from what is there.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.found.found import SEARCH, run
from experiments.measure import (
    add_json_option,
    made_line,
    provenance,
    write_results,
)
from experiments.table.page import code
from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.behaviour.classes import BehaviourClasses
from neuralopt.language import Expression, parse, render
from neuralopt.palette import CYCLE
from neuralopt.verdict.rediscovery.history import CHARGED

HERE = Path(__file__).parent
PAGE, PICTURE = HERE / "README.md", HERE / "families.svg"

SEARCHERS = ("hill_climbing", "uniform")
PROPOSALS_AN_EVALUATION = 10

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "orthogonalized": ("orthogonalize",),
    "rows and columns": ("rows", "columns"),
    "norms": ("norm", "rms"),
    "element by element": (),
}
"""Names of families, and the operations that each has; the first that fits."""

BASELINES = (
    "adamw",
    "where(matrix, orthogonalize(0.95 * ema(g, 0.95) + 0.05 * g), adam)",
    "orthogonalize(0.95 * ema(g, 0.95) + 0.05 * g)",
)
"""What found rules are compared with: AdamW, Muon with Adam for what is no matrix, and
Muon for all."""

HELD_OUT = ("tiny_gpt", "digits_residual")


@dataclass(frozen=True, slots=True)
class Trained:
    """A rule that a search trained.

    Attributes:
        evaluations: rules trained up to this one.
        quality: that the search was told.
        rule: in canonical form.
    """

    evaluations: int
    quality: float
    rule: Expression

    @property
    def family(self) -> str:
        """The first of FAMILIES whose operations the rule has."""
        return next(
            name
            for name, operations in FAMILIES.items()
            if not operations or self.rule.contains(*operations)
        )

    @property
    def is_kin_of_muon(self) -> bool:
        """Whether it orthogonalizes a moving average of the gradient."""
        return any(
            node.primitive == "orthogonalize" and node.contains("ema")
            for node in self.rule.walk()
        )


def folder_of(options: argparse.Namespace, searcher: str, seed: int) -> Path:
    """The run directory of a search."""
    return Path(options.folder) / f"{searcher}={seed}"


def search_command(options: argparse.Namespace, searcher: str, seed: int) -> list[str]:
    """Arguments of `neuralopt` that search."""
    return [
        "search",
        "space=modern",
        f"searcher={searcher}",
        f"seed={seed}",
        f"evaluations={options.evaluations}",
        f"proposals={PROPOSALS_AN_EVALUATION * options.evaluations}",
        *SEARCH,
        "shortlist.size=0",
        f"run_dir={folder_of(options, searcher, seed)}",
        "resume=auto",
    ]


def trained_by(folder: Path) -> Iterator[Trained]:
    """Yield what a search trained, in the order of asking."""
    with Archive.open(folder / ARCHIVE_FILE) as archive:
        count = 0
        for proposal in archive.proposals():
            if proposal.status in CHARGED:
                count += 1
                yield Trained(count, proposal.quality or 0.0, proposal.expression)


def figures_of(folder: Path) -> dict[str, Any]:
    """What a search found of each family, and when."""
    trained = list(trained_by(folder))
    best = {
        name: max((e.quality for e in trained if e.family == name), default=0.0)
        for name in FAMILIES
    }
    curves: dict[str, list[tuple[int, float]]] = {name: [] for name in FAMILIES}
    for each in trained:
        curve = curves[each.family]
        if not curve or each.quality > curve[-1][1]:
            curve.append((each.evaluations, each.quality))
    plain = best["element by element"]
    ahead = [each for each in trained if each.is_kin_of_muon and each.quality > plain]
    first = next((each for each in trained if each.is_kin_of_muon), None)
    top = sorted(trained, key=lambda each: -each.quality)[:100]
    return {
        "evaluations": len(trained),
        "best": best,
        "curves": curves,
        "first kin": first and first.evaluations,
        "kin ahead": ahead[0].evaluations if ahead else None,
        "of the best hundred": {
            name: sum(each.family == name for each in top) for name in FAMILIES
        },
        "rules": [[render(each.rule), each.quality] for each in top[:5]],
    }


def finalists(options: argparse.Namespace) -> list[str]:
    """The best rules of the default searcher, different in behaviour."""
    pooled: dict[str, float] = {}
    for seed in range(options.seeds):
        archive_file = folder_of(options, SEARCHERS[0], seed) / ARCHIVE_FILE
        with Archive.open(archive_file) as archive:
            for proposal in archive.best(10):
                pooled[proposal.canonical] = proposal.quality or 0.0
    classes, chosen = BehaviourClasses(), list[str]()
    for number, text in enumerate(sorted(pooled, key=lambda each: -pooled[each])):
        if classes.assign(number, parse(text)) == number:
            chosen.append(text)
    return chosen[: options.finalists]


def compare_command(options: argparse.Namespace, rules: Sequence[str]) -> list[str]:
    """Arguments of `neuralopt` that compare tuned rules on tasks not searched on."""
    return [
        *("compare", "--tuned", *BASELINES, *rules),
        f"--into={options.folder / 'verdict'}",
        "--horizons=1",
        f"task={'+'.join(HELD_OUT)}",
        "budget=suite",
        *options.verdict,
    ]


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Draw the best quality of each family by evaluations, a panel for each searcher.

    Args:
        figures: as `main` gathers them.
        path: of the SVG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    panels = figure.subplots(1, len(SEARCHERS), sharey=True)
    for axes, searcher in zip(panels, SEARCHERS, strict=True):
        for colour, family in zip(CYCLE, FAMILIES, strict=False):
            for seed, run_ in enumerate(figures["searches"][searcher]):
                steps = [*run_["curves"][family]]
                if not steps:
                    continue
                places, values = zip(*steps, strict=True)
                axes.step(
                    [*places, run_["evaluations"]],
                    [*values, values[-1]],
                    where="post",
                    color=colour,
                    linewidth=1.2,
                    label=family if seed == 0 else None,
                )
        axes.axhline(0.5, color="black", linewidth=0.6, linestyle=":")
        axes.set(title=searcher, xlabel="evaluations", xscale="log", ylim=(0.3, None))
    panels[0].set_ylabel("best quality of the family so far")
    panels[0].legend(loc="lower right", fontsize=8, frameon=False)
    figure.savefig(path)


ABOUT = """\
# Does a search find Muon's kin from scratch?

The space [`modern`](../../conf/space/modern.yaml) has norms, means of rows and columns,
orthogonalized matrices, the agreement of momentum and gradient, and a choice between
matrices and other parameters. Searches begin from nothing and train rules on the group
`suite`, where Adam's quality is 0.5. *Kin of Muon* is a rule that orthogonalizes a
moving average of the gradient. A rule's family is the first of these that it is in:
{families}. Qualities are those that the search was told: the best of many is flattered.

![Best quality of each family]({picture})
"""


def page(figures: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    """Return the text of the page.

    Args:
        figures: as `main` gathers them.
        made: as `experiments.measure.provenance` tells it.
    """
    lines = ABOUT.format(families=", ".join(FAMILIES), picture=PICTURE.name).split("\n")
    for searcher, runs in figures["searches"].items():
        lines += [f"## {searcher}", ""]
        lines.append(
            f"| seed | first kin of Muon | ahead of all element-wise rules | "
            f"{' | '.join(FAMILIES)} |"
        )
        lines.append("|--:" * (3 + len(FAMILIES)) + "|")
        for seed, each in enumerate(runs):
            cells = [str(seed), _count(each["first kin"]), _count(each["kin ahead"])]
            for family in FAMILIES:
                share = each["of the best hundred"][family]
                cells.append(f"{each['best'][family]:.3f} ({share})")
            lines.append(f"| {' | '.join(cells)} |")
        lines += ["", "Best rules, and what the search was told of them:", ""]
        for text, quality in runs[0]["rules"]:
            lines.append(f"- {code(text)}: {quality:.4f}")
        lines.append("")
    lines += [
        "In the first two columns, rules trained up to then; in the others the best "
        "quality of a family, and how many of the search's best hundred are in it.",
        "",
        *verdict_lines(figures["verdict"]),
        "## Commands",
        "",
        "```",
        *(f"neuralopt {shlex.join(command)}" for command in figures["commands"]),
        "```",
        "",
        made_line(made),
        "",
    ]
    return "\n".join(lines)


def verdict_lines(verdict: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the section on the tuned comparison."""
    if verdict is None:
        yield "Tuned on tasks that no search saw, the rules were not compared yet."
        yield ""
        return
    reference = verdict["reference"][0]
    yield "## Tuned, on tasks that no search saw"
    yield ""
    yield (
        f"Found rules, and Muon, against {reference}: each tuned alike on each task "
        f"({verdict['tuning']['trials']} trials), then compared on {verdict['seeds']} "
        "fresh paired seeds, on the test split. Mean paired difference of quality, its "
        "interval, and the word."
    )
    yield ""
    names = [name for name in verdict["contenders"] if name != reference]
    yield f"| rule | {' | '.join(task['task'] for task in verdict['tasks'])} |"
    yield "|---" * (1 + len(verdict["tasks"])) + "|"
    for name in names:
        cells = [code(name)]
        for task in verdict["tasks"]:
            rows = task["matches"][0]["splits"]["test"]
            row = next(each for each in rows if each["name"] == name)
            low, high = row["difference_low"], row["difference_high"]
            cells.append(
                f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}] {row['verdict']}"
            )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/modern"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--finalists", type=int, default=3)
    parser.add_argument(
        "--verdict",
        nargs="*",
        default=["verdict.seeds=8", "verdict.tuning.trials=15"],
        metavar="KEY=VALUE",
        help="overrides of the comparison",
    )
    parser.add_argument("--only-page", action="store_true")
    parser.add_argument("--page", type=Path, default=PAGE)
    add_json_option(parser)
    given = parser.parse_args(arguments)
    commands = []
    for seed in range(given.seeds):
        for searcher in SEARCHERS:
            command = search_command(given, searcher, seed)
            commands.append(command)
            if not given.only_page:
                folder = folder_of(given, searcher, seed)
                run(command, given.folder / f"{folder.name}.log")
    rules = finalists(given)
    if not given.only_page:
        run(compare_command(given, rules), given.folder / "verdict.log")
    verdict_file = given.folder / "verdict" / "comparison.json"
    verdict = None
    if verdict_file.exists():
        verdict = json.loads(verdict_file.read_text("utf-8"))
        for task in verdict["tasks"]:
            for setting in task["settings"].values():
                del setting["trials"]  # the folder of the verdict keeps them
        commands.append(compare_command(given, rules))
    figures = {
        "searches": {
            searcher: [
                figures_of(folder_of(given, searcher, seed))
                for seed in range(given.seeds)
            ]
            for searcher in SEARCHERS
        },
        "rules": rules,
        "verdict": verdict,
        "commands": commands,
    }
    draw(figures, given.page.with_name(PICTURE.name))
    given.page.write_text(page(figures, provenance()), "utf-8")
    print(given.page)
    write_results(given.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
