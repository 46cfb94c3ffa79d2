"""Time an optimizer's step: rules, their exports, and torch's own implementations.

    python experiments/steptime/steptime.py            # 16 thousand, 1 and 25 million
    python experiments/steptime/steptime.py --quick    # without the 25 million
    python experiments/steptime/steptime.py --ways "fused|compiled" --size 25
    python experiments/steptime/steptime.py --only adam,dropped_adam  # only these rules
    python experiments/steptime/steptime.py --device cuda # on a GPU

All implementations take turns, round after round. Printed are the median of the
rounds, the ratio of the median of `torch.optim.Adam(fused=True)` to it, and the memory
bandwidth: the bytes that a step must read and write, in that time, as a share of the
bandwidth of `copy_` of a large tensor, timed after the rounds. Gradients are set once:
a step only reads them. Adam reads and writes 28 bytes a parameter, a rule with one
state 20. Tensors that fit in a cache may exceed 100%.
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

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import (
    add_json_option,
    in_turn,
    spread,
    write_results,
)
from neuralopt import RULES, Expression, RuleOptimizer, export_rule, parse
from neuralopt.optimizer import compile_rule

NAMES = ("adam", "rmsprop_torch", "powersign", "addsign", "lion")
RANDOM = {"dropped_adam": "drop(adam, 0.1)", "noisy_adam": "adam + noise(0.01)"}
EXPRESSIONS: dict[str, Expression] = {
    **{name: RULES[name].expression for name in NAMES},
    **{name: parse(text) for name, text in RANDOM.items()},
}
TORCH = {"adam": torch.optim.Adam, "rmsprop_torch": torch.optim.RMSprop}

Make = Callable[[Sequence[torch.Tensor]], torch.optim.Optimizer]

FUSED, COPY = "(fused Adam)", "(copy)"
COPIED = 1 << 25
"""Elements of the tensor that is copied: far more than a cache holds."""
GPU_SECONDS, GPU_STEPS = 0.05, 500
"""About how long each way is timed in a round on a GPU, and its most steps."""


def resnet_shapes(total: int) -> list[tuple[int, ...]]:
    """Shapes of 161 tensors, in the proportions of a ResNet-50, of `total` elements."""
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


SIZES: dict[str, Sequence[tuple[int, ...]]] = {
    "16 thousand in 4 tensors": [(784, 20), (20,), (20, 10), (10,)],
    "1 million in 161 tensors": resnet_shapes(1_000_000),
    "25 million in 161 tensors": resnet_shapes(25_000_000),
}


def exported(name: str, folder: Path) -> Callable[..., torch.optim.Optimizer]:
    """Export a named rule to a folder, and import its class from there."""
    rule = EXPRESSIONS[name]
    path = export_rule(rule, folder / f"{name}.py", "Exported", tests=False)
    spec = importlib.util.spec_from_file_location(f"exported_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made: Callable[..., torch.optim.Optimizer] = module.Exported
    return made


def torch_fused(parameters: Sequence[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=1e-6, fused=True)


def ways_of(
    name: str, export: Callable[..., torch.optim.Optimizer], gpu: bool
) -> dict[str, Make]:
    """All implementations of a rule's step on a processor or a GPU."""
    rule, ways = EXPRESSIONS[name], dict[str, Make]()
    if name in TORCH or name in RANDOM:
        kind = TORCH.get(name, torch.optim.Adam)
        ways["torch, for-loop"] = lambda p: kind(p, lr=1e-6, foreach=False)
        ways["torch, foreach"] = lambda p: kind(p, lr=1e-6, foreach=True)
    if name == "adam":
        ways["torch, fused"] = torch_fused
        ways["torch, fused AdamW"] = lambda p: torch.optim.AdamW(p, 1e-6, fused=True)
    ways["RuleOptimizer"] = lambda p: RuleOptimizer(p, rule, lr=1e-6)
    if not gpu:
        ways["RuleOptimizer, fused"] = lambda p: RuleOptimizer(
            p, rule, lr=1e-6, fused=True
        )
    ways["export, for-loop"] = lambda p: export(p, lr=1e-6, foreach=False)
    ways["export, foreach"] = lambda p: export(p, lr=1e-6, foreach=True)
    ways["export, compiled"] = lambda p: export(p, lr=1e-6, compiled=True)
    if gpu:
        ways["export, capturable"] = lambda p: export(p, lr=1e-6, capturable=True)
    return ways


