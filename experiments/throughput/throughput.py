"""Rules and children per second of every engine and of a naive loop, in one run.

    python experiments/throughput/throughput.py            # all tables, ten minutes
    python experiments/throughput/throughput.py --quick    # rough figures, two minutes

The naive loop and the engines take turns, round after round, so that other load on the
machine falls on all of them. Printed are the median of the rounds and, in brackets, the
lowest and the highest. Results: README.md in this folder.
"""

import argparse
import itertools
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import (
    add_json_option,
    in_turn,
    naive_child,
    naive_steps,
    per_second,
    processor,
    spread,
    write_results,
)
from neuralopt.engines.engine import Child, Engine, batch_order, initial_parameters
from neuralopt.engines.native import NativeEngine
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.language import RULES, Expression
from neuralopt.machine.kernels import products, vectors
from neuralopt.scoring.budgets import BUDGETS, Budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES
from neuralopt.tasks import ConvNet, Mlp, Task, load_task

SEED = 2017
CORES = os.cpu_count() or 1
NATIVE_RULES, STACKED_RULES, NAIVE_RULES = 128, 16, 4
"""Rules per round: fast engines need many, slow ones would take too long."""

TASKS = ("digits", "digits_conv", "enos_mnistnet", "ravine", "rosenbrock", "char_lm")

Rules = Sequence[Expression]
Rows = list[dict[str, object]]


def naive_score(task: Task, rule: Expression, budget: Budget) -> float:
    """Score a rule by the naive loop: the loss at its best learning rate."""
    examples = task.examples("training")

    def train(rate: float, epochs: int) -> nn.Module:
        batches = [
            batch
            for epoch in range(epochs)
            for batch in batch_order(task, SEED, 0, epoch)
        ]
        return naive_child(task, rule, rate, examples, batches, SEED).eval()

    def measure(network: nn.Module) -> float:
        held_out = task.examples("validation")
        with torch.no_grad():
            return task.loss(network(held_out.inputs), held_out.targets).item()

    screened = [
        (measure(train(rate, budget.screening_epochs)), rate)
        for rate in budget.learning_rates
    ]
    best = min(screened, key=lambda each: (math.isnan(each[0]), each))
    return measure(train(best[1], budget.epochs))


def scoring(
    task: Task, budget: Budget, name: str, threads: int
) -> Callable[[Rules], None]:
    """A function that scores rules by one way: ``naive`` or the name of an engine."""
    if name == "naive":

        def score_naively(rules: Rules) -> None:
            for rule in rules:
                naive_score(task, rule, budget)

        return score_naively
    engine: Engine
    if name == "serial":
        engine = SerialEngine(task, SEED)
    elif name == "stacked":
        engine = StackedEngine(task, SEED)
    else:
        engine = NativeEngine(task, SEED)

    def score(rules: Rules) -> None:
        trials = [Trial(rule) for rule in rules]
        parts = [trials[i : i + 16] for i in range(0, len(trials), 16)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: score_trials(engine, task, budget, part), parts))

    return score


def rules_a_second(name: str, rounds: int) -> Rows:
    """Print rules per second of every way that can train a task; returns the rates."""
    task, budget = load_task(name), BUDGETS["bello2017"]
    ways = [("naive", 1), ("serial", 1), ("stacked", 1)]
    if task.layers is not None:
        ways += [("native", 1), ("native", CORES)]
    space = SPACES["bello2017"]
    stacked = NATIVE_RULES if isinstance(task.layers, Mlp) else STACKED_RULES
    counts = {"naive": NAIVE_RULES, "serial": NAIVE_RULES, "stacked": stacked}
    rules = random_rules(space, NATIVE_RULES * rounds, SEED)
    warm = {"naive": 2, "serial": 2, "stacked": stacked, "native": len(rules)}
    score = {way: scoring(task, budget, *way) for way in ways}
    for way in ways:  # compiles rules and loads data before the clock starts
        score[way](rules[: warm[way[0]]])

    def rate(way: tuple[str, int], number: int) -> float:
        some = rules[number * NATIVE_RULES :][: counts.get(way[0], NATIVE_RULES)]

        def run() -> float:
            score[way](some)
            return len(some)

        return per_second(run)

    rates = in_turn(ways, rate, rounds)
    print(f"\n{name}, budget bello2017, random rules of {space.name}: rules a second")
    naive = statistics.median(rates["naive", 1])
    rows: Rows = []
    for way, found in rates.items():
        label = f"{way[0]}, {way[1]} thread{'s' * (way[1] > 1)}"
        times = statistics.median(found) / naive
        print(f"  {label:18} {spread(found):28} {times:7.1f} x naive")
        rows.append({"task": name, "way": label, "rules per second": found})
    return rows


