"""Do searches from scratch find the known optimizers again, and how soon?

    python experiments/rediscovery/rediscovery.py --folder runs/rediscovery

Each seed is an ordinary search, without shortlist, pruning and verdict. It
ends after so many evaluations, or once it has trained a useful rule that behaves like
each of the targets. A seed that is finished is skipped, one that was killed goes on.
`--only-page` writes the page from the runs that are there.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import provenance
from experiments.rediscovery.uniform import COUNTS, table_lines
from neuralopt import search
from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.cli.commands.rediscover import Asked, measure, plain
from neuralopt.observer import Progress
from neuralopt.verdict.rediscovery.history import History
from neuralopt.verdict.rediscovery.targets import find_targets

PLAIN_SEARCH = (
    "shortlist.size=0",
    "pruning.candidates=0",
    "verdict.candidates=0",
    "report=none",
)
TARGETS = (
    "adam",
    "rmsprop",
    "momentum",
    "signum",
    "sign_agreement",
)
"""Those that two groups can say and that are good on the default objective."""
PRODUCTS = ("adam_agreement", "rmsprop_agreement")
"""Those of three groups."""

AIMS = """Aims, within 15,000 evaluations: Adam, RMSProp, Signum and the agreement of
signs in 18 of 20 seeds each, in behaviour; one of Adam and RMSProp times e to the
agreement in 10 of 20. A section says how many seeds were run; what has no section was
not measured."""

EXPLANATION = """\
`form`: seeds that trained the rule itself, with any epsilon; `alike`: one that
equals it in behaviour, up to a positive factor; `useful`: such a one with half
of the best quality so far. Evaluations are rules trained, up to the first that
is alike: the median over seeds with its 95% interval, where seeds that did not
find it count as infinite (`-`). `percentile`: of uniformly sampled
rows, the share that is worse than the target. `log gain`: how much more
probable the trained searcher makes the form, as a natural logarithm. Seconds are of
the machine that is named, with other work on its cores."""

CONTROL = """\
Rows drawn uniformly, without training; those whose rules behave as the target, up to
a positive factor; and rows that one such takes, with the limits of a Poisson count.
They are counted, because an estimate from rows near a target, as that of `neuralopt
rediscover`, misses rules that are alike but look otherwise, such as
`ema(g, 0.9) / (sqrt(ema(g ** 2, 0.999) / (exp(2) + 1e-08)) + 1e-08)` for Adam."""

PROPOSALS_AN_EVALUATION = 10
"""Proposals allowed for each evaluation; most searchers need fewer than two."""

FINISHED = "finished.json"
PAGE = Path(__file__).with_name("README.md")


class Watch:
    """Stops a search after so many evaluations, or once all targets are found.

    Args:
        archive: path of the search's file.
        targets: names of the targets.
        evaluations: at which the search ends.
    """

    def __init__(self, archive: Path, targets: Sequence[str], evaluations: int) -> None:
        self.stop = threading.Event()
        self.reason = ""
        self._archive, self._limit = archive, evaluations
        self._history = History(find_targets(targets))
        self._read = 0

    def start(self, total: int, told: int) -> None:
        """Nothing is to be prepared; see `Observer.start`."""

    def batch(self, progress: Progress) -> None:
        """Look at what was told since the last batch; see `Observer.batch`."""
        with Archive.open(self._archive) as archive:
            told = list(archive.proposals(start=self._read, stop=progress.told))
        self._read = progress.told
        self._history.tell(told, {})
        if not self._history.missing:
            self.reason = "all targets found"
        elif self._history.evaluations >= self._limit:
            self.reason = "all evaluations made"
        if self.reason:
            self.stop.set()

    def waiting(self, progress: Progress) -> None:
        """Nothing was told; see `Observer.waiting`."""

    def close(self) -> None:
        """Nothing is open; see `Observer.close`."""


def run_seed(folder: Path, seed: int, options: argparse.Namespace) -> None:
    """Search with one seed, or go on with a search that was killed."""
    mark = folder / FINISHED
    if mark.exists():
        return
    watch = Watch(folder / ARCHIVE_FILE, options.targets, options.evaluations)
    started = time.monotonic()
    search(
        options.space,
        searcher=options.searcher,
        proposals=options.evaluations * PROPOSALS_AN_EVALUATION,
        observers=[watch],
        stop=watch.stop,
        evaluator=options.evaluator,
        task=options.task,
        budget=options.budget,
        seed=seed,
        run_dir=folder,
        resume="auto",
        overrides=[*PLAIN_SEARCH, f"space.groups={options.groups}", *options.override],
        progress=sys.stderr.isatty(),
    )
    reason = watch.reason or "all proposals made"
    mark.write_text(json.dumps({"reason": reason}) + "\n", "utf-8")
    print(f"{folder}: {reason}, {time.monotonic() - started:.0f} s", flush=True)


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Figures of the finished seeds of a setting."""
    folders = [
        options.folder / f"seed={seed}"
        for seed in range(options.seeds)
        if (options.folder / f"seed={seed}" / FINISHED).exists()
    ]
    if not folders:
        raise SystemExit(
            f"no seed of {options.folder} is finished: leave out --only-page"
        )
    asked = Asked(
        tuple(options.targets), options.evaluations, options.sample, "", options.rows
    )
    runs, targets = measure([str(folder) for folder in folders], asked)
    ends = [json.loads((each / FINISHED).read_text())["reason"] for each in folders]
    chosen = (
        *("searcher", "groups", "evaluations", "evaluator"),
        *("task", "budget", "override"),
    )
    setting = {name: getattr(options, name) for name in chosen}
    return {**plain(runs, targets), "ends": ends, "setting": setting}


