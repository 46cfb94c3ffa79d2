"""Milliseconds of a step: rules and exports beside torch's for-loop, foreach and fused.

    python experiments/steptime/steptime.py            # 16 thousand, 1 and 25 million
    python experiments/steptime/steptime.py --quick    # without the 25 million
    python experiments/steptime/steptime.py --ways fused  # only ways of that name
    python experiments/steptime/steptime.py --device cuda # on a GPU

All ways take turns, round after round; printed are the median of the rounds, the ratio
of `torch.optim.Adam(fused=True)`'s median to it, and the memory that such a step reads
and writes at least, in that time, as a share of what `copy_` of a large tensor reads
and writes, timed after the rounds. Gradients are set once: a step reads them. Adam
reads and writes 28 bytes a parameter, a rule with one state 20. What fits in a cache
may exceed 100%.
"""

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from neuralopt import RULES, RuleOptimizer, export_rule
from neuralopt.optimizer import compile_rule

NAMES = ("adam", "rmsprop_torch", "powersign", "addsign", "lion")
TORCH = {"adam": torch.optim.Adam, "rmsprop_torch": torch.optim.RMSprop}

Make = Callable[[Sequence[torch.Tensor]], torch.optim.Optimizer]

FUSED, COPY = "(fused Adam)", "(copy)"
COPIED = 1 << 25
"""Numbers of the tensor that is copied: far more than a cache holds."""
GPU_SECONDS, GPU_STEPS = 0.05, 500
"""About how long a way takes steps in each round on a GPU, and how many at most."""


def resnet_shapes(total: int) -> list[tuple[int, ...]]:
    """161 tensors in the proportions of a ResNet-50's, about so many elements."""
    widths = [64] * 3 + [128] * 4 + [256] * 6 + [512] * 3
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7), (64,), (64,)]
    inputs = 64
    for number, width in enumerate(widths):
        shapes += [(width, inputs, 1, 1), (width,), (width,)]
        shapes += [(width, width, 3, 3), (width,), (width,)]
        shapes += [(4 * width, width, 1, 1), (4 * width,), (4 * width,)]
        if number in (0, 3, 7, 13):
            shapes += [(4 * width, inputs, 1, 1), (4 * width,), (4 * width,)]
        inputs = 4 * width
    shapes += [(1000, 2048), (1000,)]
    scale = (total / sum(torch.Size(shape).numel() for shape in shapes)) ** 0.5
    return [tuple(max(1, round(n * scale)) if n > 7 else n for n in s) for s in shapes]


SIZES = {
    "16 thousand in 4 tensors": [(784, 20), (20,), (20, 10), (10,)],
    "1 million in 161 tensors": resnet_shapes(1_000_000),
    "25 million in 161 tensors": resnet_shapes(25_000_000),
}


