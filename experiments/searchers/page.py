"""Write README.md and its pictures from the results that the other scripts wrote.

    python experiments/searchers/page.py

The folder results/ holds them: curves.json, tuning.json, ablation.json and real.json.
A section whose results are missing is left out.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.searchers.pictures import quality_picture, success_picture
from experiments.searchers.summary import reached_text
from experiments.table.page import markdown

HERE = Path(__file__).parent
TOPS = ("top 1.00%", "top 0.10%", "top 0.01%")
ABOUT = """\
# Which searcher finds good rules with the fewest evaluations?

An *evaluation* is a rule that is trained. Proposals that say a known rule, and rules
that are rejected before training, cost none; searchers are compared by evaluations. The
best rule so far is chosen by the reward that the searcher was told, as a user would
choose it; its *true quality* is a mean over several seeds of training. Adam's is 0.5.

A cell is the median over seeds, its 95% interval in brackets, and the share of seeds
that got there. A run that did not get there counts as infinite: "> 5,000". Intervals of
medians are those of order statistics (the sign test's), in pictures at each point by
itself. A dotted line is Adam's quality. A run is *cut short* after four proposals for
each evaluation: it proposed known rules too often, and its share is a lower bound.
TPE and the paper's controller were not measured.
"""
TABLE = """\
Every rule of one group of `from_scratch` has been trained
([table](../table/README.md)), so that a search takes seconds. Searcher s is told the
qualities of the table's seed s modulo 3; the true quality is the mean over the three.
Seconds are those of a processor that the searcher took, measured, and {cost:g} for each
evaluation; that an evaluation of a good rule takes longer than that of a bad one, which
the gates stop, is not counted.
"""
NAMED = """\
Evaluations until a named rule was trained, in form. *Uniform, closed form* is the mean
that [sampling](../../neuralopt/tables/sampling.py) gives; it checks the simulator.
"""
CHECK = """\
Where every uniform run got there, the mean over seeds can be compared with the closed
form: {check}.
"""
REAL = """\
The space `from_scratch` with {groups} groups, the group `suite` after five epochs, by
`neuralopt`'s own search: asks of 64, one ask ahead. Searcher s is told the scores of
seed s modulo 3 of training; the true quality is the mean over the seeds 100, 101 and
102, of rules that were the best so far. Targets *quality* are the first best rule with
that true quality; the named rules are those trained, in form. An evaluation took
{cost:.4f} s.
"""
TUNING = """\
Settings were chosen on the table `{table}`, another group of tasks:
`regression+digits`, re-parametrised, with a cosine schedule, five epochs and two seeds
([tuning.npz](tuning.npz)). {trials} trials for each searcher that has settings: its
defaults, and settings drawn at random from [grids.json](grids.json); {seeds} seeds each
of {evaluations:,} evaluations. The least median of log evaluations to the best 0.1% of
that table was chosen ([settings.json](settings.json)). Tuning is not counted in the
other sections. The table was made by

    python experiments/table/build.py task=regression+digits task.recipe.reparametrize=1
      task.recipe.schedule=cosine budget=suite budget.horizons=[] 'budget.gates_for=""'
      budget.gates=[0.3,0.42] budget.learning_rates=[1e-3,1e-2,1e-1,1]
      budget.refinement_epochs=0 --seeds 2 --output experiments/searchers/tuning.npz
"""
ABLATION = """\
One option at a time on the table `{table}`, {evaluations:,} evaluations
([variations.json](variations.json)).
"""


def times(entry: Mapping[str, Any], target: str, limit: int) -> str:
    """Return the cell of a target; empty if the entry does not have it."""
    found = entry["reached"].get(target)
    return reached_text(found, limit) if found else ""


def triple(values: Sequence[float], form: str) -> str:
    """Return ``median [low, high]``."""
    median, low, high = (f"{value:{form}}" for value in values)
    return f"{median} [{low}, {high}]"


def summary_table(figures: Mapping[str, Any], targets: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a table with a row for each searcher."""
    head = ["searcher", "seeds", *targets, "true quality at the end", "ms a proposal"]
    rows = []
    for name, entry in figures["searchers"].items():
        cells = [times(entry, target, figures["evaluations"]) for target in targets]
        final = triple(entry["final"], ".3f")
        speed = triple(entry["ms_per_proposal"], ".2f")
        short = f" ({entry['short']} cut short)" if entry["short"] else ""
        rows.append([name, f"{entry['seeds']}{short}", *cells, final, speed])
    yield from markdown(head, rows)


def named_table(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a table with a row for each named rule."""
    entries = figures["searchers"]
    uniform = figures.get("uniform", {})
    names = [t for t in next(iter(entries.values()))["reached"] if t not in TOPS]
    names = [
        name
        for name in names
        if not name.startswith("quality")
        and any(n is not None for e in entries.values() for n in e["reached"][name])
    ]
    exact = ["uniform, closed form"] if uniform else []
    rows = [
        [
            name,
            *([float(uniform[name])] if uniform else []),
            *(times(entry, name, figures["evaluations"]) for entry in entries.values()),
        ]
        for name in names
    ]
    yield from markdown(["rule", *exact, *entries], rows)


def check(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence that compares uniform's means with the closed form."""
    uniform = figures["searchers"].get("uniform")
    if uniform is None:
        return
    shown = []
    for target, found in uniform["reached"].items():
        if None not in found:
            error = np.std(found, ddof=1) / len(found) ** 0.5
            mean, exact = float(np.mean(found)), figures["uniform"][target]
            shown.append(f"{target} {mean:.0f} ± {error:.0f} and {exact:.0f}")
    if shown:
        yield CHECK.format(check="; ".join(shown))


def settings_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Yield the settings that are not defaults, and the command."""
    given = {k: v for k, v in results["figures"]["settings"].items() if v}
    if given:
        yield "Settings that differ from the defaults:\n"
        for name, settings in given.items():
            text = ", ".join(f"{key}={value}" for key, value in settings.items())
            yield f"- {name}: `{text}`"
        yield ""
    yield from command_lines(results)


def command_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Yield the command, the date and the machine of results."""
    machine = results["machine"]
    yield (
        f"Made by `{results['command']}`, {results['date'][:10]}, {machine['cores']} "
        f"shared cores of {machine['processor']}.\n"
    )


def tuning_section(results: Mapping[str, Any]) -> Iterator[str]:
    figures = results["figures"]
    trials = figures["trials"]
    most = max(sum(t["searcher"] == u["searcher"] for t in trials) for u in trials)
    yield "## Settings, tuned on another table\n"
    yield TUNING.format(**{**figures, "trials": most})
    rows = []
    for trial in trials:
        text = json.dumps(trial["settings"])[1:-1].replace('"', "")
        defaults = not trial["settings"]
        if defaults or trial["chosen"]:
            chosen = "yes" if trial["chosen"] else ""
            shown = text or "defaults"
            rows.append([trial["searcher"], shown, trial["text"], chosen])
    yield from markdown(["searcher", "settings", "best 0.1%", "chosen"], rows)
    yield from command_lines(results)


def table_section(results: Mapping[str, Any], folder: Path) -> Iterator[str]:
    figures = results["figures"]
    yield f"## One group: the exact table `{figures['table']}`\n"
    yield TABLE.format(cost=figures["cost"])
    yield from pictures(figures, folder, "table", ["Adam", "top 0.10%"])
    yield from summary_table(figures, [*TOPS, "Adam"])
    yield NAMED
    yield from named_table(figures)
    yield from check(figures)
    yield from settings_lines(results)


def pictures(
    figures: Mapping[str, Any], folder: Path, name: str, targets: Sequence[str]
) -> Iterator[str]:
    """Draw the three pictures of a section, and yield the lines that show them."""
    for by in ("evaluations", "seconds"):
        quality_picture(figures, folder / f"{name}_{by}.svg", by)
        yield f"![True quality by {by}]({name}_{by}.svg)\n"
    success_picture(figures, folder / f"{name}_success.svg", targets)
    yield f"![Share of seeds that got there]({name}_success.svg)\n"


def real_section(results: Mapping[str, Any], folder: Path) -> Iterator[str]:
    for figures in results["figures"]["spaces"]:
        groups = figures["groups"]
        yield f"## {groups} groups, by training\n"
        yield REAL.format(**figures)
        reached = next(iter(figures["searchers"].values()))["reached"]
        levels = [name for name in reached if name.startswith("quality")]
        yield from pictures(figures, folder, f"groups{groups}", ["Adam", levels[-2]])
        yield from summary_table(figures, [*levels, "Adam"])
        yield from named_table(figures)
        rows = [
            [name, f"{quality:.3f}", f"`{text}`"]
            for name, entry in figures["searchers"].items()
            for quality, text in [entry["best"]]
        ]
        yield "The best of the rules that the seeds ended with, by true quality:\n"
        yield from markdown(["searcher", "true quality", "rule"], rows)
    yield from settings_lines(results)


def ablation_section(results: Mapping[str, Any]) -> Iterator[str]:
    yield "## Options one at a time\n"
    yield ABLATION.format(**results["figures"])
    yield from summary_table(results["figures"], [*TOPS, "Adam"])
    yield from command_lines(results)


def page(folder: Path) -> str:
    """Draw the pictures, and return the text of the page.

    Args:
        folder: holds ``results``; pictures are written to it.
    """
    lines = [ABOUT]
    sections = (
        ("curves", lambda found: table_section(found, folder)),
        ("real", lambda found: real_section(found, folder)),
        ("tuning", tuning_section),
        ("ablation", ablation_section),
    )
    for name, section in sections:
        path = folder / "results" / f"{name}.json"
        if path.exists():
            lines += section(json.loads(path.read_text("utf-8")))
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=HERE)
    add_json_option(parser)
    given = parser.parse_args(arguments)
    text = page(given.folder)
    (given.folder / "README.md").write_text(text, "utf-8")
    print(f"wrote {given.folder}/README.md and its pictures")
    write_results(given.json, {"characters": len(text)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
