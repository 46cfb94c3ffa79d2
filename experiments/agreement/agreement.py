"""Compare a fast engine with the serial engine, the oracle.

    python experiments/agreement/agreement.py --rules 3000
    python experiments/agreement/agreement.py --rules 1000 --engine stacked

Scores one fixed list of random rules with both engines, and prints where they differ,
why, and how fast each is. Results: README.md in this folder.
"""

import argparse
import math
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import (
    add_json_option,
    in_turn,
    spread,
    write_results,
)
from neuralopt.engines import ENGINES
from neuralopt.engines.engine import Child, Outcome, steps_per_epoch
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked.population import StackedEngine
from neuralopt.evaluators import TaskScorer
from neuralopt.language import Expression
from neuralopt.options import options_of
from neuralopt.scoring.budgets import BUDGETS, Budget
from neuralopt.scoring.random_rules import random_rules
from neuralopt.scoring.score import Score
from neuralopt.spaces import SPACES
from neuralopt.tasks import SPLITS, TASKS, Task, load_task

SEED = 2017
STEPS = 20
EXACT = 1e-9
"""Children agree if no loss differs by more, relative to max(1, loss)."""

IDENTICAL = 1e-4
"""Qualities, from 0 to 1, are called identical if they differ by at most this."""

SHIFTS = (1, 2, 3, 5)
"""Of the perturbed tasks, which show how far rounding can move a child."""

ROUND = 50
"""Rules per round; each round times both engines, in alternating order."""