def exported(name: str, folder: Path) -> type[torch.optim.Optimizer]:
    path = export_rule(RULES[name], folder / f"{name}.py", "Exported", tests=False)
    spec = importlib.util.spec_from_file_location(f"exported_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made: type[torch.optim.Optimizer] = module.Exported
    return made


def ways_of(
    name: str, export: type[torch.optim.Optimizer], gpu: bool
) -> dict[str, Make]:
    """Everything that takes a rule's steps on a processor or a GPU."""
    rule, ways = RULES[name], dict[str, Make]()
    if name in TORCH:
        kind = TORCH[name]
        ways["torch, for-loop"] = lambda p: kind(p, lr=1e-6, foreach=False)
        ways["torch, foreach"] = lambda p: kind(p, lr=1e-6, foreach=True)
    if name == "adam":
        ways["torch, fused"] = lambda p: torch.optim.Adam(p, lr=1e-6, fused=True)
    ways["RuleOptimizer"] = lambda p: RuleOptimizer(p, rule, lr=1e-6)
    if not gpu:
        fused = {"fused": True}
        ways["RuleOptimizer, fused"] = lambda p: RuleOptimizer(p, rule, 1e-6, **fused)
    ways["export, for-loop"] = lambda p: export(p, lr=1e-6, foreach=False)
    ways["export, foreach"] = lambda p: export(p, lr=1e-6, foreach=True)
    if gpu:
        ways["export, capturable"] = lambda p: export(p, lr=1e-6, capturable=True)
    return ways


def bytes_of_a_step(name: str, shapes: Sequence[tuple[int, ...]]) -> int:
    """What a step reads and writes at least: gradient, parameter and states, float32,
    of which it writes all but the gradient.
    """
    states = compile_rule(RULES[name].expression).states
    count = sum(torch.Size(shape).numel() for shape in shapes)
    return 4 * count * (3 + 2 * states)


def finish(device: torch.device) -> None:
    """Wait for what the device is doing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def times_of(
    makes: dict[str, Make],
    shapes: Sequence[tuple[int, ...]],
    rounds: int,
    device: torch.device,
) -> dict[str, list[float]]:
    """Seconds a step of each way, in every round, and of a copy of COPIED numbers."""
    parameters = [
        torch.nn.Parameter(torch.randn(shape, device=device)) for shape in shapes
    ]
    for parameter in parameters:
        parameter.grad = 0.01 * torch.randn_like(parameter)
    optimizers = {way: make(parameters) for way, make in makes.items()}
    for optimizer in optimizers.values():
        optimizer.step()
    size = sum(p.numel() for p in parameters)
    counts = dict.fromkeys(makes, max(1, 3_000_000 // size))
    if device.type == "cuda":
        for way, optimizer in optimizers.items():
            once = seconds_of(optimizer.step, 3, device)
            counts[way] = max(3, min(GPU_STEPS, int(GPU_SECONDS / once)))
    found: dict[str, list[float]] = {way: [] for way in makes}
    for _ in range(rounds):
        for way, optimizer in optimizers.items():
            found[way].append(seconds_of(optimizer.step, counts[way], device))
    source = torch.ones(COPIED, device=device)
    target = torch.zeros_like(source)
    found[COPY] = [
        seconds_of(lambda: target.copy_(source), 10, device) for _ in range(rounds + 1)
    ][1:]
    return found


def seconds_of(step: Callable[[], object], count: int, device: torch.device) -> float:
    """Seconds of a call, the mean of so many."""
    finish(device)
    began = time.perf_counter()
    for _ in range(count):
        step()
    finish(device)
    return (time.perf_counter() - began) / count


def shares_of_copy(
    found: dict[str, list[float]], moved: int
) -> dict[str, tuple[float, float]]:
    """Median seconds of each way, and the share of the bandwidth of a copy that a step
    reaches which moves so many bytes.
    """
    bandwidth = 8 * COPIED / statistics.median(found[COPY])
    medians = {way: statistics.median(seconds) for way, seconds in found.items()}
    return {
        way: (seconds, moved / seconds / bandwidth)
        for way, seconds in medians.items()
        if way != COPY
    }


def print_times(name: str, found: dict[str, list[float]], moved: int) -> None:
    shares = shares_of_copy(found, moved)
    base, _ = shares.pop(FUSED)
    for way, (middle, share) in shares.items():
        seconds = found[way]
        print(
            f"  {name:14} {way:21} {1e3 * middle:9.3f} "
            f"[{1e3 * min(seconds):.3f}, {1e3 * max(seconds):.3f}] "
            f"{base / middle:7.2f} x {share:7.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--ways", default="", help="words of the ways to time")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    where = f"{torch.get_num_threads()} threads"
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    print(f"torch {torch.__version__}, {where}, float32")
    with tempfile.TemporaryDirectory() as folder:
        exports = {name: exported(name, Path(folder)) for name in NAMES}
        for size, shapes in SIZES.items():
            if arguments.quick and size.startswith("25"):
                continue
            print(
                f"\n{size} ({len(shapes)}): ms a step, times as fast as fused Adam, "
                "share of a copy's bandwidth"
            )
            fused: Make = lambda p: torch.optim.Adam(p, lr=1e-6, fused=True)  # noqa: E731
            for name in NAMES:
                ways = ways_of(name, exports[name], device.type == "cuda")
                chosen = {w: ways[w] for w in ways if arguments.ways in w}
                makes = {FUSED: fused, **chosen}
                found = times_of(makes, shapes, arguments.rounds, device)
                print_times(name, found, bytes_of_a_step(name, shapes))


if __name__ == "__main__":
    main()
