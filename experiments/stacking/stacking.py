"""Find the fastest gradient method of the stacked engine for each network.

    python experiments/stacking/stacking.py            # all networks, some minutes
    python experiments/stacking/stacking.py gru lstm   # only these

Every method trains the same children (eight named rules at seven learning rates) for a
few steps on one thread; methods take turns, round after round. Printed are the FLOP of
a child's step, child-steps per second of the naive loop and, for each method and size
of population, the speed relative to the naive loop: median of the rounds, lowest and
highest. The heading has what the engine chooses. Results: README.md in this folder.
"""

import argparse
import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import (
    add_json_option,
    in_turn,
    naive_child,
    spread,
    write_results,
)
from neuralopt import RULES, make_task
from neuralopt.engines.engine import Child, batch_order
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.stacked.plan import step_cost
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.tasks import ConvNet, Mlp, Task, load_task

NAMES = ("adam", "sgd", "momentum", "rmsprop", "powersign", "addsign", "lion", "adamw")
RATES = tuple(10.0**power for power in range(-7, 0))
POPULATIONS = (1, 7, 28, 112)
SECONDS = 0.6
"""Least time for which a method trains in each round."""


def classes(
    name: str, network: Callable[[], nn.Module], shape: tuple[int, ...], batch: int = 64
) -> Task:
    """A task of random examples in ten classes."""
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(8 * batch, *shape, generator=random)
    data = inputs, torch.randint(0, 10, (len(inputs),), generator=random)
    return make_task(name, network, data, batch_size=batch)


