"""Rules and children a second: every engine beside a naive loop, in one run.

    python experiments/throughput/throughput.py            # all tables, ten minutes
    python experiments/throughput/throughput.py --quick    # a look, two minutes

Baselines and engines take turns, round after round, so that what else the machine does
falls on all alike; what is printed is the median of the rounds and, in brackets, the
least and the greatest. See README.md beside this file.
"""

import argparse
import itertools
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch
from torch import nn

from neuralopt.engines.engine import Child, Engine, batch_order, initial_parameters
from neuralopt.engines.native import NativeEngine
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.language import RULES, Expression
from neuralopt.machine.kernels import products, vectors
from neuralopt.optimizer import RuleOptimizer
from neuralopt.scoring.budgets import BUDGETS, Budget
from neuralopt.scoring.protocol import Trial, score_trials
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES
from neuralopt.tasks import ConvNet, Mlp, Task, load_task

SEED = 2017
CORES = os.cpu_count() or 1
NATIVE_RULES, STACKED_RULES, NAIVE_RULES = 128, 16, 4
"""Rules a round: a fast engine needs many to be timed, a slow one can't have them."""


def naive_score(task: Task, rule: Expression, budget: Budget) -> float:
    """A rule as one would score it without any trick: the loss of its best rate.

    nn.Module, autograd, an optimizer of torch's kind, no early end, one after another.
    """

    def train(rate: float, epochs: int) -> nn.Module:
        network = initial_parameters(task, SEED, 0)
        examples = task.examples("training")
        steps = len(examples) // task.batch_size * epochs
        optimizer = RuleOptimizer(
            network.parameters(), rule, lr=rate, total_steps=steps
        )
        for epoch in range(epochs):
            for chosen in batch_order(task, SEED, 0, epoch):
                optimizer.zero_grad()
                outputs = network(examples.inputs[chosen])
                task.loss(outputs, examples.targets[chosen]).backward()
                optimizer.step()
        return network.eval()

    @torch.no_grad()
    def measure(network: nn.Module) -> float:
        examples = task.examples("validation")
        return task.loss(network(examples.inputs), examples.targets).item()

    screened = [
        (measure(train(rate, budget.screening_epochs)), rate)
        for rate in budget.learning_rates
    ]
    best = min(screened, key=lambda each: (math.isnan(each[0]), each))
    return measure(train(best[1], budget.epochs))


def scoring(task: Task, budget: Budget, name: str, threads: int) -> Callable:
    """Rules -> nothing, by one way of scoring."""
    if name == "naive":
        return lambda rules: [naive_score(task, rule, budget) for rule in rules]
    makers = {"serial": SerialEngine, "stacked": StackedEngine, "native": NativeEngine}
    engine: Engine = makers[name](task, SEED)

    def score(rules: Sequence[Expression]) -> None:
        trials = [Trial(rule) for rule in rules]
        parts = [trials[i : i + 16] for i in range(0, len(trials), 16)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: score_trials(engine, task, budget, part), parts))

    return score


def rules_a_second(name: str, rounds: int) -> None:
    """The first table: rules a second of every way that can train a task."""
    task, budget = load_task(name), BUDGETS["bello2017"]
    ways = [("naive", 1), ("serial", 1), ("stacked", 1)]
    if task.layers is not None:
        ways += [("native", 1), ("native", CORES)]
    space = SPACES["bello2017"]
    count = {"stacked": NATIVE_RULES if isinstance(task.layers, Mlp) else STACKED_RULES}
    rules = random_rules(space, NATIVE_RULES * rounds, SEED)
    score = {way: scoring(task, budget, *way) for way in ways}
    for way in ways:  # compiled, and data in order, before the clock starts
        score[way](rules[: count.get(way[0], 2 if way[0] != "native" else None)])
    rates: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        some = rules[number * NATIVE_RULES :][:NATIVE_RULES]
        for way in ways[:: 1 if number % 2 else -1]:
            slow = way[0] in ("naive", "serial")
            mine = some[: NAIVE_RULES if slow else count.get(way[0])]
            began = time.perf_counter()
            score[way](mine)
            rates[way].append(len(mine) / (time.perf_counter() - began))
    print(f"\n{name}, budget bello2017, random rules of {space.name}: rules a second")
    naive = statistics.median(rates["naive", 1])
    for way in ways:
        label = f"{way[0]}, {way[1]} thread{'s' * (way[1] > 1)}"
        times = statistics.median(rates[way]) / naive
        print(f"  {label:18} {spread(rates[way]):28} {times:7.1f} x naive")