def either(runs: Sequence[Mapping[str, Any]], names: Sequence[str], limit: int) -> int:
    """In how many runs a rule alike with one of some targets was trained in time."""
    count = 0
    for run in runs:
        hits = [run["found"][name]["behaviour"] for name in names]
        count += any(hit and hit["evaluations"] <= limit for hit in hits)
    return count


def page(
    results: Mapping[str, Mapping[str, Any]], controls: Mapping[str, Mapping[str, Any]]
) -> str:
    """The page of all settings.

    Args:
        results: of each setting, by its name.
        controls: counts of `uniform.py`, by the name of the space.
    """
    lines = ["# Are the known optimizers found again?", "", AIMS, ""]
    lines += [EXPLANATION]
    for name, each in results.items():
        lines += ["", *_section(name, each)]
    if controls:
        lines += ["", "## The control: uniform sampling", "", CONTROL]
    for name, counts in controls.items():
        lines += ["", f"### {name}, {counts['rows']:,} rows", ""]
        lines += [f"Of 1,000 rows {1000 * counts['trained']:.0f} cost a training.", ""]
        lines += ["```", counts["command"], "```", "", *table_lines(counts)]
    return "\n".join(lines) + "\n"


def _section(name: str, result: Mapping[str, Any]) -> list[str]:
    figures, setting = result["figures"], result["figures"]["setting"]
    runs, limit = figures["runs"], setting["evaluations"]
    lines = [f"## {name}: {len(runs)} seeds of {setting['searcher']}", ""]
    lines += ["```", result["command"], "```", ""]
    lines += [f"{result['date']}, {result['machine']['processor']}.", ""]
    lines += [
        "| target | form | alike | useful | evaluations [95%] | seconds | "
        "percentile | log gain |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for target in figures["targets"]:
        if not target["in_space"]:
            lines.append(f"| {target['name']} | not in the space |{' |' * 6}")
            continue
        found = target["successes"]
        alike = found["behaviour"]
        counts = [f"{each['found']}/{each['runs']}" for each in found.values()]
        middle = alike["evaluations"]
        span = f"[{_count(middle['low'])}, {_count(middle['high'])}]"
        cells = [
            target["name"],
            *counts,
            f"{_count(middle['value'])} {span}",
            _count(alike["seconds"]["value"]),
            "" if target["percentile"] is None else f"{target['percentile']:.1f}",
            "" if target["gain"] is None else f"{target['gain']:+.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    both = [t["name"] for t in figures["targets"] if t["name"] in PRODUCTS]
    if both:
        count = either(runs, both, limit)
        lines += ["", f"One of {' and '.join(both)}: {count} of {len(runs)} seeds."]
    names = [target["name"] for target in figures["targets"]]
    lines += ["", "Evaluations to the first rule that is alike, seed by seed:", ""]
    lines += [f"| seed | {' | '.join(names)} | all | seconds | ended |"]
    lines += [f"|--:|{'--:|' * len(names)}--:|--:|---|"]
    for run, end in zip(runs, figures["ends"], strict=True):
        hits = [run["found"][target]["behaviour"] for target in names]
        counts = [_count(hit and hit["evaluations"]) for hit in hits]
        cells = [str(run["seed"]), *counts, _count(run["evaluations"])]
        lines.append(f"| {' | '.join(cells)} | {run['seconds']:.0f} | {end} |")
    return lines


def _count(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value < 1e6 else f"{value:.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/rediscovery"))
    parser.add_argument(
        "--name", default="The default search", help="of the setting's section"
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=15_000)
    parser.add_argument("--searcher", default="hill_climbing")
    parser.add_argument("--space", default="from_scratch")
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--evaluator", default="in_process")
    parser.add_argument("--task", default="suite")
    parser.add_argument("--budget", default="suite")
    parser.add_argument("--targets", nargs="+", default=list(TARGETS))
    parser.add_argument("--override", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--only-page", action="store_true")
    parser.add_argument(
        "--json",
        type=Path,
        default=Path(__file__).with_name("results.json"),
        metavar="FILE",
        help="figures of all settings, by name, from which the page is written",
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    find_targets(options.targets)
    if not options.only_page:
        for seed in range(options.seeds):
            run_seed(options.folder / f"seed={seed}", seed, options)
    figures = measured(options)
    kept = json.loads(options.json.read_text()) if options.json.exists() else {}
    kept[options.name] = {**provenance(), "figures": figures}
    options.json.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    counted = json.loads(COUNTS.read_text("utf-8")) if COUNTS.exists() else {}
    options.page.write_text(page(kept, counted), "utf-8")
    print(f"Wrote {options.json} and {options.page}")


if __name__ == "__main__":
    main()
