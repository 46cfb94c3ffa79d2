"""Make a large archive of a search, and measure how long it takes to read it.

    python experiments/throughput/million.py make RUN --proposals 1000000
    python experiments/throughput/million.py measure RUN

`make` begins a search with the uniform searcher and the default configuration, and goes
on without training: a rule is the sum of two of the exact table times a factor of its
own, with the score of the first one. A quarter are duplicates; five in a hundred are
useful, and named, in classes as they behave. The shortlist is measured, as by a search.
`measure` times the command top and resuming in new processes, with the largest memory
of each.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import make_or_measure
from neuralopt.archive import Archive, BehaviourRecord, Proposal
from neuralopt.behaviour.classes import BehaviourClasses
from neuralopt.behaviour.description import Behaviour
from neuralopt.behaviour.naming import names
from neuralopt.cli import main as command
from neuralopt.evaluators.evaluator import Completion
from neuralopt.language import parse
from neuralopt.naming import USEFUL, Naming
from neuralopt.outcomes import Outcomes
from neuralopt.scoring.score import Score
from neuralopt.searchers.searcher import Rows
from neuralopt.searchers.uniform import UniformSearcher
from neuralopt.shortlist.measuring import Measuring
from neuralopt.shortlist.settling import ShortlistOptions
from neuralopt.tables import load

BATCH, EVERY = 64, 1024
LAST_ASK = 4
DUPLICATES, GOOD = 0.25, 0.05
"""Shares of proposals: those proposed before, and those with a useful rule."""

NAMED = 24_000
"""Useful rules, of which variants with other factors are made; and as many others."""

RESUME = """
import os, sys, time
started = time.perf_counter()
from neuralopt.cli import main
from neuralopt.searchers.uniform import UniformSearcher
def first(self, count):
    print("ASKED", time.perf_counter() - started, flush=True)
    print(open("/proc/self/status").read(), flush=True)
    os._exit(0)
UniformSearcher.ask = first
main(sys.argv[1:])
"""
TOP = """
import sys
from neuralopt.cli import main
main(sys.argv[1:])
print(open("/proc/self/status").read())
"""


def options(run: Path, proposals: int) -> list[str]:
    """Overrides of the search."""
    return [
        f"run_dir={run}", "searcher=uniform", f"proposals={proposals}",
        "verdict.candidates=0", "pruning.candidates=0", "report.tensorboard=false",
    ]  # fmt: skip


def begin(run: Path, proposals: int, seed: int) -> None:
    """Begin a search by the command, and interrupt it after its first rewards."""
    ask, asked = UniformSearcher.ask, 0

    def counting(searcher: UniformSearcher, count: int) -> Rows:
        nonlocal asked
        asked += 1
        if asked == LAST_ASK:
            signal.raise_signal(signal.SIGINT)
        return ask(searcher, count)

    UniformSearcher.ask = counting  # type: ignore[assignment, method-assign]
    command(["search", *options(run, proposals), f"seed={seed}"])
    UniformSearcher.ask = ask  # type: ignore[method-assign]


class Forms:
    """Rules to make proposals of: sums of two of a table, with the first one's score.

    Attributes:
        texts: of the rules, the useful ones first.
        scores: of the rules.
        useful: how many are useful.
        behaviours: of the useful ones.
        leaders: of each useful one, the first form of its class.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        table = load("from_scratch")
        scores: list[Score] = [table.lookup(rule, 0) for rule in table.rules]
        best = max(score.quality for score in scores)
        good = [
            n
            for n, score in enumerate(scores)
            if score.status == "scored" and score.quality >= USEFUL * best
        ]
        poor = [n for n, score in enumerate(scores) if len(score.tasks) < 2]
        first = [*rng.choice(good, NAMED), *rng.choice(poor, NAMED)]
        second = rng.integers(len(table.rules), size=len(first)).tolist()
        self.useful = NAMED
        self.texts = [
            f"{table.rules[a]} + {table.rules[b]}"
            for a, b in zip(first, second, strict=True)
        ]
        self.scores = [scores[number] for number in first]
        rules = [parse(text) for text in self.texts[:NAMED]]
        classes = BehaviourClasses()
        self.behaviours: list[Behaviour] = []
        self.leaders: list[int] = []
        for start in range(0, NAMED, EVERY):
            some = rules[start : start + EVERY]
            self.behaviours += names(some)
            self.leaders += classes.assign_all(list(enumerate(some, start)))


def make(run: Path, proposals: int, seed: int) -> None:
    """Begin a search by the command, and go on without training."""
    began = time.perf_counter()
    begin(run, proposals + BATCH, seed)
    rng = np.random.default_rng(seed)
    forms = Forms(rng)
    print(
        f"{len(set(forms.leaders)):,} classes in {time.perf_counter() - began:.0f} s",
        flush=True,
    )
    with Archive.open(run, writable=True) as archive:
        checkpoint = archive.checkpoint()
        assert checkpoint is not None
        decisions = archive.proposal(0).decisions
        waiting = list(archive.proposals("pending"))
        archive.commit([replace(p, score=Score("diverged")) for p in waiting])
        outcomes, naming = Outcomes(archive.outcomes()), Naming(archive)
        begun = {
            **outcomes.qualities(0, len(archive)),
            **dict.fromkeys(outcomes.stopped_late(0, len(archive))),
        }
        naming.tell(dict(sorted(begun.items())))
        shortlist = Measuring(archive, ShortlistOptions(), 2)
        made: list[tuple[int, str]] = []  # numbers and texts of those that are new
        led: dict[int, int] = {}  # first proposals of classes, by their first form
        while (start := len(archive)) < proposals:
            numbers = range(start, min(proposals, start - start % EVERY + EVERY))
            again = rng.random(len(numbers)) < DUPLICATES
            good = rng.random(len(numbers)) < GOOD
            places = rng.integers(NAMED, size=len(numbers)) + NAMED * ~good
            found, told = [], []
            for number, place, twice in zip(
                numbers, places.tolist(), again.tolist(), strict=True
            ):
                if twice and made:
                    original, text = made[int(rng.integers(len(made)))]
                    found.append(Proposal(number, decisions, text, text, original))
                    outcomes.note(number, "duplicate", original, None, 0)
                    continue
                text = f"{1 + number * 1e-7!r} * ({forms.texts[place]})"
                score = forms.scores[place]
                made.append((number, text))
                found.append(Proposal(number, decisions, text, text, score=score))
                outcomes.note(
                    number, score.status, None, score.quality, len(score.tasks)
                )
                if place < forms.useful:
                    each, leader = forms.behaviours[place], forms.leaders[place]
                    told.append(
                        BehaviourRecord(
                            number, each.nearest, each.similarity, each.equal,
                            each.families, led.setdefault(leader, number),
                        )
                    )  # fmt: skip
            archive.record(found)
            archive.save_behaviours(told)
            for record in told:
                naming._remember(record)
            end = len(archive)
            naming.tell(outcomes.qualities(start, end))
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
            if "VmHWM:" in words:  # KiB; getrusage would count this process too
                peaks[name] = float(words[words.index("VmHWM:") + 1]) / 1024
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


if __name__ == "__main__":
    make_or_measure(__doc__, 1_000_000, "time top and resume", make, measure)
