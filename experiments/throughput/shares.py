"""Where the time of a search goes: training, bookkeeping, waiting.

    python experiments/throughput/shares.py --proposals 20000 --searcher uniform

Profiles the thread that runs the loop, and compares what it spends on bookkeeping with
the processor time of the whole search, training included.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from pathlib import Path

from neuralopt.cli.main import main as command

PARTS = {
    "ask": ("searchers", "ask"),
    "decode rows": ("space.py", "decode_all"),
    "canonical forms": ("simplify.py", "simplify"),
    "probes, with bytecode": ("probes.py", "rejections"),
    "archive: record": ("archive.py", "record"),
    "archive: commit": ("archive.py", "commit"),
    "archive: best": ("archive.py", "best"),
    "tell": ("searchers", "tell"),
    "checkpoints": ("loop.py", "_save"),
    "observers": ("loop.py", "_observe"),
    "waiting for workers": ("evaluator.py", "collect"),
    "the whole loop": ("loop.py", "run"),
}
"""Part -> file and function of the profile; cumulative seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proposals", type=int, default=20_000)
    parser.add_argument("--searcher", default="uniform")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = ["verdict.candidates=0", f"run_dir={Path(folder) / 'run'}"]
        options += [f"searcher={arguments.searcher}"]
        warm = ["search", *options[:1], f"run_dir={Path(folder) / 'warm'}"]
        command([*warm, options[2], "proposals=64"])
        profile = cProfile.Profile()
        began, used = time.perf_counter(), time.process_time()
        profile.enable()
        command(["search", *options, f"proposals={arguments.proposals}"])
        profile.disable()
        wall, used = time.perf_counter() - began, time.process_time() - used
    found = {name: seconds_in(profile, *place) for name, place in PARTS.items()}
    loop = found.pop("the whole loop")
    waiting = found["waiting for workers"]
    print(f"\n{arguments.proposals:,} proposals: {wall:.1f} s, {used:.1f} s of cores")
    for name, seconds in found.items():
        print(f"  {name:22} {seconds:7.2f} s {seconds / loop:6.1%} of the loop's thread")
    print(
        f"  bookkeeping (all but waiting) {loop - waiting:.1f} s: "
        f"{(loop - waiting) / used:.1%} of all processor time, profiler included"
    )


def seconds_in(profile: cProfile.Profile, file: str, function: str) -> float:
    """Cumulative seconds of a function of the package."""
    statistics = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    return sum(
        cumulative
        for (path, _, name), (_, _, _, cumulative, _) in statistics.items()
        if name == function and "neuralopt" in path and file in path
    )


if __name__ == "__main__":
    main()
