"""Where the time of a search goes: training, bookkeeping, waiting.

    python experiments/throughput/shares.py --proposals 20000 --searcher uniform

Runs a search as it is, and compares the processor time of the thread that runs the loop
with that of the whole process; then once more under the profiler, which makes Python
about twice as slow, for the shares of the loop's parts.
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
        options = ["verdict.candidates=0", f"searcher={arguments.searcher}"]
        warm = ["search", *options, f"run_dir={Path(folder) / 'warm'}"]
        command([*warm, "proposals=64"])
        run = ["search", *options, f"proposals={arguments.proposals}"]
        began, thread, used = times()
        command([*run, f"run_dir={Path(folder) / 'plain'}"])
        wall, thread, used = (
            b - a for a, b in zip((began, thread, used), times(), strict=True)
        )
        profile = cProfile.Profile()
        profile.enable()
        command([*run, f"run_dir={Path(folder) / 'profiled'}"])
        profile.disable()
    found = {name: seconds_in(profile, *place) for name, place in PARTS.items()}
    loop = found.pop("the whole loop")
    print(
        f"\n{arguments.proposals:,} proposals: {wall:.1f} s, {used:.1f} s of processor "
        f"time; the loop's thread {thread:.1f} s, {thread / used:.1%} of it"
    )
    print("Of the loop, under the profiler:")
    for name, seconds in found.items():
        print(f"  {name:22} {seconds:7.2f} s {seconds / loop:6.1%}")


def times() -> tuple[float, float, float]:
    """Seconds on the wall, of this thread and of this process."""
    return time.perf_counter(), time.thread_time(), time.process_time()


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
