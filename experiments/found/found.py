"""What do searches find that is worth having? Search, promote, tune and compare.

    python experiments/found/found.py --json experiments/found/results.json

Searches with several seeds, and longer ones; their best rules go through
`neuralopt promote`; those that come first there are compared with tuned known
optimizers on every held-out task by `neuralopt compare --tuned`. With `--again`, those
that are faster are compared a second time, with other seeds. Each step is the command
that the page names. A step that is finished is not run again, and one that was
killed goes on. `--only-page` writes the page from what is there.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.found.page import Results, faster, found_page
from experiments.measure import add_json_option, write_results
from neuralopt.behaviour.classes import BehaviourClasses
from neuralopt.behaviour.naming import name
from neuralopt.language import parse

HERE = Path(__file__).parent
BASELINES = ("adamw", "momentum", "nesterov", "lion", "rmsprop")
"""What found rules are compared with, each tuned as they are; the first by name."""

SEARCH = (
    "shortlist.every=1000000",
    "verdict.candidates=0",
    "report=none",
)
"""Settings of every search that differ from the defaults: the best are measured once,
at the end, and the verdict is that of this page."""

PROPOSALS_AN_EVALUATION = 10


@dataclass(frozen=True, slots=True)
class Search:
    """A search of the experiment.

    Attributes:
        folder: its run directory.
        seed: of the search.
        groups: of its space.
        evaluations: rules that it trains.
    """

    folder: Path
    seed: int
    groups: int
    evaluations: int

    @property
    def command(self) -> list[str]:
        """Arguments of `neuralopt`."""
        return [
            "search",
            f"seed={self.seed}",
            f"space.groups={self.groups}",
            f"evaluations={self.evaluations}",
            f"proposals={PROPOSALS_AN_EVALUATION * self.evaluations}",
            *SEARCH,
            f"run_dir={self.folder}",
        ]


def searches(options: argparse.Namespace) -> list[Search]:
    """Return the searches that the command line asks for.

    Args:
        options: parsed arguments.
    """
    folder = options.folder
    short = [
        Search(folder / f"seed={seed}", seed, options.groups, options.evaluations)
        for seed in range(options.seeds)
    ]
    longer = [
        Search(folder / f"longer={seed}", seed, options.groups, options.longer)
        for seed in range(options.longer_seeds)
    ]
    long = [
        Search(
            folder / (f"long={seed}" if seed else "long"),
            seed,
            options.long_groups,
            options.long,
        )
        for seed in range(options.long_seeds)
        if options.long
    ]
    return [*short, *longer, *long]


def run(arguments: Sequence[str], log: Path) -> None:
    """Run neuralopt, unless a log says that it came to its end.

    Args:
        arguments: of the command.
        log: file of what it prints; it gets a last line at the end.
    """
    done = f"finished: neuralopt {' '.join(arguments)}"
    if log.exists() and log.read_text("utf-8").rstrip().endswith(done):
        return
    print(f"neuralopt {' '.join(arguments)}", flush=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        subprocess.run(
            [sys.executable, "-m", "neuralopt", *arguments], check=True, stdout=file
        )
        file.write(f"{done}\n")


def promotion_command(runs: Sequence[Search], options: argparse.Namespace) -> list[str]:
    """Return the arguments that promote the best rules of all searches.

    Args:
        runs: the searches.
        options: parsed arguments.
    """
    return [
        "promote",
        *(str(each.folder) for each in runs),
        f"--into={options.folder / 'promotion'}",
        f"promotion.candidates={options.candidates}",
        "budget.horizons=[]",
        *options.promotion,
    ]


def finalists(promotion: dict[str, Any], count: int) -> list[str]:
    """Return the rules that came first in the last stage and behave differently.

    A rule that behaves like a named one was found again and is not new.

    Args:
        promotion: as `neuralopt promote` writes it.
        count: how many at most.
    """
    classes, found = BehaviourClasses(), []
    for number, each in enumerate(promotion["stages"][-1]["standings"]):
        rule = parse(each["rule"])
        new = not each["baseline"] and not name(rule).equal
        if new and classes.assign(number, rule) == number:
            found.append(each["rule"])
    return found[:count]


def verdict_command(rules: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Return the arguments that compare rules with tuned known optimizers.

    Args:
        rules: found ones, texts.
        options: parsed arguments.
    """
    names = (*BASELINES, *rules)
    return _tuned_command(names, options.folder / "verdict", options.verdict)


