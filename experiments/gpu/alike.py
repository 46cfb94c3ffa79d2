"""Compare the outcomes of children on a device with those on the processor.

Also counts how many outcomes depend on the population that a child is trained in.
See README.md.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from experiments.agreement.agreement import EXACT, SHIFTS, Perturbed, distance
from neuralopt.engines.engine import Child, Outcome
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.scoring.budgets import BUDGETS
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES
from neuralopt.tasks import Split, Task

SEED, STEPS = 2017, 16
HELD_OUT: tuple[Split, ...] = ("validation", "test")
LIMITS = (EXACT, 1e-6, 1e-4, 1e-2)


@contextmanager
def tensor_float(allowed: bool) -> Iterator[None]:
    """Let cuDNN convolve in TF32, or not, in this context; torch's default is to."""
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32
    cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        cudnn.allow_tf32 = before


def random_children(count: int) -> list[Child]:
    """Children of random rules, each at one of the paper's learning rates."""
    rates = BUDGETS["bello2017"].learning_rates
    rules = random_rules(SPACES["bello2017"], count, SEED)
    return [Child(rule, rates[n % len(rates)], 0) for n, rule in enumerate(rules)]


def trained(
    engine: SerialEngine | StackedEngine, children: Sequence[Child]
) -> list[Outcome]:
    return engine.train(children, 1, HELD_OUT, STEPS * engine.task.batch_size)


def agreement(
    task: Task, children: Sequence[Child], dtype: torch.dtype, device: str
) -> int:
    """Print how near the outcomes are to those of the serial engine on the processor.

    Returns:
        In float64 the number of children that differ by more than 1e-9 although
        rounding does not explain it: the serial engine with other rounding differs
        from itself by less. Otherwise 0.
    """
    oracle = trained(SerialEngine(task, SEED, dtype), children)
    engine = StackedEngine(task, SEED, numerics=Numerics(dtype, device))
    found = trained(engine, children)
    far = [distance(a, b) for a, b in zip(oracle, found, strict=True)]
    within = [sum(each <= limit for each in far) for limit in LIMITS]
    print(
        f"  {engine.numerics}, {engine.plan.method} ({engine.plan.reason}), "
        f"{sum(o.diverged for o in oracle)} of {len(oracle)} diverge; within "
        + ", ".join(f"{limit:g}: {n}" for limit, n in zip(LIMITS, within, strict=True)),
        flush=True,
    )
    if dtype != torch.float64:
        return 0
    unexplained = 0
    for child, outcome, apart in zip(children, oracle, far, strict=True):
        if apart > EXACT:
            spread = max(moved(task, child, outcome, shift) for shift in SHIFTS)
            unexplained += spread <= EXACT
            verdict = "ill-conditioned" if spread > EXACT else "UNEXPLAINED"
            print(
                f"    {verdict}: {apart:.1e} apart, the serial engine from itself "
                f"{spread:.1e}: rate {child.learning_rate:g}: {child.rule}"
            )
    return unexplained


def moved(task: Task, child: Child, outcome: Outcome, shift: int) -> float:
    """How far other rounding moves the outcome of the serial engine."""
    engine = SerialEngine(Perturbed(task, torch.float64, shift), SEED, torch.float64)
    return distance(outcome, trained(engine, [child])[0])


def regrouped(task: Task, children: Sequence[Child], device: str) -> tuple[int, int]:
    """Train children again, in another order and in populations of other sizes.

    Prints how many float32 outcomes are identical to the last bit.

    Returns:
        The number of identical outcomes, and the number compared.
    """
    plain = Numerics(device=device)
    outcomes = trained(StackedEngine(task, SEED, numerics=plain), children)
    numbers = list(range(len(children)))
    same, cells = 0, []
    cases = {"again": 0, "shuffled": 0, "by 1": 1, "by 5": 5, "by 16": 16}
    for name, population in cases.items():
        if name != "again":
            random.Random(name).shuffle(numbers)
        engine = StackedEngine(task, SEED, numerics=plain, population=population)
        found = trained(engine, [children[number] for number in numbers])
        pairs = zip(numbers, found, strict=True)
        count = sum(outcomes[number] == outcome for number, outcome in pairs)
        same += count
        cells.append(f"{name} {count}")
    print(f"  identical, of {len(children)}: {', '.join(cells)}", flush=True)
    return same, len(cases) * len(children)