class Recurrent(nn.Module):
    """A recurrent layer over 16 numbers a step; its last state gives ten classes."""

    def __init__(self, kind: type[nn.GRU | nn.LSTM], width: int) -> None:
        super().__init__()
        self.layer = kind(16, width, batch_first=True)
        self.head = nn.Linear(width, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        states, _ = self.layer(inputs)
        out: torch.Tensor = self.head(states[:, -1])
        return out


class Attentive(nn.Module):
    """A transformer layer over 16 numbers a step; its mean gives ten classes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(16, width)
        self.layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, batch_first=True
        )
        self.head = nn.Linear(width, 10)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.layer(self.enter(inputs)).mean(1))
        return out


def dense(*widths: int, norm: type[nn.Module] | None = None) -> nn.Module:
    """Fully connected layers; GELU and, if given, a norm follow all but the last."""
    modules: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        modules += [nn.Linear(inputs, outputs), nn.GELU()]
        modules += [norm(outputs)] if norm else []
    return nn.Sequential(*modules[: -2 if norm else -1])


def convolutional(width: int, side: int, batch: int) -> Task:
    layers = ConvNet((3, side, side), ((width, 1), (width, 1)), (10,))
    name = f"conv {width} {side}x{side}"
    return classes(name, layers.network, layers.image, batch)


TASKS: dict[str, Callable[[], Task]] = {
    "digits": lambda: load_task("digits"),
    "mnistnet": lambda: load_task("enos_mnistnet"),
    "ravine": lambda: load_task("ravine"),
    "char_lm": lambda: load_task("char_lm"),
    "gelu": lambda: classes("gelu 20-32-10", lambda: dense(20, 32, 10), (20,)),
    "layernorm": lambda: classes(
        "layernorm 64-64-64-10",
        lambda: dense(64, 64, 64, 10, norm=nn.LayerNorm),
        (64,),
    ),
    "batchnorm": lambda: classes(
        "batchnorm 64-64-64-10",
        lambda: dense(64, 64, 64, 10, norm=nn.BatchNorm1d),
        (64,),
    ),
    "wide": lambda: classes("gelu 256-256-10", lambda: dense(256, 256, 10), (256,)),
    "wider": lambda: classes(
        "gelu 512-1024-512-10", lambda: dense(512, 1024, 512, 10), (512,)
    ),
    "gru": lambda: classes("gru 32 x 16", lambda: Recurrent(nn.GRU, 32), (16, 16)),
    "gru_long": lambda: classes(
        "gru 128 x 32", lambda: Recurrent(nn.GRU, 128), (32, 16)
    ),
    "lstm": lambda: classes("lstm 32 x 16", lambda: Recurrent(nn.LSTM, 32), (16, 16)),
    "attention": lambda: classes(
        "transformer 32 x 16", lambda: Attentive(32), (16, 16), 32
    ),
    "attention_wide": lambda: classes(
        "transformer 128 x 32", lambda: Attentive(128), (32, 16), 32
    ),
    "conv_tiny": lambda: convolutional(4, 8, 32),
    "conv_small": lambda: convolutional(8, 8, 64),
    "digits_conv": lambda: load_task("digits_conv"),
    "conv_middle": lambda: convolutional(16, 16, 64),
    "conv_paper": lambda: convolutional(32, 32, 96),
}


def children_of(count: int) -> list[Child]:
    """Children of as few rules as possible, each rule at seven learning rates."""
    rules = [RULES[name].expression for name in NAMES]
    some = [Child(rule, rate, 0) for rule in rules * 2 for rate in RATES]
    return some[:count]


def naive(task: Task, steps: int) -> float:
    """Child-steps per second of the naive loop."""
    examples, done, began = task.examples("training"), 0, time.perf_counter()
    rules = [RULES[name].expression for name in NAMES]
    for rule in rules:
        batches = list(batch_order(task, 0, 0, 0, steps * task.batch_size))
        naive_child(task, rule, RATES[3], examples, batches, seed=0)
        done += len(batches)
        if time.perf_counter() - began > SECONDS:
            break
    return done / (time.perf_counter() - began)


def population(engine: StackedEngine, size: int, steps: int) -> float:
    """Child-steps per second of an engine; none of these children diverges."""
    children, done, began = children_of(size), 0, time.perf_counter()
    while not done or time.perf_counter() - began < SECONDS:
        engine.train(children, 1, (), steps * engine.task.batch_size)
        done += size * steps
    return done / (time.perf_counter() - began)


def table(
    name: str, rounds: int, most: float, precision: str
) -> list[dict[str, object]]:
    """Print the speed of every method and population on a network.

    Args:
        name: One of TASKS.
        rounds: How often each is timed.
        most: FLOP that one training of a population may take.
        precision: Of the engine.

    Returns:
        One row for each method and population.
    """
    task, numerics = TASKS[name](), Numerics.named(precision)
    work = step_cost(task, Numerics())
    flops = work.flops
    available = len(task.examples("training")) // task.batch_size
    steps = max(1, min(available, 8, int(2e9 / max(flops, 1))))
    methods = ["vmap", "loop"]
    if isinstance(task.layers, Mlp) and not numerics.mixed:
        methods.insert(0, "dense")
    chosen = StackedEngine(task, 0, numerics=numerics).plan
    sizes = [size for size in POPULATIONS if size * steps * flops <= most]
    cases = [(method, size) for method in methods for size in sizes or POPULATIONS[:1]]
    engines = {
        (method, size): StackedEngine(
            task, 0, numerics=numerics, method=method, population=size
        )
        for method, size in cases
    }
    for engine in engines.values():
        engine.train(children_of(7), 1, (), task.batch_size)
    base: list[float] = []

    def ratio(case: tuple[str, int], _: int) -> float:
        """The speed of a case relative to the naive loop before and after it."""
        before = naive(task, steps)
        rate = population(engines[case], case[1], steps)
        after = naive(task, steps)
        base.extend((before, after))
        return rate / math.sqrt(before * after)

    ratios = in_turn(cases, ratio, rounds)
    print(
        f"\n{task.name}: {flops / 1e6:.2f} MFLOP, {work.calls} calls, "
        f"{work.bytes / 2**20:.2f} MiB a step; naive {statistics.median(base):.0f} "
        f"steps/s; chosen: {chosen.method}, {chosen.population} ({chosen.reason})"
    )
    for method in methods:
        cells = [f"{p}: {spread(ratios[m, p], '.2f')}" for m, p in cases if m == method]
        print(f"  {method:11} {'   '.join(cells)}", flush=True)
    return [
        {
            "task": task.name,
            "method": method,
            "population": size,
            "times naive": found,
            "naive steps per second": statistics.median(base),
            "chosen": [chosen.method, chosen.population],
        }
        for (method, size), found in ratios.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TASKS)}")
    parser.add_argument(
        "--precision",
        default="float32",
        help="of the engine; the naive loop always computes in float32",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--most",
        type=float,
        default=2e11,
        help="FLOP that one training of a population may take",
    )
    add_json_option(parser)
    arguments = parser.parse_args()
    unknown = sorted({*arguments.names} - {*TASKS})
    if unknown:
        parser.error(f"unknown network {unknown[0]!r}: give some of {', '.join(TASKS)}")
    torch.set_num_threads(1)
    rows = [
        row
        for name in arguments.names or TASKS
        for row in table(name, arguments.rounds, arguments.most, arguments.precision)
    ]
    write_results(arguments.json, {"precision": arguments.precision, "methods": rows})


if __name__ == "__main__":
    main()
