"""Measure where the time of a search goes: training, bookkeeping, waiting.

    python experiments/throughput/shares.py --proposals 20000 --searcher uniform

Runs one search without a profiler and compares the processor time of the thread that
runs the loop with that of the whole process. Then runs it again under the profiler,
which makes Python about twice as slow, for the shares of the loop's parts.
"""

import argparse
import cProfile
import inspect
import pkgutil
import pstats
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.cli import main as command
from neuralopt.searchers import SEARCHERS

LOOP = "neuralopt.loop:search"

PARTS: Mapping[str, tuple[str, ...]] = {
    "ask": ("neuralopt.searchers:{searcher}.ask",),
    "rules, canonical forms": ("neuralopt.spaces:Space.rules",),
    "look-up": ("neuralopt.archive:Archive.numbers_of",),
    "probes": ("neuralopt.scoring.probes:rejections",),
    "archive: record": ("neuralopt.archive:Archive.record",),
    "archive: commit": ("neuralopt.archive:Archive.commit",),
    "tell": ("neuralopt.searchers:{searcher}.tell",),
    "checkpoints": ("neuralopt.archive:Archive.save_checkpoint",),
    "progress, observers": (
        "neuralopt.loop:_Search._progress",
        "neuralopt.report.progress:ProgressDisplay.batch",
        "neuralopt.report.tensorboard:TensorBoard.batch",
    ),
    "naming": ("neuralopt.naming:Naming.tell",),
    "shortlist": ("neuralopt.shortlist.measuring:Measuring.requests",),
    "waiting for workers": ("neuralopt.evaluators:InProcessEvaluator.collect",),
}
"""Part of the loop -> the functions that do it; no function of a part calls another."""

Profile = Mapping[tuple[str, int, str], tuple[int, int, float, float, object]]
"""Function -> calls without recursion, calls, own and cumulative seconds, callers."""


def code_of(name: str) -> CodeType:
    """Find a function of the package.

    Args:
        name: ``module:function`` or ``module:Class.method``.

    Returns:
        Its code, without decorators.

    Raises:
        ValueError: If there is no such function.
    """
    try:
        found = inspect.unwrap(pkgutil.resolve_name(name))
    except (AttributeError, ImportError):
        found = None
    if not inspect.isfunction(found):
        raise ValueError(
            f"{name} is not a function of neuralopt: correct PARTS in shares.py"
        )
    return found.__code__


def codes_of(searcher: str) -> dict[str, list[CodeType]]:
    """The code of every part and of the whole loop, for a searcher.

    Raises:
        ValueError: If a function that a part names does not exist.
    """
    kind = SEARCHERS[searcher].__name__
    places = {**PARTS, LOOP: (LOOP,)}
    return {
        part: [code_of(name.format(searcher=kind)) for name in names]
        for part, names in places.items()
    }


def seconds_in(profile: Profile, codes: Sequence[CodeType]) -> float:
    """Cumulative seconds of functions in a profile.

    Raises:
        ValueError: If none of them was called.
    """
    keys = [(code.co_filename, code.co_firstlineno, code.co_name) for code in codes]
    seconds = [profile[key][3] for key in keys if key in profile]
    if not seconds:
        names = ", ".join(code.co_qualname for code in codes)
        raise ValueError(f"the search never called {names}: correct PARTS in shares.py")
    return sum(seconds)


def times() -> tuple[float, float, float]:
    """Seconds of wall time, of this thread and of this process."""
    return time.perf_counter(), time.thread_time(), time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--proposals", type=int, default=20_000)
    parser.add_argument("--searcher", default="uniform", choices=list(SEARCHERS))
    add_json_option(parser)
    arguments = parser.parse_args()
    codes = codes_of(arguments.searcher)
    with tempfile.TemporaryDirectory() as folder:
        options = ["verdict.candidates=0", f"searcher={arguments.searcher}"]
        warm = ["search", *options, f"run_dir={Path(folder) / 'warm'}"]
        command([*warm, "proposals=64"])
        run = ["search", *options, f"proposals={arguments.proposals}"]
        began = times()
        command([*run, f"run_dir={Path(folder) / 'plain'}"])
        wall, thread, used = (b - a for a, b in zip(began, times(), strict=True))
        profiler = cProfile.Profile()
        profiler.enable()
        command([*run, f"run_dir={Path(folder) / 'profiled'}"])
        profiler.disable()
    profile: Profile = pstats.Stats(profiler).stats  # type: ignore[attr-defined]  # typeshed lacks it
    found = {part: seconds_in(profile, some) for part, some in codes.items()}
    loop = found.pop(LOOP)
    print(
        f"\n{arguments.proposals:,} proposals: {wall:.1f} s, {used:.1f} s of processor "
        f"time; the loop's thread {thread:.1f} s, {thread / used:.1%} of it"
    )
    print("Shares of the loop, under the profiler:")
    for name, seconds in found.items():
        print(f"  {name:22} {seconds:7.2f} s {seconds / loop:6.1%}")
    write_results(
        arguments.json,
        {
            "proposals": arguments.proposals,
            "seconds": {"wall": wall, "processor": used, "loop's thread": thread},
            "profiled seconds": {**found, "whole loop": loop},
        },
    )


if __name__ == "__main__":
    main()
