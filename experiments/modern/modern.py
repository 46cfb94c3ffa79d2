"""Does a search among norms, row means and orthogonalized matrices find Muon's kin?

    python experiments/modern/modern.py --json experiments/modern/results.json

Searches from scratch in the space `modern`, with the default searcher and with uniform
sampling, for three objectives: the small tasks of the suite, a small transformer, and
a small ConvNet. Then the best rules of each are compared with AdamW and Muon, all
tuned, on the transformer and on a residual network; those that are shown to be better
than AdamW there are judged again, with `--again`. Each step is the command that the
page names. A step that is finished is not run again, and one that was killed goes on.
`--objectives` chooses; what an earlier run wrote of the others to the JSON file stays
on the page. `--only-page` writes the page from the run folders.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.found.found import SEARCH, run
from experiments.measure import add_json_option, provenance, write_results
from experiments.modern.families import MUON, figures_of
from experiments.modern.page import draw, page, picture_of
from neuralopt import rediscover
from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.behaviour.classes import BehaviourClasses
from neuralopt.language import parse

HERE = Path(__file__).parent
PAGE = HERE / "README.md"

SEARCHERS = ("hill_climbing", "uniform")
PROPOSALS_AN_EVALUATION = 10

BASELINES = (
    "adamw",
    "where(matrix, orthogonalize(0.95 * ema(g, 0.95) + 0.05 * g), adam)",
    "orthogonalize(0.95 * ema(g, 0.95) + 0.05 * g)",
)
"""What found rules are compared with: AdamW, Muon for matrices with Adam for the rest,
and Muon for all parameters."""

JUDGES = ("tiny_gpt", "digits_residual")
"""Tasks of the comparison. The suite has neither."""

AGAIN = ("tiny_gpt", "char_transformer", "digits_residual")
"""Tasks of the second comparison: two transformers, of which no search saw the second.
It has other seeds than the first, more of them and more trials."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What searches train rules on.

    Attributes:
        words: of the command line.
        seeds: searches of each searcher.
        evaluations: rules that each search trains.
        about: for the page.
    """

    words: tuple[str, ...]
    seeds: int
    evaluations: int
    about: str


OBJECTIVES: Mapping[str, Objective] = {
    "suite": Objective(
        (),
        3,
        1000,
        "the group `suite`: small networks of eight kinds",
    ),
    "tiny_gpt": Objective(
        (
            "task=tiny_gpt",
            "budget=smoke",
            "budget.learning_rates=[0.001,0.01,0.1,1.0]",
            "budget.refinement_epochs=1",
            "budget.epochs=5",
            "budget.gates=[0.4]",
        ),
        2,
        400,
        "`tiny_gpt`, a transformer that learns the next character, for five epochs",
    ),
    "convnet": Objective(
        (
            "task=digits_conv",
            "budget=smoke",
            "budget.learning_rates=[0.001,0.01,0.1,1.0]",
            "budget.refinement_epochs=1",
            "budget.epochs=5",
            "budget.gates=[0.4]",
        ),
        3,
        5000,
        "`digits_conv`, two convolutions with batch normalisation, for five epochs",
    ),
}


def run_directory(folder: Path, searcher: str, seed: int) -> Path:
    """Of a search for the objective that a folder belongs to."""
    return folder / f"{searcher}={seed}"


def search_command(
    objective: Objective, folder: Path, searcher: str, seed: int
) -> list[str]:
    """Arguments of `neuralopt` that search."""
    return [
        "search",
        "space=modern",
        f"searcher={searcher}",
        f"seed={seed}",
        f"evaluations={objective.evaluations}",
        f"proposals={PROPOSALS_AN_EVALUATION * objective.evaluations}",
        *objective.words,
        *SEARCH,
        "shortlist.size=0",
        f"run_dir={run_directory(folder, searcher, seed)}",
        "resume=auto",
    ]


def rediscovered(objective: Objective, folder: Path) -> dict[str, Any]:
    """When searches first trained rules that behave as Muon, by searcher and rule."""
    told: dict[str, Any] = {}
    for searcher in SEARCHERS:
        runs = [
            run_directory(folder, searcher, seed) for seed in range(objective.seeds)
        ]
        result = rediscover(runs, targets=MUON, sample=0, rows=0, progress=False)
        told[searcher] = {}
        for name in MUON:
            found = result[name].successes["behaviour"]
            median = found.evaluations.value
            told[searcher][name] = found.found, median if found.found else None
    return told


def finalists(objective: Objective, folder: Path, count: int) -> list[str]:
    """The best rules of the default searcher, different in behaviour."""
    pooled: dict[str, float] = {}
    for seed in range(objective.seeds):
        archive_file = run_directory(folder, SEARCHERS[0], seed) / ARCHIVE_FILE
        with Archive.open(archive_file) as archive:
            for proposal in archive.best(10):
                pooled[proposal.canonical] = proposal.quality or 0.0
    classes, chosen = BehaviourClasses(), list[str]()
    for number, text in enumerate(sorted(pooled, key=lambda each: -pooled[each])):
        if classes.assign(number, parse(text)) == number:
            chosen.append(text)
    return chosen[:count]


def compare_command(
    folder: Path, rules: Sequence[str], overrides: Sequence[str]
) -> list[str]:
    """Arguments of `neuralopt` that compare tuned rules."""
    return [
        *("compare", "--tuned", *BASELINES, *rules),
        f"--into={folder / 'verdict'}",
        "--horizons=1",
        f"task={'+'.join(JUDGES)}",
        "budget=suite",
        *overrides,
    ]


def study(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Search for one objective and compare what was found, or read what was found.

    Args:
        name: of the objective.
        options: of the command line.
    """
    objective, folder = OBJECTIVES[name], options.folder / name
    commands = []
    for seed in range(objective.seeds):
        for searcher in SEARCHERS:
            command = search_command(objective, folder, searcher, seed)
            commands.append(command)
            if not options.only_page:
                run(command, folder / f"{searcher}={seed}.log")
    rules = finalists(objective, folder, options.finalists)
    command = compare_command(folder, rules, options.verdict)
    if not options.only_page:
        run(command, folder / "verdict.log")
    verdict = verdict_of(folder / "verdict")
    if verdict is not None:
        commands.append(command)
    searches = {
        searcher: [
            figures_of(run_directory(folder, searcher, seed))
            for seed in range(objective.seeds)
        ]
        for searcher in SEARCHERS
    }
    return {
        "about": objective.about,
        "searches": searches,
        "rediscovered": rediscovered(objective, folder),
        "rules": rules,
        "verdict": verdict,
        "commands": commands,
        "made": provenance(),
    }


