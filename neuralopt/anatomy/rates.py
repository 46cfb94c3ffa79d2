"""How the quality of a rule depends on its learning rate."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from math import log10
from statistics import fmean

import torch

from neuralopt.engines import Child, choose_engine
from neuralopt.engines.engine import Engine
from neuralopt.language import Expression
from neuralopt.one_thread import one_thread
from neuralopt.scoring.replicates import FIRST_ANATOMY_REPLICATE
from neuralopt.tasks import Task
from neuralopt.views.card.measure import Scoring, fan_rates
from neuralopt.views.card.measurements import best_rate, good_region

WITHIN = 0.95
"""Share of the best quality that a good rate has at least."""


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Qualities of one rule on one task against the learning rate.

    Attributes:
        task: its name.
        epochs: of each training.
        rates: two a decade, in rising order, from a decade below the budget's lowest to
            one above its highest.
        qualities: on the validation split, (rates, seeds); 0 where it diverged. Every
            rate and every rule meets the same seeds.
    """

    task: str
    epochs: int
    rates: tuple[float, ...]
    qualities: tuple[tuple[float, ...], ...]

    @property
    def means(self) -> tuple[float, ...]:
        """Mean quality at each rate."""
        return tuple(map(fmean, self.qualities))

    @property
    def best(self) -> float | None:
        """The rate of the highest mean quality; None if all trainings diverged."""
        return best_rate(self.rates, self.qualities) if max(self.means) > 0 else None

    @property
    def good(self) -> tuple[float, float] | None:
        """Ends of the rates around the best with `WITHIN` of its quality, or None."""
        return good_region(self.rates, self.means, WITHIN)

    @property
    def decades(self) -> float:
        """Width of the range of good rates; 0 without one."""
        return 0.0 if self.good is None else log10(self.good[1] / self.good[0])

    @property
    def at_edge(self) -> bool:
        """Whether the best rate is the lowest or the highest that was tried."""
        return self.best in (self.rates[0], self.rates[-1])


def rate_curves(
    rules: Mapping[str, Expression],
    scoring: Scoring,
    seeds: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, tuple[RateCurve, ...]]:
    """Train rules at learning rates far below and above the best ones.

    Args:
        rules: by name.
        scoring: tasks, budget and numerics.
        seeds: initial weights and data orders.
        progress: called with (done, total), in trainings.

    Returns:
        A curve for each task, in their order, by name of the rule.

    Raises:
        ValueError: an engine does not support a task, or a training breaks.
    """
    rates, epochs = fan_rates(scoring.budget), scoring.budget.epochs
    engines = [
        choose_engine(scoring.engine, task, scoring.seed, scoring.numerics)
        for task in scoring.tasks
    ]
    jobs = [
        (name, place, rate)
        for name in rules
        for place in range(len(engines))
        for rate in rates
    ]
    with (
        one_thread(),
        ThreadPoolExecutor(
            scoring.threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool,
    ):
        futures = {
            pool.submit(
                _train,
                engines[place],
                scoring.tasks[place],
                rules[name],
                rate,
                epochs,
                seeds,
            ): (name, place, rate)
            for name, place, rate in jobs
        }
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(done * seeds, len(jobs) * seeds)
        finally:
            for future in futures:
                future.cancel()
    found = {job: future.result() for future, job in futures.items()}
    return {
        name: tuple(
            RateCurve(
                task.name,
                epochs,
                rates,
                tuple(found[name, place, rate] for rate in rates),
            )
            for place, task in enumerate(scoring.tasks)
        )
        for name in rules
    }


def _train(
    engine: Engine, task: Task, rule: Expression, rate: float, epochs: int, seeds: int
) -> tuple[float, ...]:
    """Quality of each seed at a rate."""
    children = [
        Child(rule, rate, FIRST_ANATOMY_REPLICATE + seed) for seed in range(seeds)
    ]
    try:
        outcomes = engine.train(children, epochs, ("validation",))
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"task {task.name}: training breaks: {what[:300]}") from error
    return tuple(
        0.0 if each.diverged else float(task.quality(each.losses[0]))
        for each in outcomes
    )


def ratios(rule: Sequence[RateCurve], other: Sequence[RateCurve]) -> list[float | None]:
    """Return the best rate of a rule over another rule's, on each task.

    Args:
        rule: its curves, one a task.
        other: those of the other rule, in the same order.

    Returns:
        A ratio for each task; None where one of the two trains at no rate.
    """
    return [
        None if mine.best is None or its.best is None else mine.best / its.best
        for mine, its in zip(rule, other, strict=True)
    ]
