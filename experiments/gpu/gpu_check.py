"""Test, compare and time neuralopt on a GPU.

    scripts/gpu_check                        # on the device that torch calls cuda
    scripts/gpu_check --device cuda:1 --path ~/cifar-10-batches-bin
    scripts/gpu_check --device cpu --quick   # a rehearsal without a GPU

Continues after a part that fails, and ends with a table of aims. Exit code 0 if every
part ran and its required aims are met, 1 if not, 2 without a GPU. Missing an aim of
speed is not a failure. See README.md in this folder.
"""

import argparse
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.gpu import alike, paper
from experiments.measure import ROOT, add_json_option, write_results
from experiments.steptime import steptime
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.stacked import population, updates
from neuralopt.tasks import load_task

HOURS, BANDWIDTH = 1.0, 0.9
"""Aims: hours of a search, share of a copy's bandwidth."""

AIMS = {
    "tests": "pytest -m gpu passes",
    "agreement": "float64: within 1e-9 of the oracle, or ill-conditioned",
    "regrouping": "float32: outcomes do not depend on the population",
    "search": f"{paper.SEARCH:,} rules of cifar10_conv: under {HOURS:g} hour",
    "step": f"a rule's step, 25 million numbers: {BANDWIDTH:.0%} of a copy's bandwidth",
}


@dataclass(frozen=True, slots=True)
class Found:
    """The result for an aim.

    Attributes:
        figure: What was measured.
        met: Whether the aim is met.
        must: Whether missing it is a failure.
    """

    figure: str
    met: bool
    must: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    device: str
    quick: bool
    rounds: int
    path: str

    @property
    def on_gpu(self) -> bool:
        return torch.device(self.device).type == "cuda"


Part = Callable[[Asked], Mapping[str, Found]]
"""Prints what it finds; returns results for some of AIMS."""


def what_is_there(asked: Asked) -> Mapping[str, Found]:
    print(f"  torch {torch.__version__}, CUDA {torch.version.cuda}, Python", end=" ")
    print(sys.version.split()[0])
    if asked.on_gpu:
        about = torch.cuda.get_device_properties(asked.device)
        free, total = torch.cuda.mem_get_info(asked.device)
        print(
            f"  {about.name}, capability {about.major}.{about.minor}, "
            f"{about.multi_processor_count} multiprocessors, {free / 2**30:.1f} of "
            f"{total / 2**30:.1f} GiB free, cuDNN {torch.backends.cudnn.version()}"
        )
    return {}


def tests(asked: Asked) -> Mapping[str, Found]:
    chosen = ["-m", "gpu", "tests"]
    if not asked.on_gpu:
        chosen = ["-m", "not gpu", "tests/engines/test_gpu.py"]
        chosen += ["-k", "random"] if asked.quick else []  # the suite runs all of them
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    last = (done.stdout.strip() or "nothing").splitlines()
    passed = done.returncode == 0
    print("\n".join(f"  {line}" for line in (last[-1:] if passed else last)))
    return {"tests": Found(last[-1], passed, must=True)}


def agreement(asked: Asked) -> Mapping[str, Found]:
    children = alike.random_children(8 if asked.quick else 48)
    same = of = strangers = 0
    names = ("digits", "digits_conv")
    for name in names:
        print(f" {name}, {len(children)} random rules, {alike.STEPS} steps")
        task = load_task(name)
        strangers += alike.agreement(task, children, torch.float64, asked.device)
        for allowed in (False, True) if asked.on_gpu else (False,):
            if asked.on_gpu:
                print("  TF32 convolutions:" if allowed else "  no TF32:")
            with alike.tensor_float(allowed):
                alike.agreement(task, children, torch.float32, asked.device)
        found = alike.regrouped(task, children, asked.device)
        same, of = same + found[0], of + found[1]
    total = len(names) * len(children)
    near = Found(f"{total - strangers} of {total}", not strangers, must=True)
    identical = Found(f"{same} of {of}", same == of, must=True)
    return {"agreement": near, "regrouping": identical}


def search(asked: Asked) -> Mapping[str, Found]:
    if asked.path:
        task = load_task("cifar10_conv", path=asked.path)
    elif asked.quick:
        task = paper.random_images(4, 32, 8)
    else:
        task = paper.random_images(100, 45_000, 5_000)
    steps, seconds = (2, 0.1) if asked.quick else (8, 2.0)
    watch = paper.Stopwatch(task, asked.device, steps, seconds)
    print(f" {task.name}: child-steps a second by method and population, measured once")
    sizes = (1, 4) if asked.quick else (7, 28, 56, 112, 224, 448)
    best = paper.sweep(watch, sizes)
    ours = [*best, paper.Case(population=2)] if asked.quick else [*best, paper.Case()]
    naive = paper.Case(method="naive")
    print(f" {task.name}: all in turn, as many steps a second as these would take")
    hours = paper.extrapolated(watch, [*ours, naive], asked.rounds)
    least, case = min(zip(hours, map(str, ours), strict=False))
    return {"search": Found(f"{least:.2f} hours, extrapolated: {case}", least < HOURS)}


