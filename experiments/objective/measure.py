"""Score rules on candidate tasks and on larger ones, without gates.

Each task and replicate is one file of the work folder. What is there already is not
trained again, so a run that was stopped goes on.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neuralopt.engines import choose_engine
from neuralopt.language import RULES, Expression, parse, simplify
from neuralopt.report.counting import counting
from neuralopt.scoring.budgets import Budget, named_budget
from neuralopt.scoring.protocol import Trial, refine, screen, train_long
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import load as load_space
from neuralopt.tasks import GROUPS, Examples, Task, load_task, with_recipe

SAMPLE, SAMPLE_SEED, JUDGE_SEED = 3000, 21, 22
"""Random rules of `from_scratch` with two groups, the seed of the draw, and that of a
second draw: gates are chosen on the first and judged on the second."""

SPREAD = 60
"""Rules of the sample, spread evenly over the range of its scores."""

BATCH = 8

CLASSICS = {
    **{
        name: RULES[name].expression
        for name in (
            *("sgd", "momentum", "rmsprop", "adam", "signsgd", "signum", "lion"),
            *("powersign", "addsign", "adam_agreement"),
        )
    },
    "m / sqrt(v)": parse("m / (sqrt(v) + 1e-8)"),
    "rmsprop * e^agreement": parse("rmsprop * exp(sign(g) * sign(m))"),
    "sign(g) + sign(m)": parse("sign(g) + sign(m)"),
    "g + 1e-4": parse("g + 1e-4"),
}

CANDIDATES = (
    *("digits", "digits_noisy", "digits_scaled", "rare_features", "regression"),
    *("digits_sigmoid", "digits_deep", "digits_small_batch", "digits_small_conv"),
    "digits reparametrized",
)

HELD_OUT = ("digits_conv", "enos_mnistnet", "char_lm", "cifar10_conv")
"""Larger or other tasks, which no search of the suite trains on."""

LENGTHS = ("screening", "5 epochs", "20 epochs")

Qualities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """Qualities of rules on a task and a replicate.

    Attributes:
        qualities: (3, rules), after screening, `epochs` and the horizon.
        seconds: (4,), of a core, a rule: screening, refinement, `epochs`, horizon.
    """

    qualities: Qualities
    seconds: Qualities


def task_of(name: str, cifar10: str = "", images: int = 2000) -> Task:
    """Return a task of this study.

    Args:
        name: of CANDIDATES or HELD_OUT.
        cifar10: an archive or folder of CIFAR-10.
        images: of CIFAR-10 to train on; 500 for each held-out split.
    """
    if name == "digits reparametrized":
        return with_recipe(load_task("digits"), reparametrize=1.0)
    if name != "cifar10_conv":
        return load_task(name)
    task = load_task(name, path=cifar10)
    cut = {
        split: _first(task.examples(split), images if split == "training" else 500)
        for split in ("training", "validation", "selection", "test")
    }
    return replace(task, splits=cut, fingerprint=f"{task.fingerprint}-{images}")  # type: ignore[type-var]  # dataclass


def _first(examples: Examples, count: int) -> Examples:
    return Examples(examples.inputs[:count], examples.targets[:count])


def measure(
    task: Task,
    rules: Sequence[Expression],
    replicate: int,
    budget: Budget,
    threads: int,
) -> Measured:
    """Score rules on a task, without gates.

    Args:
        task: that is trained.
        rules: canonical.
        replicate: of initial weights and data order.
        budget: with one horizon, or none.
        threads: of this process.
    """
    engine = choose_engine("auto", task, 0)
    found = np.zeros((3, len(rules)))
    seconds = np.zeros(4)
    lengths = (budget.epochs, *budget.horizons)

    def score(start: int) -> tuple[int, list[list[float]], list[float]]:
        trials = [Trial(rule, (replicate,)) for rule in rules[start : start + BATCH]]
        times = [time.thread_time()]
        rough = screen(engine, task, budget, trials)
        times.append(time.thread_time())
        fine = refine(engine, task, budget, trials, rough)
        times.append(time.thread_time())
        rows = [[task.quality(min(each.losses)) for each in rough]]
        for epochs in lengths:
            scores = train_long(engine, task, epochs, trials, fine)
            rows.append([each["validation"].quality for each in scores])
            times.append(time.thread_time())
        return start, rows, times

    starts = range(0, len(rules), BATCH)
    with (
        ThreadPoolExecutor(threads) as pool,
        counting(f"rules on {task.name}, replicate {replicate}") as count,
    ):
        for start, rows, times in pool.map(score, starts):
            for length, row in enumerate(rows):
                found[length, start : start + len(row)] = row
            seconds[: len(times) - 1] += np.diff(times)
            count(min(start + BATCH, len(rules)), len(rules))
    return Measured(found, seconds / len(rules))


def sample(seed: int = SAMPLE_SEED) -> list[Expression]:
    """Return the classics and the random rules, canonical, in a fixed order.

    Args:
        seed: of the draw.
    """
    classics = [simplify(rule) for rule in CLASSICS.values()]
    return classics + random_rules(load_space("from_scratch"), SAMPLE, seed)


def spread(scores: Qualities, count: int = SPREAD) -> list[int]:
    """Return places of rules whose scores are spread evenly over the whole range.

    Args:
        scores: (rules,).
        count: of rules.

    Returns:
        For each of `count` equally spaced scores the nearest rule left.
    """
    chosen: list[int] = []
    for wanted in np.linspace(scores.min(), scores.max(), count):
        order = np.argsort(np.abs(scores - wanted), kind="stable")
        chosen.append(next(int(place) for place in order if place not in chosen))
    return chosen


def shares(found: Measured) -> Qualities:
    """Return q / (q + a) of each length and rule; Adam is one of the rules."""
    adam = list(CLASSICS).index("adam")
    return found.qualities / (found.qualities + found.qualities[:, adam : adam + 1])


def saved(
    work: Path,
    name: str,
    rules: Sequence[Expression],
    replicate: int,
    options: argparse.Namespace,
    budget: Budget,
    label: str = "",
) -> Measured:
    """Return what a file of the work folder holds, measured first if it is missing."""
    named = f"{label}{name}".replace(" ", "_")
    path = work / f"{named}-{len(rules)}-{replicate}.npz"
    if not path.exists():
        task = task_of(name, options.cifar10)
        made = measure(task, rules, replicate, budget, options.threads)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, qualities=made.qualities, seconds=made.seconds)
        part.rename(path)
        cost = 1000 * made.seconds.sum()
        print(f"{name}, replicate {replicate}: {cost:.1f} ms a rule", flush=True)
    with np.load(path, allow_pickle=False) as kept:
        return Measured(kept["qualities"], kept["seconds"])


def study(options: argparse.Namespace) -> dict[tuple[str, str, int], Measured]:
    """Return all measurements, by set of rules, task and replicate."""
    budget = named_budget("suite").without_gates()
    rules = sample()
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, str, int], Measured] = {}
    for name in CANDIDATES:
        found["sample", name, 0] = saved(work, name, rules, 0, options, budget)
    judge = sample(JUDGE_SEED)
    for name in GROUPS["suite"]:
        found["judge", name, 1] = saved(
            work, name, judge, 1, options, budget, label="judge"
        )
    scores = [shares(found["sample", name, 0])[1:].mean(0) for name in CANDIDATES]
    places = spread(np.mean(scores, axis=0)[len(CLASSICS) :])
    few = rules[: len(CLASSICS)] + [rules[len(CLASSICS) + each] for each in places]
    for replicate in range(options.replicates):
        for name in CANDIDATES:
            key = ("few", name, replicate)
            found[key] = saved(work, name, few, replicate, options, budget)
    for name in HELD_OUT:
        if name == "cifar10_conv" and not options.cifar10:
            continue
        shorter = budget if name in ("digits_conv", "enos_mnistnet") else _short(budget)
        if name == "cifar10_conv":
            shorter = replace(shorter, screening_examples=500)
        key = ("held out", name, 0)
        found[key] = saved(work, name, few, 0, options, shorter)
    return found


def _short(budget: Budget) -> Budget:
    """Return a budget for tasks on which an epoch takes a second or more."""
    return replace(budget, refinement_epochs=1, epochs=3, horizons=())