def again_command(rules: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Return the arguments that compare rules once more, with other seeds.

    Args:
        rules: found ones, texts.
        options: parsed arguments.
    """
    names = (BASELINES[0], *options.kin, *rules)
    return _tuned_command(names, options.folder / "again", ["seed=1", *options.again])


def _tuned_command(
    names: Sequence[str], folder: Path, overrides: Sequence[str]
) -> list[str]:
    return [
        *("compare", "--tuned", *names, f"--into={folder}"),
        *("task=held_out", "budget=suite", *overrides),
    ]


def write_page(found: Results, options: argparse.Namespace) -> None:
    """Write the page, its pictures, and the finalists as files.

    Args:
        found: results of all steps.
        options: parsed arguments.

    Raises:
        OSError: a file can't be read or written.
        subprocess.CalledProcessError: a rule can't be exported.
    """
    sources = ["promotion/funnel.png"]
    if found.verdict["time_to_target"]:  # the picture is of these times
        sources.append("verdict/profile.png")
    for source in sources:
        copyfile(options.folder / source, options.page.with_name(Path(source).name))
    for number, rule in enumerate(found.rules, 1):
        with TemporaryDirectory() as folder:  # export also writes a test
            made = Path(folder) / f"found_{number}.py"
            export = ["export", f"--name=Found{number}", f"-o={made}", "--", rule]
            subprocess.run(
                [sys.executable, "-m", "neuralopt", *export],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            copyfile(made, options.page.with_name(f"{made.name}.txt"))
    options.page.write_text(found_page(found), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/found"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=5000)
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--longer-seeds", type=int, default=2)
    parser.add_argument("--longer", type=int, default=15000, help="evaluations")
    parser.add_argument("--long", type=int, default=100000, help="evaluations; 0: none")
    parser.add_argument("--long-groups", type=int, default=3)
    parser.add_argument("--long-seeds", type=int, default=1)
    parser.add_argument("--candidates", type=int, default=5, help="of each search")
    parser.add_argument("--finalists", type=int, default=5)
    parser.add_argument(
        "--also",
        nargs="*",
        default=[],
        type=Path,
        metavar="RUN",
        help="searches that the page lists and that were not promoted",
    )
    parser.add_argument(
        "--kin",
        nargs="*",
        default=[],
        metavar="RULE",
        help="known rules that faster ones are compared with too",
    )
    for option in ("promotion", "verdict", "again"):
        parser.add_argument(
            f"--{option}",
            nargs="*",
            default=[],
            metavar="KEY=VALUE",
            help=f"further overrides of the {option}"
            + ", a second verdict on rules that the first one shows to be faster"
            * (option == "again"),
        )
    parser.add_argument("--only-page", action="store_true")
    parser.add_argument("--page", type=Path, default=HERE / "README.md")
    add_json_option(parser)
    given = parser.parse_args(arguments)
    runs = searches(given)
    commands = [each.command for each in runs]
    try:
        if not given.only_page:
            for each in runs:
                log = given.folder / f"{each.folder.name}.log"
                run([*each.command, "resume=auto"], log)
            run(promotion_command(runs, given), given.folder / "promotion.log")
        commands.append(promotion_command(runs, given))
        promotion = json.loads(
            (given.folder / "promotion" / "promotion.json").read_text("utf-8")
        )
        rules = finalists(promotion, given.finalists)
        if not given.only_page:
            run(verdict_command(rules, given), given.folder / "verdict.log")
        commands.append(verdict_command(rules, given))
        verdict = json.loads(
            (given.folder / "verdict" / "comparison.json").read_text("utf-8")
        )
        second = None
        if chosen := faster(verdict, rules) if given.again else []:
            command = again_command(chosen, given)
            if not given.only_page:
                run(command, given.folder / "again.log")
            commands.append(command)
            kept = given.folder / "again" / "comparison.json"
            second = json.loads(kept.read_text("utf-8"))
        folders = [*(each.folder for each in runs), *given.also]
        found = Results(folders, promotion, verdict, rules, commands, second)
        write_page(found, given)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(given.page)
    results = {"rules": rules, "promotion": promotion, "verdict": verdict}
    if second is not None:
        results["again"] = second
    for each in filter(None, (verdict, second)):
        for task in each["tasks"]:
            for setting in task["settings"].values():
                del setting["trials"]  # the folder of the verdict keeps them
    write_results(given.json, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
