"""Estimate how long a search of the paper takes: its child, its budget, random images.

The speed of a child's step is measured on a few steps. The time of a whole search is
extrapolated from it, and is printed as an extrapolation. See README.md.
"""

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from experiments.gpu.alike import tensor_float
from experiments.measure import in_turn, naive_child, spread
from neuralopt import RULES
from neuralopt.engines.engine import (
    Child,
    batch_order,
    initial_parameters,
    measure,
    steps_per_epoch,
)
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.stacked.gradients import GRADIENT_METHODS, NetworkSetup
from neuralopt.engines.stacked.plan import step_cost
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.language import Expression
from neuralopt.scoring.budgets import BUDGETS
from neuralopt.tasks import Classification, ConvNet, Examples, Split, Task

SEED, SEARCH = 2017, 15_000
RATES = tuple(10.0**power for power in range(-11, -4))
"""Too small for a child to diverge: a child that ends early would seem fast."""


def random_images(batch: int, training: int, held_out: int) -> Classification:
    """The task `cifar10_conv` on noise: its network, batches and shapes."""
    layers = ConvNet((3, 32, 32), ((32, 1), (32, 1)), (10,))
    generator = torch.Generator().manual_seed(SEED)
    sizes: dict[Split, int] = {
        "training": training,
        "validation": held_out,
        "selection": 1,
        "test": 1,
    }
    splits = {
        split: Examples(
            torch.rand(size, 3, 32, 32, generator=generator) * 4 - 2,
            torch.randint(10, (size,), generator=generator),
        )
        for split, size in sizes.items()
    }
    name = f"noise of cifar10_conv's shape, {training:,} images, batches of {batch}"
    return Classification(name, layers, batch, splits, "random")


def rules_in_turn() -> list[Expression]:
    """The update rules of RULES that are rules of the language."""
    return [rule.expression for rule in RULES.values()]


