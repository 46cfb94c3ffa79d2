"""The whole tuned comparison: tune, freeze, judge at several horizons, and untuned."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from neuralopt.scoring.replicates import VERDICT_SEEDS
from neuralopt.tasks import Split, Task
from neuralopt.verdict.comparison import Comparison
from neuralopt.verdict.trainings import Cost, Training
from neuralopt.verdict.tuning.contender import Contender, bare
from neuralopt.verdict.tuning.frozen import freeze
from neuralopt.verdict.tuning.matches import (
    Match,
    Reference,
    flips,
    over_tasks,
    play,
    qualities_of,
    reference_of,
    verdict_trainings,
)
from neuralopt.verdict.tuning.setting import Setting
from neuralopt.verdict.tuning.targets import (
    Standing,
    TargetTimes,
    measured_steps,
    standings,
    target_times,
)
from neuralopt.verdict.tuning.tune import Train, Tuned, TuningPlan, tune
from neuralopt.verdict.tuning.untuned import OneRate, choose_one_rates

HORIZONS = (1, 3, 8)
"""Lengths of the verdict's trainings, as multiples of the tuned ones."""

ALL_TASKS = "all tasks"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a tuned comparison is of.

    Attributes:
        contenders: with names of their own.
        tasks: with names of their own.
        epochs: of the trainings that are tuned.
        horizons: lengths of the verdict's trainings, as multiples of them.
        seeds: fresh seeds of the verdict.
        plan: trials and replicates of the tuning.
        baselines: names of rules among which the reference is chosen, if neither
            ``adamw`` nor ``adam`` takes part.

    Raises:
        ValueError: there is no contender, or a number is out of range.
    """

    contenders: tuple[Contender, ...]
    tasks: tuple[Task, ...]
    epochs: int
    horizons: tuple[int, ...] = HORIZONS
    seeds: int = VERDICT_SEEDS
    plan: TuningPlan = field(default_factory=TuningPlan)
    baselines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.contenders:
            raise ValueError("name at least one rule to compare")
        if self.seeds < 1:
            raise ValueError(f"verdict.seeds is {self.seeds}: give 1 or more")
        rising = sorted({*self.horizons, 1}) == list(self.horizons)
        if not rising or self.horizons[0] < 1:
            told = ",".join(map(str, self.horizons))
            raise ValueError(
                f"horizons are {told}: give rising whole numbers that begin with 1, as "
                "in 1,3,8"
            )

    @property
    def reference(self) -> Reference:
        """What contenders are compared with."""
        return reference_of([each.name for each in self.contenders], self.baselines)

    @property
    def target_horizon(self) -> int:
        """The horizon of the trainings that times to target are read off."""
        return self.horizons[min(1, len(self.horizons) - 1)]

    @property
    def trainings(self) -> int:
        """About how many trainings the comparison takes."""
        verdict = self.seeds * (len(self.horizons) + 1)
        one = self.plan.trainings + verdict
        return len(self.tasks) * len(self.contenders) * one


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The verdict on one task.

    Attributes:
        task: its name.
        tuned: how each contender was tuned, by name.
        matches: one for each horizon, in rising order.
        times: to the target; None where the reference sets none.
    """

    task: str
    tuned: Mapping[str, Tuned]
    matches: tuple[Match, ...]
    times: TargetTimes | None

    def flips(self, split: Split) -> list[tuple[str, str]]:
        """Return the pairs whose order differs between first and last horizon.

        Args:
            split: one of those measured.
        """
        first, last = (self.matches[k].comparison(split) for k in (0, -1))
        return [] if first is None or last is None else flips(first, last)


@dataclass(frozen=True, slots=True)
class TunedComparison:
    """What a tuned comparison found.

    Attributes:
        setup: what it was of.
        splits: that the verdict's trainings were measured on.
        results: one for each task.
        one_rates: the one rate of each contender for all tasks, by name.
        untuned: the untuned test on each task; then, if there are several tasks, on
            their geometric mean.
        tuning_costs: of each contender over all tasks, its one rate included, by name.
        verdict_cost: of all trainings on fresh seeds.
        refusal: why the test split was not measured; "" if it was.
    """

    setup: Setup
    splits: tuple[Split, ...]
    results: tuple[TaskResult, ...]
    one_rates: Mapping[str, OneRate]
    untuned: tuple[Match, ...]
    tuning_costs: Mapping[str, Cost]
    verdict_cost: Cost
    refusal: str

    @property
    def standings(self) -> dict[str, Standing]:
        """Times to target over all tasks, by name; empty if a task has no target."""
        times = [each.times for each in self.results if each.times is not None]
        same = len({each.reference for each in times}) == 1
        return standings(times) if same and len(times) == len(self.results) else {}

    def __iter__(self) -> Iterator[TaskResult]:
        return iter(self.results)

    def __getitem__(self, task: str) -> TaskResult:
        """The result on the task of this name; KeyError if there is none."""
        return {each.task: each for each in self.results}[task]

    def comparison(
        self, task: str, horizon: int = 1, split: Split = "selection"
    ) -> Comparison | None:
        """Return ranks, intervals and verdicts on a task.

        Args:
            task: its name.
            horizon: one of the horizons.
            split: one of those measured.

        Raises:
            KeyError: there is no such task or split.
            ValueError: there is no such horizon.
        """
        known = self.setup.horizons
        if horizon not in known:
            told = ", ".join(map(str, known))
            raise ValueError(f"no horizon {horizon}: it is one of {told}")
        return self[task].matches[known.index(horizon)].comparison(split)


