"""Measure what a rule card shows: learning rates, learning curves, and a path.

A rule is trained on each task at a fan of learning rates and on several seeds for the
budget's epochs, then at the best rate for the longest horizon: `work_of_card` says how
much that is. The replicates are those of cards only, which no search selects by.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import numpy as np

from neuralopt.engines import Child, Numerics, Outcome, choose_engine
from neuralopt.engines.engine import training_steps
from neuralopt.language import RULES, Expression, simplify
from neuralopt.scoring.budgets import Budget
from neuralopt.scoring.protocol import steps_of_trial
from neuralopt.scoring.replicates import FIRST_CARD_REPLICATE
from neuralopt.tasks import Task
from neuralopt.views.card.measurements import Measurements, TaskMeasurement, best_rate
from neuralopt.views.card.ravine import best_path

SEEDS = 3
MOST_RATES = 17
BASELINES = ("adam", "momentum")
"""Named rules that a rule is compared with on its card."""


class Scoring(Protocol):
    """With what the rules of a run are scored; `cli.build.ScoringParts` is such."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """At least one."""

    @property
    def budget(self) -> Budget:
        """Learning rates and lengths of trainings."""

    @property
    def numerics(self) -> Numerics:
        """Device and precision."""

    @property
    def engine(self) -> str:
        """A name of ENGINES, or ``auto``."""

    @property
    def seed(self) -> int:
        """Of initial weights, data orders and random bits of rules."""

    @property
    def threads(self) -> int:
        """Tasks that are trained at a time."""


def fan_rates(budget: Budget) -> tuple[float, ...]:
    """Return the learning rates of a fan.

    Args:
        budget: of the run.

    Returns:
        Two rates a decade, or fewer for a wide budget, from a decade below the budget's
        lowest rate to one above its highest, in rising order.
    """
    low, high = budget.learning_rates[0] / 10, budget.learning_rates[-1] * 10
    count = min(MOST_RATES, round(2 * math.log10(high / low)) + 1)
    return tuple(float(f"{rate:.6g}") for rate in np.geomspace(low, high, count))


def work_of_card(scoring: Scoring) -> float:
    """Return the optimizer steps of a card over those of one evaluation.

    Args:
        scoring: tasks and budget. No gate stops the evaluation.
    """
    budget, rates = scoring.budget, fan_rates(scoring.budget)
    epochs = len(rates) * budget.epochs + _long_epochs(budget)
    long = replace(
        budget, epochs=epochs, horizons=(), refinement_epochs=0, screening_epochs=1
    )
    card = whole = 0.0
    for task in scoring.tasks:
        screened = steps_of_trial(task, replace(long, epochs=1), 1)
        once = steps_of_trial(task, replace(long, epochs=2), 1) - screened
        card += SEEDS * epochs * once
        whole += steps_of_trial(task, budget, budget.replicates)
    return card / whole


def measure(rule: Expression, scoring: Scoring) -> Measurements:
    """Measure a rule for its card.

    Args:
        rule: in any form.
        scoring: tasks, budget and numerics.

    Returns:
        The measurements; the same for the same arguments.

    Raises:
        ValueError: an engine does not support a task, or a training breaks.
    """
    canonical = simplify(rule)
    with ThreadPoolExecutor(max(1, min(scoring.threads, len(scoring.tasks)))) as pool:
        jobs = [
            pool.submit(_measure_task, canonical, task, scoring)
            for task in scoring.tasks
        ]
        tasks = tuple(job.result() for job in jobs)
    return Measurements(str(canonical), tasks, best_path(canonical))


def baseline(name: str) -> Expression:
    """Return the rule of a baseline in canonical form.

    Args:
        name: one of BASELINES.
    """
    return simplify(RULES[name].expression)


def _long_epochs(budget: Budget) -> int:
    return max((budget.epochs, *budget.horizons))


def _measure_task(rule: Expression, task: Task, scoring: Scoring) -> TaskMeasurement:
    budget, rates = scoring.budget, fan_rates(scoring.budget)
    try:
        engine = choose_engine(scoring.engine, task, scoring.seed, scoring.numerics)
        replicates = range(FIRST_CARD_REPLICATE, FIRST_CARD_REPLICATE + SEEDS)

        def train(
            some: Sequence[float], epochs: int
        ) -> tuple[tuple[float, ...], list[Outcome]]:
            children = [Child(rule, lr, seed) for lr in some for seed in replicates]
            outcomes = engine.train(children, epochs, ("validation",))
            qualities = tuple(
                0.0 if each.diverged else float(task.quality(each.losses[0]))
                for each in outcomes
            )
            return qualities, outcomes

        qualities, _ = train(rates, budget.epochs)
        fan = tuple(
            qualities[start : start + SEEDS]
            for start in range(0, len(qualities), SEEDS)
        )
        long = _long_epochs(budget)
        epoch = training_steps(task, long) / long
        finals, outcomes = train([best_rate(rates, fan)], long)
        return TaskMeasurement(
            task.name,
            rates,
            fan,
            budget.epochs,
            long,
            tuple(each.curve for each in outcomes),
            tuple(each.steps / epoch for each in outcomes),
            tuple(each.diverged for each in outcomes),
            finals,
        )
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"task {task.name}: training breaks: {what[:300]}") from error