def bytes_of_a_step(name: str, shapes: Sequence[tuple[int, ...]]) -> int:
    """The least that a step reads and writes in float32, in bytes.

    It reads gradient, parameter and states, and writes parameter and states.
    """
    states = compile_rule(EXPRESSIONS[name]).states
    count = sum(torch.Size(shape).numel() for shape in shapes)
    return 4 * count * (3 + 2 * states)


def finish(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def times_of(
    makes: dict[str, Make],
    shapes: Sequence[tuple[int, ...]],
    rounds: int,
    device: torch.device,
) -> dict[str, list[float]]:
    """Seconds per step of each way, in every round, and per copy of COPIED elements."""
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

    def seconds(way: str, _: int) -> float:
        return seconds_of(optimizers[way].step, counts[way], device)

    found = in_turn(list(optimizers), seconds, rounds, alternate=False)
    source = torch.ones(COPIED, device=device)
    target = torch.zeros_like(source)
    found[COPY] = [
        seconds_of(lambda: target.copy_(source), 10, device) for _ in range(rounds + 1)
    ][1:]
    return found


def seconds_of(step: Callable[[], object], count: int, device: torch.device) -> float:
    """Mean seconds of a call, over `count` calls."""
    finish(device)
    began = time.perf_counter()
    for _ in range(count):
        step()
    finish(device)
    return (time.perf_counter() - began) / count


def shares_of_copy(
    found: dict[str, list[float]], moved: int
) -> dict[str, tuple[float, float]]:
    """Median seconds of each way, and its share of the bandwidth of a copy.

    Args:
        found: Of `times_of`.
        moved: Bytes that a step reads and writes.

    Returns:
        Seconds and share of each way.
    """
    bandwidth = 8 * COPIED / statistics.median(found[COPY])
    medians = {way: statistics.median(seconds) for way, seconds in found.items()}
    return {
        way: (seconds, moved / seconds / bandwidth)
        for way, seconds in medians.items()
        if way != COPY
    }


def print_times(name: str, found: dict[str, list[float]], moved: int) -> None:
    """Print a line for each way."""
    shares = shares_of_copy(found, moved)
    base, _ = shares.pop(FUSED)
    for way, (middle, share) in shares.items():
        milliseconds = [1e3 * each for each in found[way]]
        print(
            f"  {name:14} {way:21} {spread(milliseconds, '.3f'):26} "
            f"{base / middle:7.2f} x {share:7.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true", help="without the 25 million parameters"
    )
    parser.add_argument(
        "--ways", default="", help="only ways whose names contain one of a|b"
    )
    parser.add_argument("--size", default="", help="only sizes that begin with this")
    parser.add_argument("--only", default="", help="rules, separated by commas")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    add_json_option(parser)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    where = f"{torch.get_num_threads()} threads"
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    print(f"torch {torch.__version__}, {where}, float32")
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        names = arguments.only.split(",") if arguments.only else [*EXPRESSIONS]
        exports = {name: exported(name, Path(folder)) for name in names}
        for size, shapes in SIZES.items():
            if arguments.quick and size.startswith("25"):
                continue
            if not size.startswith(arguments.size):
                continue
            print(
                f"\n{size} ({len(shapes)}): ms a step, times as fast as fused Adam, "
                "share of a copy's bandwidth"
            )
            for name in names:
                ways = ways_of(name, exports[name], device.type == "cuda")
                parts = arguments.ways.split("|")
                chosen = {w: ways[w] for w in ways if any(p in w for p in parts)}
                makes = {FUSED: torch_fused, **chosen}
                found = times_of(makes, shapes, arguments.rounds, device)
                print_times(name, found, bytes_of_a_step(name, shapes))
                rows += [
                    {"size": size, "rule": name, "way": way, "seconds": seconds}
                    for way, seconds in found.items()
                ]
    write_results(arguments.json, {"device": where, "steps": rows})


if __name__ == "__main__":
    main()