def better_rules(studies: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Found rules that a verdict shows to be better than its reference."""
    chosen = []
    for found in studies.values():
        for task in (found["verdict"] or {"tasks": ()})["tasks"]:
            rows = task["matches"][0]["splits"]["test"]
            chosen += [each["name"] for each in rows if each["verdict"] == "better"]
    return [name for name in dict.fromkeys(chosen) if name not in BASELINES]


def judged_again(
    studies: Mapping[str, Mapping[str, Any]], options: argparse.Namespace
) -> dict[str, Any]:
    """Compare the better rules of all studies with AdamW, or read what was found."""
    folder = options.folder / "again"
    command = [
        *("compare", "--tuned", *BASELINES[:2], *better_rules(studies)),
        f"--into={folder}",
        "--horizons=1",
        f"task={'+'.join(AGAIN)}",
        "budget=suite",
        "seed=1",
        "verdict.seeds=12",
        "verdict.tuning.trials=30",
    ]
    if not options.only_page:
        run(command, options.folder / "again.log")
    return {
        "verdict": verdict_of(folder),
        "commands": [command],
        "made": provenance(),
    }


def verdict_of(folder: Path) -> dict[str, Any] | None:
    """A comparison without its trials, which the folder keeps; None without one."""
    file = folder / "comparison.json"
    if not file.exists():
        return None
    verdict: dict[str, Any] = json.loads(file.read_text("utf-8"))
    for task in verdict["tasks"]:
        for setting in task["settings"].values():
            del setting["trials"]
    return verdict


def earlier(path: Path | None) -> dict[str, Any]:
    """Return the figures of a results file; empty ones if there is no file."""
    if path is None or not path.exists():
        return {"studies": {}, "again": None}
    figures: dict[str, Any] = json.loads(path.read_text("utf-8"))["figures"]
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/modern"))
    parser.add_argument(
        "--objectives", nargs="*", choices=OBJECTIVES, default=[*OBJECTIVES]
    )
    parser.add_argument(
        "--again", action="store_true", help="judge the better rules of all again"
    )
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
    figures = earlier(given.json)
    studies = figures["studies"]
    studies |= {name: study(name, given) for name in given.objectives}
    if given.again:
        figures["again"] = judged_again(studies, given)
    for name, found in studies.items():
        draw(found["searches"], given.page.with_name(picture_of(name)))
    given.page.write_text(page(studies, figures["again"]), "utf-8")
    print(given.page)
    write_results(given.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