def step(asked: Asked) -> Mapping[str, Found]:
    device = torch.device(asked.device)
    sizes: dict[str, Sequence[tuple[int, ...]]] = {
        "25 million in 161 tensors": steptime.resnet_shapes(25_000_000),
        "25 million in one tensor": [(25_000_000,)],
    }
    names: tuple[str, ...] = ("adam", "powersign", "lion")
    if asked.quick:
        sizes, names = (
            {"16 thousand in 4 tensors": [(784, 20), (20,), (200,)]},
            names[:1],
        )
    shares: dict[str, float] = {}
    fused: steptime.Make = lambda p: torch.optim.Adam(p, lr=1e-6, fused=True)  # noqa: E731
    with tempfile.TemporaryDirectory() as folder:
        for size, shapes in sizes.items():
            print(
                f" {size}: ms, times as fast as fused Adam, share of a copy's bandwidth"
            )
            for name in names:
                export = steptime.exported(name, Path(folder))
                methods = {
                    steptime.FUSED: fused,
                    **steptime.ways_of(name, export, True),
                }
                found = steptime.times_of(methods, shapes, asked.rounds, device)
                moved = steptime.bytes_of_a_step(name, shapes)
                steptime.print_times(name, found, moved)
                for method, (_, share) in steptime.shares_of_copy(found, moved).items():
                    if method.startswith(("RuleOptimizer", "export")):
                        shares[f"{name}, {method}, {size}"] = share
    best = max(shares, key=lambda each: shares[each])
    return {"step": Found(f"{shares[best]:.1%}: {best}", shares[best] >= BANDWIDTH)}


PARTS: Mapping[str, Part] = {
    "What is there": what_is_there,
    "Tests": tests,
    "Agreement with the processor's oracle": agreement,
    "A search of the paper": search,
    "A step of an optimizer": step,
}


def run_all(asked: Asked) -> tuple[int, dict[str, Found]]:
    """Run every part and print the table of aims.

    Returns:
        The number of parts that failed or missed a required aim, and the results.
    """
    results: dict[str, Found] = {}
    failed = 0
    for number, (heading, part) in enumerate(PARTS.items(), 1):
        print(f"\n{number}. {heading}", flush=True)
        try:
            found = part(asked)
        except Exception:  # noqa: BLE001  the other parts are still worth running
            traceback.print_exc(file=sys.stdout)
            found = {}
            failed += 1
        failed += any(each.must and not each.met for each in found.values())
        results |= found
    print("\nAims")
    for key, aim in AIMS.items():
        one = results.get(key)
        verdict, figure = "not measured", ""
        if one and asked.on_gpu and (one.must or not asked.quick):
            verdict, figure = "met" if one.met else "missed", one.figure
        elif one and one.must:  # speeds of a rehearsal mean nothing
            figure = f"rehearsed: {'met' if one.met else 'MISSED'}, {one.figure}"
        print(f"  {aim:66} {verdict:13} {figure}".rstrip())
    return failed, results


def rehearse(asked: Asked) -> tuple[int, dict[str, Found]]:
    """Run every part on a processor, updating by torch operations as a GPU does."""
    # The engine has no option for it. patch.object fails if there is no such name.
    with mock.patch.object(population, "updates_for", updates.Eager):
        return run_all(asked)


def has(gpu: torch.device) -> bool:
    """Whether this machine has the GPU."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return (gpu.index or 0) < count


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--quick", action="store_true", help="tiny sizes")
    parser.add_argument("--rounds", type=int, default=0, help="7, or 2 with --quick")
    parser.add_argument("--path", default="", help="a copy of CIFAR-10; noise without")
    add_json_option(parser)
    given = parser.parse_args()
    rounds = given.rounds or (2 if given.quick else 7)
    try:
        Numerics.named(device=given.device)
    except ValueError as error:
        parser.error(str(error).replace("evaluator.device", "--device"))
    asked = Asked(given.device, given.quick, rounds, given.path)
    if asked.on_gpu and not has(torch.device(asked.device)):
        built = "" if torch.version.cuda else ", built without CUDA,"
        print(
            f"no GPU: torch {torch.__version__}{built} sees no {asked.device} here; "
            "rehearse without one: scripts/gpu_check --device cpu --quick",
            file=sys.stderr,
        )
        return 2
    torch.set_num_threads(1)
    if not asked.on_gpu:
        print("A REHEARSAL ON A PROCESSOR: its figures mean nothing for a GPU.")
        failed, results = rehearse(asked)
    else:
        failed, results = run_all(asked)
    write_results(
        given.json,
        {
            "asked": asdict(asked),
            "failed": failed,
            "aims": {aim: asdict(found) for aim, found in results.items()},
        },
    )
    if failed:
        print(f"\n{failed} of {len(PARTS)} parts failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