def children_of(count: int) -> list[Child]:
    """Children of all named rules in turn, each at seven learning rates."""
    rules = rules_in_turn()
    return [
        Child(rules[n // len(RATES) % len(rules)], RATES[n % len(RATES)], 0)
        for n in range(count)
    ]


@dataclass(frozen=True, slots=True)
class Case:
    """One way to train.

    Attributes:
        precision: Of Numerics.
        tf32: Whether cuDNN may compute float32 convolutions in TF32.
        method: One of GRADIENT_METHODS, empty for the engine's choice, or ``naive``.
        population: Children at a time; 0 for the engine's choice.
    """

    precision: str = "float32"
    tf32: bool = True
    method: str = ""
    population: int = 0

    def __str__(self) -> str:
        kind = self.precision
        if kind == "float32":
            kind += " (TF32 convolutions)" if self.tf32 else " throughout"
        if self.method == "naive":
            return f"naive loop, {kind}"
        return f"stacked, {kind}, {self.method or 'as chosen'}, {self.population or ''}"


class Stopwatch:
    """Times cases on a task and a device.

    Attributes:
        steps: Steps of each training.
        seconds: Least time for which each figure is measured.
    """

    def __init__(self, task: Task, device: str, steps: int, seconds: float) -> None:
        self.task, self.device = task, device
        self.steps, self.seconds = steps, seconds
        self._runs: dict[Case, tuple[Callable[[], int], Callable[[], int]]] = {}

    def forget(self) -> None:
        """Release engines and their memory."""
        self._runs.clear()
        gc.collect()
        if self.device != "cpu":
            torch.cuda.empty_cache()

    def steps_a_second(self, case: Case) -> float:
        """Child-steps per second."""
        return self._per_second(case, 0)

    def measured_a_second(self, case: Case) -> float:
        """Children per second whose loss on the validation split is measured."""
        return self._per_second(case, 1)

    def _per_second(self, case: Case, which: int) -> float:
        with tensor_float(case.tf32):
            new = case not in self._runs
            if new:
                make = self._naive if case.method == "naive" else self._stacked
                self._runs[case] = make(case)
                for run in self._runs[case]:
                    run()
            run, done = self._runs[case][which], 0
            self._finish()
            began = time.perf_counter()
            while not done or time.perf_counter() - began < self.seconds:
                done += run()
                self._finish()
            return done / (time.perf_counter() - began)

    def _finish(self) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize(self.device)

    def _stacked(self, case: Case) -> tuple[Callable[[], int], Callable[[], int]]:
        task = self.task
        numerics = Numerics.named(case.precision, self.device)
        engine = StackedEngine(
            task,
            SEED,
            numerics=numerics,
            method=case.method,
            population=case.population,
        )
        size = case.population or engine.plan.population
        children, validation = children_of(size), engine.data["validation"]

        def train() -> int:
            outcomes = engine.train(children, 1, (), self.steps * task.batch_size)
            assert not any(outcome.diverged for outcome in outcomes)
            return size * self.steps

        def measure_all() -> int:
            setting = NetworkSetup.of(task, numerics, SEED)
            count = min(size, 16)
            weights = setting.rows.filled(setting.network, count)
            GRADIENT_METHODS[engine.plan.method](setting, count).measure(
                weights, validation
            )
            return count

        return train, measure_all

    def _naive(self, case: Case) -> tuple[Callable[[], int], Callable[[], int]]:
        """Training and measuring one child at a time by the naive loop."""
        task, numerics = self.task, Numerics.named(case.precision, self.device)
        splits = [task.examples("training"), task.examples("validation")]
        training, validation = (
            Examples(numerics.place(split.inputs), numerics.place(split.targets))
            for split in splits
        )
        rules = itertools.cycle(rules_in_turn())

        def train() -> int:
            limit = self.steps * task.batch_size
            batches = list(batch_order(task, SEED, 0, 0, limit))
            naive_child(task, next(rules), RATES[0], training, batches, SEED)
            return len(batches)

        def measure_one() -> int:
            network = initial_parameters(task, SEED, 0).to(self.device).eval()
            measure(network, task, validation, numerics)
            return 1

        return train, measure_one


def steps_of_a_rule(task: Task) -> tuple[int, int]:
    """Child-steps and trainings that scoring a rule at the paper's budget takes."""
    budget = BUDGETS["bello2017"]
    short = steps_per_epoch(task, budget.screening_examples)
    count = len(budget.learning_rates)
    steps = count * budget.screening_epochs * short
    return steps + budget.epochs * steps_per_epoch(task), count + 1


def sweep(watch: Stopwatch, populations: Sequence[int]) -> list[Case]:
    """Print child-steps per second of each method and population.

    Returns:
        The fastest case of each precision.
    """
    best = []
    for kind in (Case(), Case(tf32=False), Case(precision="bfloat16")):
        middle = populations[len(populations) // 2]
        cases = [
            replace(kind, method="vmap", population=size) for size in populations
        ] + [replace(kind, method="loop", population=middle)]
        rates: dict[Case, float] = {}
        for case in cases:
            try:
                rates[case] = watch.steps_a_second(case)
                print(f"  {case!s:58} {rates[case]:9.1f}", flush=True)
            except (RuntimeError, AssertionError) as error:  # out of memory, no kernel
                what = " ".join(str(error).split())[:90]
                print(f"  {case!s:58} {type(error).__name__}: {what}", flush=True)
            watch.forget()
        if rates:
            best.append(max(rates, key=lambda case: rates[case]))
    return best


def extrapolated(watch: Stopwatch, cases: Sequence[Case], rounds: int) -> list[float]:
    """Print how long a search would take by each case.

    Returns:
        Hours, in the order of the cases.
    """
    task = watch.task
    steps, trainings = steps_of_a_rule(task)
    flops = step_cost(task, Numerics()).flops
    peaks: dict[Case, float] = {}
    measured: dict[Case, float] = {}
    for case in cases:  # one after another, to measure the peak of its memory
        watch.forget()
        if watch.device != "cpu":
            torch.cuda.reset_peak_memory_stats(watch.device)
        measured[case] = watch.measured_a_second(case)
        watch.steps_a_second(case)
        peaks[case] = 0.0
        if watch.device != "cpu":
            peaks[case] = torch.cuda.max_memory_allocated(watch.device) / 2**30

    def rate(case: Case, _: int) -> float:
        found = watch.steps_a_second(case)
        watch.forget()
        return found

    rates = in_turn(cases, rate, rounds)
    print(
        f"  {flops / 1e9:.2f} GFLOP a child-step; a rule is {steps} child-steps and "
        f"{trainings} measurements of {len(task.examples('validation'))} examples\n"
        f"  child-steps a second: median of {rounds} rounds [lowest, highest]; the "
        "extrapolation\n  assumes full populations throughout, while a search asks for "
        "evaluator.batch rules at once"
    )
    hours = []
    for case in cases:
        middle = statistics.median(rates[case])
        seconds = steps / middle + trainings / measured[case]
        hours.append(SEARCH * seconds / 3600)
        print(
            f"  {case!s:58} {spread(rates[case], '.1f')} = "
            f"{middle * flops / 1e12:.2f} TFLOP/s, peak {peaks[case]:.1f} GiB\n"
            f"    EXTRAPOLATED: {seconds:.3f} s a rule, {hours[-1]:.2f} hours for "
            f"{SEARCH:,} rules"
        )
    return hours