def child_steps(name: str, rounds: int) -> None:
    """Adam alone: microseconds a child-step, and the share of numerics's peak."""
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
        for chosen in order:
            optimizer.zero_grad()
            outputs = network(examples.inputs[chosen])
            task.loss(outputs, examples.targets[chosen]).backward()
            optimizer.step()
        return len(order)

    ways = {"torch.optim.Adam": naive, "native": native}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    peaks = []
    native()
    for _ in range(rounds):
        for way, run in ways.items():
            began = time.perf_counter()
            rates[way].append(run() / (time.perf_counter() - began))
        peaks.append(peak())
    print(f"\n{name}, Adam, one thread: {work / 1e6:.3f} MFLOP a child-step")
    for way, found in rates.items():
        reached, top = statistics.median(found) * work, statistics.median(peaks)
        print(
            f"  {way:18} {spread([1e6 / rate for rate in found]):28} us a step, "
            f"{reached / 1e9:6.1f} GFLOP/s, {reached / top:.0%} of {top / 1e9:.0f}"
        )
    times = [b / a for a, b in zip(*rates.values(), strict=True)]
    print(f"  {'ratio':18} {spread(times)}")


def flops(task: Task) -> float:
    """Multiplications and additions of a training step's products."""
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
def _multiply(memory, times):  # type: ignore[no-untyped-def]
    """A product of 16 x 64 numbers, of depth 256, over and over: it stays in L1."""
    none = np.int64(0)
    for _ in range(times):
        products.product(memory, 20480, 64, 16, 64, 256, none, 256, np.int64(1),
                         memory, 4096, 64, 30000, none)  # fmt: skip


def peak() -> float:
    """FLOP/s that the same tiles reach on numbers in the first-level cache."""
    memory, times = np.zeros(31000, np.float32), 2000
    _multiply(memory, 1)
    began = time.perf_counter()
    _multiply(memory, times)
    return times * 2 * 16 * 64 * 256 / (time.perf_counter() - began)


def population(rounds: int) -> None:
    """Children a second against the number trained at once, one epoch of Adam."""
    task, adam = load_task("digits"), RULES["adam"].expression
    sizes = (7, 28, 112, 448, 1792)
    engines = {
        "stacked, 1 thread": StackedEngine(task, SEED),
        "native, 1 thread": NativeEngine(task, SEED),
        f"native, {CORES} threads": NativeEngine(task, SEED, workers=CORES),
    }
    print("\ndigits, Adam, one epoch: children a second against children at once")
    print(f"  {'':18}" + "".join(f"{size:>28}" for size in sizes))
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
        print(f"  {name:18}" + "".join(cells))


def growth(counts: Sequence[int]) -> None:
    """Seconds to score so many rules: what a longer search costs."""
    task, budget = load_task("digits"), BUDGETS["bello2017"]
    print(f"\ndigits, bello2017, native on {CORES} threads: time and number of rules")
    score = scoring(task, budget, "native", CORES)
    rules = random_rules(SPACES["bello2017"], max(counts), SEED)
    score(rules[:64])
    for count in counts:
        began = time.perf_counter()
        score(rules[:count])
        seconds = time.perf_counter() - began
        print(f"  {count:8,} rules {seconds:8.1f} s {count / seconds:8.1f} rules/s")


def spread(values: Sequence[float]) -> str:
    """Median [least, greatest]."""
    middle = statistics.median(values)
    return f"{middle:.4g} [{min(values):.4g}, {max(values):.4g}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="3 rounds, less growth")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else arguments.rounds
    torch.set_num_threads(1)
    print(
        f"{CORES} cores, {numba.core.config.NUMBA_DEFAULT_NUM_THREADS} usable, "
        f"{platform.processor() or platform.machine()}, vectors of "
        f"{vectors.VECTOR_BYTES} bytes, torch {torch.__version__}, numba "
        f"{numba.__version__}, {rounds} rounds"
    )
    tasks = ("digits", "digits_conv", "enos_mnistnet")
    for name in (*tasks, "ravine", "rosenbrock", "char_lm"):
        rules_a_second(name, rounds)
    for name in tasks:
        child_steps(name, rounds)
    population(rounds)
    growth((100, 1_000) if arguments.quick else (100, 1_000, 10_000))


if __name__ == "__main__":
    main()
