"""The untuned test: every contender as it is written, at one rate for all tasks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from neuralopt.tasks import Task
from neuralopt.verdict.trainings import Failure, Training
from neuralopt.verdict.tuning.contender import Contender
from neuralopt.verdict.tuning.setting import Setting
from neuralopt.verdict.tuning.tune import Train, Tuned, TuningPlan


@dataclass(frozen=True, slots=True)
class OneRate:
    """The one learning rate of a contender for all tasks.

    Attributes:
        setting: the contender as it is written, at that rate.
        quality: geometric mean over the tasks of the mean quality on the validation
            split and the tuning replicates; 0 if a task's mean is 0.
        trainings: that the choice asked for.
    """

    setting: Setting
    quality: float
    trainings: tuple[Training, ...]


def choose_one_rate(
    contender: Contender,
    tasks: Sequence[Task],
    tuned: Sequence[Tuned],
    epochs: int,
    plan: TuningPlan,
    train: Train,
) -> OneRate | Failure:
    """Choose the one rate of the best geometric-mean quality over tasks.

    Rates are those that tuning tried on any task with all else as the rule is written;
    each is trained on every task.

    Args:
        contender: that was tuned.
        tasks: whose recipes have neither decay, schedule nor warm-up.
        tuned: of the contender, on each of the tasks.
        epochs: of each training.
        plan: gives the tuning replicates.
        train: `Trainings.train`.

    Returns:
        The choice, of equal ones the smaller rate; or the error of a training.
    """
    rates = sorted(
        {
            setting.rate
            for each in tuned
            for setting in each.losses
            if replace(setting, rate=contender.plain.rate) == contender.plain
        }
    )
    settings = [replace(contender.plain, rate=rate) for rate in rates]
    jobs = [
        contender.training(task, setting, replicate, epochs)
        for setting in settings
        for task in tasks
        for replicate in plan.replicates
    ]
    outcomes = train(jobs, ("validation",))
    left = iter(outcomes)
    best: tuple[float, Setting] = (-1.0, contender.plain)
    for setting in settings:
        means = []
        for task in tasks:
            qualities = []
            for _ in plan.replicates:
                outcome = next(left)
                if isinstance(outcome, Failure):
                    return outcome
                loss = outcome.losses[0]
                qualities.append(0.0 if outcome.diverged else task.quality(loss))
            means.append(math.fsum(qualities) / len(qualities))
        together = math.prod(means) ** (1 / len(means))
        if together > best[0]:
            best = together, setting
    return OneRate(best[1], best[0], tuple(jobs))


def choose_one_rates(
    contenders: Sequence[Contender],
    tasks: Sequence[Task],
    tuned: Sequence[Mapping[str, Tuned]],
    epochs: int,
    plan: TuningPlan,
    train: Train,
) -> tuple[dict[str, OneRate], dict[str, str]]:
    """Choose the one rate of each contender; see `choose_one_rate`.

    Args:
        contenders: that were tuned.
        tasks: whose recipes have neither decay, schedule nor warm-up.
        tuned: by name, for each of the tasks.
        epochs: of each training.
        plan: gives the tuning replicates.
        train: `Trainings.train`.

    Returns:
        (choices by name; errors of the contenders whose tuning or training failed on a
        task).
    """
    found, failed = {}, {}
    for contender in contenders:
        own = [by_name[contender.name] for by_name in tuned]
        broken = [each.failure for each in own if each.failure]
        if broken:
            failed[contender.name] = broken[0]
            continue
        choice = choose_one_rate(contender, tasks, own, epochs, plan, train)
        if isinstance(choice, Failure):
            failed[contender.name] = choice.reason
        else:
            found[contender.name] = choice
    return found, failed