def child_steps(name: str, rounds: int) -> Rows:
    """Print microseconds per step of one child of Adam, and share of peak FLOP/s."""
    task = load_task(name)
    adam = RULES["adam"].expression
    work = flops(task)
    engine, steps = NativeEngine(task, SEED), len(task.examples("training"))
    steps = 2 * (steps // task.batch_size)
    children = [Child(adam, 1e-3, 0)] * 64
    network, examples = initial_parameters(task, SEED, 0), task.examples("training")
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    order = list(itertools.chain(*(batch_order(task, SEED, 0, e) for e in (0, 1))))

    def native() -> float:
        engine.train(children, 2, ())
        return len(children) * steps

    def naive() -> float:
        return naive_steps(task, network, optimizer, examples, order)

    native()  # compiles
    runs: dict[str, Callable[[], float]] = {
        "torch.optim.Adam": lambda: per_second(naive),
        "native": lambda: per_second(native),
        "peak": peak,
    }
    found = in_turn(list(runs), lambda way, _: runs[way](), rounds, alternate=False)
    top = statistics.median(found.pop("peak"))
    print(f"\n{name}, Adam, one thread: {work / 1e6:.3f} MFLOP a child-step")
    rows: Rows = []
    for way, rates in found.items():
        reached = statistics.median(rates) * work
        print(
            f"  {way:18} {spread([1e6 / rate for rate in rates]):28} us a step, "
            f"{reached / 1e9:6.1f} GFLOP/s, {reached / top:.0%} of {top / 1e9:.0f}"
        )
        rows.append({"task": name, "way": way, "steps per second": rates})
    times = [b / a for a, b in zip(*found.values(), strict=True)]
    print(f"  {'ratio':18} {spread(times)}")
    rows.append({"task": name, "way": "peak", "FLOP per second": top})
    return rows


def flops(task: Task) -> float:
    """Multiplications and additions in the matrix products of a training step."""
    layers, total = task.layers, 0.0
    assert layers is not None
    widths = layers.widths
    if isinstance(layers, ConvNet):
        channels, height, width = layers.image
        for number, (made, pool) in enumerate(layers.convolutions):
            total += height * width * 9 * channels * made * (3 if number else 2)
            channels, height, width = made, height // pool, width // pool
        widths = (layers.features, *widths)
    for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        first = number == 0 and isinstance(layers, Mlp)
        total += inputs * outputs * (2 if first else 3)
    return 2 * total * task.batch_size


@numba.njit
def _multiply(memory, times):  # type: ignore[no-untyped-def]  # numba infers them
    """Repeat a (16, 256) by (256, 64) product, whose operands stay in the L1 cache."""
    none = np.int64(0)
    for _ in range(times):
        products.product(memory, 20480, 64, 16, 64, 256, none, 256, np.int64(1),
                         memory, 4096, 64, 30000, none)  # fmt: skip


def peak() -> float:
    """FLOP/s that the same register tiles reach on operands in the L1 cache."""
    memory, times = np.zeros(31000, np.float32), 2000
    _multiply(memory, 1)
    began = time.perf_counter()
    _multiply(memory, times)
    return times * 2 * 16 * 64 * 256 / (time.perf_counter() - began)


def population(rounds: int) -> Rows:
    """Print children per second against the number trained at once, one epoch."""
    task, adam = load_task("digits"), RULES["adam"].expression
    sizes = (7, 28, 112, 448, 1792)
    engines: dict[str, Engine] = {
        "stacked, 1 thread": StackedEngine(task, SEED),
        "native, 1 thread": NativeEngine(task, SEED),
        f"native, {CORES} threads": NativeEngine(task, SEED, workers=CORES),
    }
    print("\ndigits, Adam, one epoch: children a second against children at once")
    print(f"  {'':18}" + "".join(f"{size:>28}" for size in sizes))
    rows: Rows = []
    for name, engine in engines.items():
        cells = []
        for size in sizes:
            children = [Child(adam, 1e-3 * (1 + i / size), 0) for i in range(size)]
            engine.train(children[:7], 1, ("validation",))
            rates = []
            for _ in range(rounds):
                began = time.perf_counter()
                engine.train(children, 1, ("validation",))
                rates.append(size / (time.perf_counter() - began))
            cells.append(f"{spread(rates):>28}")
            rows.append({"way": name, "children": size, "children per second": rates})
        print(f"  {name:18}" + "".join(cells))
    return rows


def growth(counts: Sequence[int]) -> Rows:
    """Print the seconds that scoring takes for different numbers of rules."""
    task, budget = load_task("digits"), BUDGETS["bello2017"]
    print(f"\ndigits, bello2017, native on {CORES} threads: time and number of rules")
    score = scoring(task, budget, "native", CORES)
    rules = random_rules(SPACES["bello2017"], max(counts), SEED)
    score(rules[:64])
    rows: Rows = []
    for count in counts:
        began = time.perf_counter()
        score(rules[:count])
        seconds = time.perf_counter() - began
        print(f"  {count:8,} rules {seconds:8.1f} s {count / seconds:8.1f} rules/s")
        rows.append({"rules": count, "seconds": seconds})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--quick", action="store_true", help="3 rounds, at most 1,000 rules"
    )
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    add_json_option(parser)
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else arguments.rounds
    torch.set_num_threads(1)
    print(
        f"{CORES} cores, {numba.get_num_threads()} usable, {processor()}, vectors of "
        f"{vectors.VECTOR_BYTES} bytes, torch {torch.__version__}, numba "
        f"{numba.__version__}, {rounds} rounds"
    )
    tasks = arguments.tasks
    scored = [row for name in tasks for row in rules_a_second(name, rounds)]
    steps = [
        row
        for name in tasks
        if load_task(name).layers is not None  # which the native engine needs
        for row in child_steps(name, rounds)
    ]
    sizes = (100, 1_000) if arguments.quick else (100, 1_000, 10_000)
    figures = {
        "rounds": rounds,
        "rules": scored,
        "steps of one child": steps,
        "children at once": population(rounds),
        "growth": growth(sizes),
    }
    write_results(arguments.json, figures)


if __name__ == "__main__":
    main()
