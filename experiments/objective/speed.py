"""Time a uniform search on the suite with and without gates, in turn."""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from neuralopt.archive import Archive
from neuralopt.cli.build import build_search
from neuralopt.cli.config.compose import compose_settings

WAYS = {
    "gates": (),
    "no gates": ("budget.gates=[]",),
    "5 epochs": ("budget.horizons=[]",),
}


def rules_per_second(overrides: tuple[str, ...], proposals: int, seed: int) -> float:
    """Return trained rules a second of a search, the first batch left out.

    Args:
        overrides: of the configuration.
        proposals: of the search.
        seed: of the search.
    """
    fixed = ("searcher=uniform", "shortlist.size=0", "report=none", f"seed={seed}")
    parts = build_search(compose_settings([*fixed, *overrides]))
    parts.settings.proposals = parts.settings.batch
    evaluator = parts.evaluator()
    with (
        tempfile.TemporaryDirectory() as folder,
        Archive.create(Path(folder) / "archive.sqlite", parts.context()) as archive,
    ):
        parts.search(evaluator, archive, (), None)
        before = _trained(archive)
        parts = build_search(parts.settings)
        parts.settings.proposals = proposals
        started = time.perf_counter()
        parts.search(evaluator, archive, (), None)
        seconds = time.perf_counter() - started
        trained = _trained(archive) - before
    evaluator.close()
    return trained / seconds


def _trained(archive: Archive) -> int:
    counts = archive.counts()
    return sum(counts[status] for status in ("scored", "stopped", "diverged"))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--proposals", type=int, default=6000)
    add_json_option(parser)
    options = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for seed in range(options.rounds):
        for name, overrides in WAYS.items():
            share = 20 if name == "no gates" else 1
            count = options.proposals // share
            found[name].append(rules_per_second(overrides, count, seed))
            print(
                f"round {seed + 1}, {name}: {found[name][-1]:.0f} rules/s", flush=True
            )
    for name, rates in found.items():
        ratios = [
            rate / base for rate, base in zip(rates, found["no gates"], strict=True)
        ]
        print(
            f"{name:9} {statistics.median(rates):5.0f} rules/s, "
            f"{statistics.median(ratios):.1f} x without gates"
        )
    write_results(options.json, found)


if __name__ == "__main__":
    main()
