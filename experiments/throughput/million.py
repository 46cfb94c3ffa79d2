"""Make a large archive of a search, and measure how long it takes to read it.

    python experiments/throughput/million.py make RUN --proposals 1000000
    python experiments/throughput/million.py measure RUN

`make` begins a search with the uniform searcher and the default configuration, and goes
on without training: a rule is the sum of two of the exact table, with the score of the
first one. Useful rules are named and the shortlist is measured, as by a search.
`measure` times the command top and resuming in new processes, with the largest memory
of each.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.archive import Archive, Proposal
from neuralopt.cli.main import main as command
from neuralopt.evaluators import Completion
from neuralopt.naming import Naming
from neuralopt.outcomes import Outcomes
from neuralopt.scoring.score import Score
from neuralopt.shortlist.measuring import Measuring
from neuralopt.shortlist.settling import ShortlistOptions
from neuralopt.tables import load

BATCH, EVERY = 64, 1024

RESUME = """
import sys, time
started = time.perf_counter()
from neuralopt.cli.main import main
from neuralopt.searchers.uniform import UniformSearcher
def first(self, count):
    print("ASKED", time.perf_counter() - started, flush=True)
    import resource, os
    print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
    os._exit(0)
UniformSearcher.ask = first
main(sys.argv[1:])
"""
TOP = """
import resource, sys
from neuralopt.cli.main import main
main(sys.argv[1:])
print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def options(run: Path, proposals: int) -> list[str]:
    """Overrides of the search."""
    return [
        f"run_dir={run}", "searcher=uniform", f"proposals={proposals}",
        "verdict.candidates=0", "pruning.candidates=0", "report.tensorboard=false",
    ]  # fmt: skip


def make(run: Path, proposals: int, seed: int) -> None:
    """Begin a search by the command, and go on without training."""
    command(["search", *options(run, BATCH), f"seed={seed}"])
    table = load("from_scratch")
    count, rng = len(table.rules), np.random.default_rng(seed)
    scores = [table.lookup(rule, 0) for rule in table.rules]
    with Archive.open(run, writable=True) as archive:
        checkpoint = archive.checkpoint()
        assert checkpoint is not None
        decisions = archive.proposal(0).decisions
        outcomes, naming = Outcomes(archive.outcomes()), Naming(archive)
        naming.tell(dict(outcomes.qualities(0, len(archive))))
        shortlist = Measuring(archive, ShortlistOptions(), 2)
        began = time.perf_counter()
        while (start := len(archive)) < proposals:
            numbers = range(start, min(proposals, start - start % EVERY + EVERY))
            pairs = rng.integers(count, size=(len(numbers), 2)).tolist()
            texts = [f"{table.rules[a]} + {table.rules[b]}" for a, b in pairs]
            known = dict(zip(texts, archive.numbers_of(texts), strict=True))
            found = []
            for number, text, (place, _) in zip(numbers, texts, pairs, strict=True):
                original = known[text]
                known[text] = number if original is None else original
                score = scores[place] if original is None else None
                made = Proposal(number, decisions, text, text, original, score)
                outcomes.note(
                    number, made.status, original, made.quality,
                    0 if score is None else len(score.tasks),
                )  # fmt: skip
                found.append(made)
            archive.record(found)
            end = len(archive)
            useful: dict[int, float | None] = {
                **outcomes.qualities(start, end),
                **dict.fromkeys(outcomes.stopped_late(start, end)),
            }
            naming.tell(dict(sorted(useful.items())))
            for milestone in shortlist.milestones(end, -1):
                _settle(shortlist, milestone, outcomes, naming)
            if end % (100 * EVERY) == 0 or end == proposals:
                print(f"{end:,} in {time.perf_counter() - began:.0f} s", flush=True)
        shortlist.save()
        archive.save_checkpoint(len(archive), len(archive), checkpoint.state)


def _settle(
    shortlist: Measuring, milestone: int, outcomes: Outcomes, naming: Naming
) -> None:
    """Measure the shortlist of a milestone: each replicate is the search's score."""
    found = outcomes.qualities(shortlist.reached, milestone)
    best = naming.best_of_classes(found, shortlist.numbers)
    shortlist.enter(milestone, {number: found[number] for number in best})
    while requests := shortlist.requests():
        shortlist.take(
            [
                Completion(
                    r.number,
                    Score(
                        "scored", outcomes.rewards(r.number, r.number + 1)[0], lr=0.1
                    ),
                    0.1,
                    "made",
                    replicate=r.replicate,
                )
                for r in requests
            ]
        )


def measure(run: Path, rounds: int) -> dict[str, object]:
    """Time top and resume, in new processes."""
    with Archive.open(run) as archive:
        held = len(archive)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    kept = options(run, held + BATCH)
    commands = {
        "start of Python": ["-c", "pass"],
        "neuralopt --help": ["-m", "neuralopt", "--help"],
        "top": ["-c", TOP, "top", str(run)],
        "resume": ["-c", RESUME, "search", *kept, "resume=auto"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, float] = {}
    for _ in range(rounds):
        for name, arguments in commands.items():
            began = time.perf_counter()
            made = subprocess.run(
                [sys.executable, *arguments],
                capture_output=True, text=True, env=environment, check=False,
            )  # fmt: skip
            seconds[name].append(time.perf_counter() - began)
            words = made.stdout.split()
            if "PEAK" in words:
                peaks[name] = float(words[words.index("PEAK") + 1])
            elif name in ("top", "resume"):
                raise SystemExit(f"{name} failed: {made.stderr[-2000:]}")
    size = (run / "archive.sqlite").stat().st_size
    print(f"{held:,} proposals, {size / 1e6:.0f} MB")
    for name, some in seconds.items():
        peak = f"  {peaks[name]:.0f} MB at most" if name in peaks else ""
        print(
            f"  {name:20} {np.median(some):6.2f} s "
            f"[{min(some):.2f}, {max(some):.2f}]{peak}"
        )
    return {"proposals": held, "seconds": seconds, "megabytes": peaks}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="write an archive")
    making.add_argument("run", type=Path)
    making.add_argument("--proposals", type=int, default=1_000_000)
    making.add_argument("--seed", type=int, default=0)
    reading = commands.add_parser("measure", help="time top and resume")
    reading.add_argument("run", type=Path)
    reading.add_argument("--rounds", type=int, default=3)
    add_json_option(reading)
    chosen = parser.parse_args()
    if chosen.command == "make":
        make(chosen.run, chosen.proposals, chosen.seed)
    else:
        write_results(chosen.json, measure(chosen.run, chosen.rounds))


if __name__ == "__main__":
    main()
