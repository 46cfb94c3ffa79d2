"""Time to target of tuned contenders: steps to the final loss of the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralopt.engines.engine import training_steps
from neuralopt.tasks import Task
from neuralopt.verdict.profiles import SpeedUp, profile_area, speed_up, worst_workload
from neuralopt.verdict.time_to_target import first_at_or_below, median_target
from neuralopt.verdict.tuning.matches import Match

POINTS = 40
"""Measurements along a training; between two of them the loss counts as linear."""


@dataclass(frozen=True, slots=True)
class TargetTimes:
    """When contenders reached the target on one task.

    The target is the median final loss of the reference on the selection split, in
    trainings of the tuned length. Times are read off longer trainings, which slower
    contenders need.

    Attributes:
        task: its name.
        reference: that sets the target.
        target: a loss.
        horizon: of the trainings that times are read off.
        steps: at which the median loss over seeds first was at the target or below, by
            name; inf where it never was. Of an even number of seeds it is the lower of
            the two losses in the middle, which is finite unless more than half of the
            trainings diverged.
        seed_steps: the same of each seed.
        speed_ups: over the reference, of pairs of one seed.
    """

    task: str
    reference: str
    target: float
    horizon: int
    steps: Mapping[str, float]
    seed_steps: Mapping[str, tuple[float, ...]]
    speed_ups: Mapping[str, SpeedUp]


@dataclass(frozen=True, slots=True)
class Standing:
    """The times of one contender over all tasks.

    Attributes:
        area: mean height of its performance profile, for factors from 1 to 4.
        speed_up: over the reference, of pairs of one task.
        worst_task: on which it is slowest compared with the reference.
        worst_ratio: the reference's time over its own there; 0 where it never reached
            the target, and inf where only the reference didn't.
    """

    area: float
    speed_up: SpeedUp
    worst_task: str
    worst_ratio: float


def measured_steps(task: Task, epochs: int) -> tuple[int, ...]:
    """Return the steps after which a training is measured, evenly spaced.

    Args:
        task: gives the number of steps.
        epochs: of the training.

    Returns:
        At most POINTS rising numbers, of which the last is the end of the training.
    """
    steps = training_steps(task, epochs)
    places = np.ceil(np.linspace(0, steps, POINTS + 1)[1:]).astype(int)
    return tuple(dict.fromkeys(places.tolist()))


def target_times(first: Match, longer: Match) -> TargetTimes | None:
    """Return when contenders reached the target.

    Args:
        first: of the tuned length; its reference sets the target.
        longer: of the same contenders, measured along its trainings.

    Returns:
        The times of the contenders that failed in neither; None where the reference
        sets no target, since half of its trainings diverged or all contenders failed.
    """
    comparison = first.comparison("selection")
    if comparison is None or comparison.reference not in longer.curves:
        return None
    reference = comparison.reference
    try:
        target = median_target(first.losses[reference])
    except ValueError:
        return None
    names = [name for name in first.losses if name in longer.curves]
    steps, seed_steps = {}, {}
    for name in names:
        curves = np.array(longer.curves[name], dtype=np.float64)
        middle = np.quantile(curves, 0.5, axis=0, method="inverted_cdf")
        steps[name] = _when(longer.along, middle, target)
        seed_steps[name] = tuple(_when(longer.along, row, target) for row in curves)
    return TargetTimes(
        first.task,
        reference,
        target,
        longer.horizon,
        steps,
        seed_steps,
        {name: speed_up(seed_steps[name], seed_steps[reference]) for name in names},
    )


def standings(found: Sequence[TargetTimes]) -> dict[str, Standing]:
    """Return the times of each contender over tasks.

    Args:
        found: one for each task, of one reference.

    Returns:
        By name, of the contenders that have a time on every task.
    """
    names = [name for name in found[0].steps if all(name in x.steps for x in found)]
    times = {name: [each.steps[name] for each in found] for name in names}
    reference = times[found[0].reference]
    areas = profile_area(list(times.values()))
    result = {}
    for name, area in zip(names, areas.tolist(), strict=True):
        place, ratio = worst_workload(times[name], reference)
        made = speed_up(times[name], reference)
        result[name] = Standing(area, made, found[place].task, ratio)
    return result


def _when(along: Sequence[int], losses: NDArray[np.float64], target: float) -> float:
    return float(first_at_or_below(along, losses, target, interpolate=True))
