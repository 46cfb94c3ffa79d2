"""Run the quickstart search with several seeds, and say what each one found.

A search that is finished is not run again: its seconds are those of the first time.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from neuralopt.archive import ARCHIVE_FILE, Archive
from neuralopt.archive.ranking import first_of_named
from neuralopt.behaviour.description import describe
from neuralopt.behaviour.naming import name
from neuralopt.language import parse
from neuralopt.verdict.records import latest, restored

SHOWN = 3
"""Rules of each search that are listed, the best by the verdict."""


def run(seed: int, folder: Path, overrides: list[str]) -> float:
    """Run one search to its end, and return its seconds."""
    kept = folder / "seconds.txt"
    if not kept.exists():
        started = time.monotonic()
        subprocess.run(
            [
                *(sys.executable, "-m", "neuralopt", "search", "experiment=quickstart"),
                *(f"seed={seed}", f"run_dir={folder}", "resume=auto", *overrides),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        kept.write_text(f"{time.monotonic() - started:.0f}")
    return float(kept.read_text())


def row(seed: int, folder: Path, seconds: float) -> str:
    """Return a line of the table: what was rediscovered, and the best plain rules."""
    with Archive.open(folder / ARCHIVE_FILE) as archive:
        found = first_of_named(archive.behaviours())
        counts = archive.counts()
        verdict, baselines = restored(latest(archive)[0])
        rules = latest(archive)[0].rules
    (split,) = verdict.scores
    best = [
        f"`{rules[each.name]}` {each.mean:.4f} ({each.verdict}; "
        f"{describe(name(parse(rules[each.name])))})"
        for each in verdict.comparison(split, baselines).rows
        if each.name.startswith("#")
    ][:SHOWN]
    named = ", ".join(f"{what} #{number:,}" for what, number in found.items())
    trained = sum(counts[status] for status in ("scored", "stopped", "diverged"))
    return f"| {seed} | {seconds:.0f} | {trained:,} | {named} | {'; '.join(best)} |"


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--work", default="runs/quickstarts")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    add_json_option(parser)
    options = parser.parse_args()
    print("| seed | seconds | trained | rediscovered | best plain rules |")
    print("|---|---|---|---|---|")
    found: dict[str, float] = {}
    for seed in range(options.seeds):
        folder = Path(options.work) / str(seed)
        seconds = run(seed, folder, options.overrides)
        print(row(seed, folder, seconds), flush=True)
        found[str(seed)] = seconds
    write_results(options.json, found)


if __name__ == "__main__":
    main()
