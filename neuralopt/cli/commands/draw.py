"""Run the command draw: a picture of the paths that optimizers take."""

import argparse
import math
from collections.abc import Sequence

import torch

from neuralopt.cli.candidates import Rules, candidates_of
from neuralopt.landscapes.drawing import (
    NEWTON,
    Optimizers,
    Picture,
    draw_landscape,
    draw_slice,
)
from neuralopt.landscapes.landscape import Landscape, Point
from neuralopt.landscapes.paths import FAR
from neuralopt.landscapes.pictures.saving import check_file, save
from neuralopt.landscapes.registry import named_landscape
from neuralopt.landscapes.slices import PLANES
from neuralopt.tasks import Task, load_tasks

CLASSICS = ("sgd", "momentum", "nesterov", "rmsprop", "adam")
"""Optimizers that are drawn where none is named, and Newton's method if it can."""

SLICE, TASK = "slice", "digits"


def draw(options: argparse.Namespace) -> int:
    """Run the command draw.

    Args:
        options: parsed arguments: rules, on, task, plane, lr, steps, start, seed,
            animate, output.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: a rule, a name, a number or the file is wrong.
        OSError: the file can't be written.
    """
    file = check_file(options.output, options.animate)
    picture = draw_picture(
        options.rules,
        options.on,
        task=options.task,
        plane=options.plane,
        rates=_numbers("--lr", options.lr),
        steps=options.steps,
        starts=[_numbers("--start", text) for text in options.start or []],
        seed=options.seed,
    )
    save(picture.drawing, file)
    print("\n".join(picture.told))
    print(f"Wrote {file}")
    return 0


def draw_picture(
    rules: Rules,
    on: str,
    *,
    task: str | Task | None = None,
    plane: str | None = None,
    rates: Sequence[float] = (),
    steps: int | None = None,
    starts: Sequence[Point] = (),
    seed: int = 0,
) -> Picture:
    """Draw what the command line and `neuralopt.draw` ask for.

    Args:
        rules: rules as typed, ``newton`` too, or rules, or either by name; the classics
            if there are none.
        on: a name of LANDSCAPES, or ``slice``.
        task: the task whose loss a slice goes through, or its name.
        plane: one of PLANES, for a slice.
        rates: learning rates; chosen from a grid if empty.
        steps: of each path.
        starts: points to start from.
        seed: of the slice.

    Returns:
        The picture.

    Raises:
        ValueError: a rule, a name or a number is wrong.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"steps is {steps}: give 1 or more")
    for rate in rates:
        if not 0 < rate < math.inf:
            raise ValueError(f"the learning rate {rate:g} is not positive and finite")
    if on != SLICE:
        for name, value in (("task", task), ("plane", plane)):
            if value is not None:
                raise ValueError(f"{name} is for slices only: draw on {SLICE}")
        landscape = named_landscape(on)
        _check_starts(landscape, starts)
        optimizers = _optimizers(rules, newton=True)
        return draw_landscape(landscape, optimizers, rates, steps or 0, starts)
    if starts:
        raise ValueError("start is not for slices: all begin at the initial weights")
    if plane is not None and plane not in PLANES:
        raise ValueError(f"unknown plane {plane!r}: give {' or '.join(PLANES)}")
    optimizers = _optimizers(rules, newton=False)
    problem = _one_task(task or TASK) if isinstance(task, str | None) else task
    return draw_slice(problem, optimizers, rates, steps or 0, plane or PLANES[0], seed)


def _optimizers(rules: Rules, newton: bool) -> Optimizers:
    """Optimizers by the names that a legend shows."""
    classics = [*CLASSICS, *[NEWTON] * newton]
    return candidates_of(rules if rules else classics, {NEWTON: None})


def _one_task(name: str) -> Task:
    tasks = load_tasks(name)
    if len(tasks) > 1:
        names = ", ".join(task.name for task in tasks)
        raise ValueError(f"a slice needs one task: {name} is {names}, give one of them")
    return tasks[0]


def _check_starts(landscape: Landscape, starts: Sequence[Point]) -> None:
    for start in starts:
        if len(start) != landscape.dimensions or not all(map(math.isfinite, start)):
            raise ValueError(
                f"start {','.join(f'{each:g}' for each in start)} is not a point of "
                f"{landscape.name}: give {landscape.dimensions} finite "
                f"{'numbers' if landscape.dimensions > 1 else 'number'}"
            )
        point = torch.tensor(start, dtype=torch.float64)
        if max(map(abs, start)) > FAR or not landscape.loss(point).isfinite():
            raise ValueError(
                f"start {','.join(f'{each:g}' for each in start)} is too far away: "
                f"give numbers between {-FAR:g} and {FAR:g} where {landscape.name} is "
                "finite"
            )


def _numbers(option: str, text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in (text or "").split(",") if text)
    except ValueError:
        raise ValueError(f"{option} {text}: give numbers, joined by commas") from None