class Perturbed:
    """A task that differs from another one only by rounding.

    At every step weights are moved by about the rounding error of dtype, the examples
    of a batch are summed in another order, and gradients (of the outputs; and those
    that are not 0, of the weights) are moved by the rounding error of the largest: they
    are sums, whose terms may cancel.

    Attributes:
        shift: Seed of the perturbation.
    """

    def __init__(self, task: Task, dtype: torch.dtype, shift: int) -> None:
        self.task, self.dtype, self.shift = task, dtype, shift

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def network(self) -> nn.Module:
        network = self.task.network().to(self.dtype)
        shift, size = self.shift, self.shift * torch.finfo(self.dtype).eps
        generator = torch.Generator().manual_seed(shift)

        def noise(like: torch.Tensor) -> torch.Tensor:
            return size * torch.empty_like(like).normal_(generator=generator)

        def moved(_: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            if torch.is_grad_enabled():
                for weight in network.parameters():
                    weight.data.mul_(1 + noise(weight))
            return (inputs[0].roll(shift, 0),)

        def moved_back(_: nn.Module, __: object, outputs: torch.Tensor) -> torch.Tensor:
            if outputs.requires_grad:
                # A probability of 1 in one order of sums is not 1 in another.
                outputs.register_hook(lambda g: g + noise(g) / len(g))
            return outputs.roll(-shift, 0)

        def summed(gradient: torch.Tensor) -> torch.Tensor:
            largest = gradient.abs().max()
            return gradient + largest * noise(gradient) * (gradient != 0)

        for weight in network.parameters():
            weight.register_hook(summed)
        network.register_forward_pre_hook(moved)
        network.register_forward_hook(moved_back)
        return network


def distance(ours: Outcome, theirs: Outcome) -> float:
    """Greatest difference of all losses, inf if one of the two diverged."""
    if ours.diverged != theirs.diverged or len(ours.curve) != len(theirs.curve):
        return math.inf
    pairs = list(zip(ours.curve, theirs.curve, strict=True))
    if not ours.diverged:
        pairs += zip(ours.losses, theirs.losses, strict=True)
    return max((abs(a - b) / max(1.0, abs(a)) for a, b in pairs), default=0.0)


def compare_children(
    task: Task, rules: Sequence[Expression], fast: str
) -> dict[str, object]:
    """Compare children in float64, each rule at one of the seven learning rates."""
    limit = STEPS * task.batch_size
    steps = steps_per_epoch(task, limit)
    print(f"\nfloat64, {steps} steps, rate i % 7 of bello2017 for rule i")
    rates = BUDGETS["bello2017"].learning_rates
    children = [
        Child(rule, rates[index % len(rates)], 0) for index, rule in enumerate(rules)
    ]
    serial = SerialEngine(task, SEED, torch.float64)
    oracle = serial.train(children, 1, SPLITS, limit)
    engine = ENGINES[fast](task, SEED, torch.float64)
    found = engine.train(children, 1, SPLITS, limit)
    if isinstance(engine, StackedEngine):
        print(f"  {engine.plan.method}: {engine.plan.reason}")
    distances = [distance(a, b) for a, b in zip(oracle, found, strict=True)]
    print_distribution(distances, EXACT)
    print(f"  {sum(outcome.diverged for outcome in oracle)} of them diverge")

    def moved(child: Child, outcome: Outcome, shift: int) -> float:
        same = Perturbed(task, torch.float64, shift)
        engine = SerialEngine(same, SEED, torch.float64)
        return distance(outcome, engine.train([child], 1, SPLITS, limit)[0])

    unexplained = 0
    for child, outcome, far in zip(children, oracle, distances, strict=True):
        if far > EXACT:
            furthest = max(moved(child, outcome, shift) for shift in SHIFTS)
            unexplained += furthest <= EXACT
            verdict = "ill-conditioned" if furthest > EXACT else "UNEXPLAINED"
            print(
                f"  {verdict}: {far:.1e} apart; the serial engine from itself, "
                f"rounded otherwise, {furthest:.1e}: rate {child.learning_rate:g}: "
                f"{child.rule}"
            )
    return {
        "children": len(children),
        "within": sum(far <= EXACT for far in distances),
        "unexplained": unexplained,
    }


def compare_scores(
    task: Task, rules: Sequence[Expression], budget: Budget, fast: str
) -> dict[str, object]:
    """Compare scores in float32, and the speed of both engines."""
    print(f"\nfloat32, budget {budget.name}")
    engines = {name: ENGINES[name](task, SEED) for name in ("serial", fast)}
    scores: dict[str, list[Score]] = {name: [] for name in engines}

    def rate(name: str, number: int) -> float:
        some = rules[number * ROUND :][:ROUND]
        began = time.perf_counter()
        scores[name] += TaskScorer(task, budget, engines[name])(some)
        return len(some) / (time.perf_counter() - began)

    rates = in_turn(list(engines), rate, math.ceil(len(rules) / ROUND))
    pairs = list(zip(scores["serial"], scores[fast], strict=True))
    print_distribution([abs(a.quality - b.quality) for a, b in pairs], IDENTICAL)
    kept = [a for a, _ in pairs if a.status == "scored"]
    print(
        f"  {len(kept)} are scored, {len(pairs) - len(kept)} diverge; statuses differ "
        f"for {sum(a.status != b.status for a, b in pairs)}, chosen rates for "
        f"{sum(a.lr != b.lr for a, b in pairs)}"
    )
    for rule, (ours, theirs) in zip(rules, pairs, strict=True):
        if abs(ours.quality - theirs.quality) > IDENTICAL:
            print(f"  {explanation(task, budget, rule, ours, theirs)}: {rule}")
    ratios = [b / a for a, b in zip(rates["serial"], rates[fast], strict=True)]
    print("\nrules per second, one thread, both engines in turn, rules compiled before")
    for name, some_rates in rates.items():
        print(f"  {name:8} {spread(some_rates, '.1f')}")
    print(f"  ratio    {spread(ratios, '.1f')}")
    return {
        "rules": len(pairs),
        "within": sum(abs(a.quality - b.quality) <= IDENTICAL for a, b in pairs),
        "statuses differ": sum(a.status != b.status for a, b in pairs),
        "rules per second": rates,
    }


def explanation(
    task: Task, budget: Budget, rule: Expression, ours: Score, theirs: Score
) -> str:
    """Whether other rounding moves the score of the serial engine as far."""
    moved = [
        TaskScorer(
            task, budget, SerialEngine(Perturbed(task, torch.float32, shift), SEED)
        )([rule])[0]
        for shift in SHIFTS
    ]
    furthest = max(abs(score.quality - ours.quality) for score in moved)
    verdict = "chaotic" if furthest > IDENTICAL else "UNEXPLAINED"
    return (
        f"{verdict}: serial {ours.quality:.6f} at {ours.lr}, the other "
        f"{theirs.quality:.6f} at {theirs.lr}; the serial engine, rounded otherwise, "
        f"up to {furthest:.1e} from itself"
    )


def print_distribution(distances: Sequence[float], limit: float) -> None:
    """Print the share within a limit, and the distribution."""
    count = len(distances)
    within = sum(distance <= limit for distance in distances)
    print(f"  {within} of {count} ({within / count:.1%}) within {limit:g}")
    finite = [distance for distance in distances if math.isfinite(distance)]
    print(
        f"  greatest {max(finite):.1e}, infinite {count - len(finite)}; at most", end=""
    )
    for edge in (0.0, 1e-15, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
        print(f" {edge:g}: {sum(distance <= edge for distance in distances)}", end="")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--engine", default="native", choices=["native", "stacked"])
    parser.add_argument("--budget", default="smoke", choices=list(BUDGETS))
    parser.add_argument("--tasks", nargs="+", default=["digits"])
    parser.add_argument("--path", help="the data of tasks that read some")
    parser.add_argument("--depth", type=int, help="of cifar10_resnet")
    parser.add_argument("--width", type=int, help="of cifar10_resnet")
    add_json_option(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="There is a performance drop")
    began = time.perf_counter()
    share = -(-arguments.rules // len(SPACES))
    rules = [r for s in SPACES.values() for r in random_rules(s, share, SEED)]
    rules = rules[: arguments.rules]
    print(f"{len(rules)} rules of {', '.join(SPACES)}; {arguments.engine}")
    figures: dict[str, object] = {"engine": arguments.engine}
    for name in arguments.tasks:
        options = {
            key: value
            for key in options_of(TASKS[name])
            if (value := getattr(arguments, key, None)) is not None
        }
        task = load_task(name, **options)
        print(f"\n{name}:")
        children = compare_children(task, rules, arguments.engine)
        budget = BUDGETS[arguments.budget]
        scores = compare_scores(task, rules, budget, arguments.engine)
        figures[name] = {"float64 children": children, "float32 scores": scores}
    print(f"\n{time.perf_counter() - began:.0f} s")
    write_results(arguments.json, figures)


if __name__ == "__main__":
    main()