NO_FOLDER = "it is measured once for a frozen list: name a folder for that list"


def run_comparison(
    setup: Setup,
    train: Train,
    cost: Callable[[Sequence[Training]], Cost],
    folder: Path | None = None,
) -> TunedComparison:
    """Tune contenders on each task, freeze their settings, and judge them.

    Args:
        setup: contenders, tasks and numbers.
        train: `Trainings.train`.
        cost: `Trainings.cost`.
        folder: in which the settings are frozen, so that the test split is measured
            too; None for the selection split only.

    Returns:
        The verdicts. They are a function of what `train` returns.

    Raises:
        ValueError: the folder's list is broken, or a task's recipe can't be changed.
        OSError: the list can't be read or written.
    """
    tasks = [bare(task) for task in setup.tasks]
    plan, epochs, contenders = setup.plan, setup.epochs, setup.contenders
    tuned = [tune(contenders, task, epochs, plan, train) for task in tasks]
    rates, lost = choose_one_rates(contenders, tasks, tuned, epochs, plan, train)
    frozen = frozen_list(setup, tasks, tuned, rates)
    refusal = NO_FOLDER if folder is None else freeze(folder, frozen)
    splits: tuple[Split, ...] = ("selection",) if refusal else ("selection", "test")
    judged: list[Training] = []

    def match(
        task: Task,
        horizon: int,
        chosen: Sequence[tuple[Contender, Setting]],
        failed: Mapping[str, str],
        measured: bool = False,
    ) -> Match:
        length = horizon * epochs
        along = measured_steps(task, length) if measured else ()
        jobs = verdict_trainings(chosen, task, length, setup.seeds, along)
        judged.extend(each for some in jobs.values() for each in some)
        trained, broken = play(jobs, splits, train)
        return Match(
            task.name,
            horizon,
            length,
            qualities_of(trained, task, splits),
            {**failed, **broken},
            setup.reference,
            {key: tuple(x.losses[0] for x in some) for key, some in trained.items()},
            {key: tuple(x.along for x in some) for key, some in trained.items()},
            along,
        )

    results, untuned = [], []
    for task, by_name in zip(tasks, tuned, strict=True):
        failed = {x.contender.name: x.failure for x in by_name.values() if x.failure}
        chosen = [
            (each.contender, each.setting)
            for each in by_name.values()
            if not each.failure
        ]
        matches = [
            match(task, each, chosen, failed, each == setup.target_horizon)
            for each in setup.horizons
        ]
        place = setup.horizons.index(setup.target_horizon)
        times = target_times(matches[0], matches[place])
        results.append(TaskResult(task.name, by_name, tuple(matches), times))
        plain = [(x, rates[x.name].setting) for x in contenders if x.name in rates]
        untuned.append(match(task, 1, plain, lost))
    if len(tasks) > 1:
        qualities = {split: over_tasks(untuned, split) for split in splits}
        failures = {k: v for each in untuned for k, v in each.failures.items()}
        whole = Match(ALL_TASKS, 1, epochs, qualities, failures, setup.reference)
        untuned.append(whole)
    own = {
        each.name: [job for by_name in tuned for job in by_name[each.name].trainings]
        for each in contenders
    }
    for name, rate in rates.items():
        own[name] += rate.trainings
    return TunedComparison(
        setup,
        splits,
        tuple(results),
        rates,
        tuple(untuned),
        {name: cost(jobs) for name, jobs in own.items()},
        cost(judged),
        refusal,
    )


def frozen_list(
    setup: Setup,
    tasks: Sequence[Task],
    tuned: Sequence[Mapping[str, Tuned]],
    rates: Mapping[str, OneRate],
) -> dict[str, Any]:
    """Return what is frozen before the test split is measured, as plain data.

    Args:
        setup: of the comparison.
        tasks: as they are trained.
        tuned: by name of the contender, for each of the tasks.
        rates: the one rate of each contender.
    """
    return {
        "contenders": {
            each.name: {
                "tuned": {
                    task.name: {
                        "rule": each.text(by_name[each.name].setting),
                        **asdict(by_name[each.name].setting),
                    }
                    for task, by_name in zip(tasks, tuned, strict=True)
                },
                "one_rate": rates[each.name].setting.rate
                if each.name in rates
                else None,
            }
            for each in setup.contenders
        },
        "reference": list(setup.reference.names),
        "tasks": {task.name: task.fingerprint for task in tasks},
        "epochs": setup.epochs,
        "horizons": list(setup.horizons),
        "seeds": setup.seeds,
    }
