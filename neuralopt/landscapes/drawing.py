"""From optimizers to a picture: on a landscape, or on a slice of a task's loss."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neuralopt.engines.engine import OptimizerSpec
from neuralopt.landscapes.landscape import Landscape, Point
from neuralopt.landscapes.newton import Cost, newton_path
from neuralopt.landscapes.paths import RATES, Trajectory, best_path, follow
from neuralopt.landscapes.pictures.line import draw_on_line
from neuralopt.landscapes.pictures.plane import Surface, draw_on_plane, surface_of
from neuralopt.landscapes.pictures.style import Drawing
from neuralopt.landscapes.slices import (
    extent,
    plane_of_paths,
    random_plane,
    slice_losses,
)
from neuralopt.landscapes.training import Training, losses_at, train
from neuralopt.one_thread import one_thread
from neuralopt.tasks import Task

NEWTON = "newton"
"""The name of Newton's method among optimizers to draw."""

Optimizers = Mapping[str, OptimizerSpec | None]
"""By name; None is Newton's method."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing, and a sentence on each of its paths.

    Attributes:
        drawing: the drawing.
        told: what came of each path.
    """

    drawing: Drawing
    told: tuple[str, ...]


@one_thread()
def draw_landscape(
    landscape: Landscape,
    optimizers: Optimizers,
    rates: Sequence[float] = (),
    steps: int = 0,
    starts: Sequence[Point] = (),
) -> Picture:
    """Draw the paths of optimizers on a landscape.

    Args:
        landscape: the landscape.
        optimizers: what to draw.
        rates: a path at each of these learning rates; if empty, one path at that of
            RATES with the least final loss.
        steps: of each path; those of the landscape if 0.
        starts: a path from each of these; the landscape's start if empty.

    Returns:
        The picture.
    """
    steps = steps or landscape.steps
    paths, told = [], []
    for name, rule in optimizers.items():
        for start in starts or [landscape.start]:
            if rule is None:
                path, cost = newton_path(landscape, steps, start)
                paths.append(path)
                told.append(f"{_told(path, landscape)}; {_cost(cost)}")
                continue

            def run(
                lr: float,
                rule: OptimizerSpec = rule,
                start: Point = start,
                name: str = name,
            ) -> Trajectory:
                return follow(landscape, rule, lr, steps, start, name)

            found = map(run, rates) if rates else [best_path(run)]
            for path in found:
                paths.append(path)
                told.append(_told(path, landscape))
    if landscape.dimensions == 1:
        drawing = draw_on_line(landscape, paths)
    else:
        points = [tuple(path.points[0].tolist()) for path in paths]
        drawing = draw_on_plane(surface_of(landscape, points), paths)
    return Picture(drawing, tuple(told))


@one_thread()
def draw_slice(
    task: Task,
    optimizers: Optimizers,
    rates: Sequence[float] = (),
    steps: int = 0,
    plane: str = "random",
    seed: int = 0,
) -> Picture:
    """Draw a slice through the loss around a trained child, and paths projected on it.

    The first optimizer trains the child in the middle. All begin at the same weights
    and see the same batches.

    Args:
        task: the training problem.
        optimizers: what trains.
        rates: as for `draw_landscape`.
        steps: about how many each takes; 100 if 0.
        plane: one of PLANES.
        seed: of initial weights, batches and directions.

    Returns:
        The picture.

    Raises:
        ValueError: Newton's method is among the optimizers, or the first one diverges.
    """
    if None in optimizers.values():
        raise ValueError(
            "newton has no path on a slice: the Hessian of a network is too large; "
            "leave it out"
        )
    ways: list[tuple[Training, Trajectory]] = []
    for name, rule in optimizers.items():
        assert rule is not None

        def run(
            lr: float, rule: OptimizerSpec = rule, name: str = name
        ) -> tuple[Training, Trajectory]:
            found = train(task, rule, lr, steps or 100, seed)
            nowhere = np.zeros((len(found.steps), 2))
            losses = np.full(len(found.steps), found.loss)
            label, ended = f"{name}, lr {lr:.3g}", found.diverged
            return found, Trajectory(label, nowhere, losses, lr, ended, found.steps)

        trained = map(run, rates or RATES)
        # One at a time, so that only the best one's network and weights are kept.
        ways += trained if rates else [min(trained, key=lambda way: way[1].final)]
    child = ways[0][0]
    if child.diverged:
        raise ValueError(
            f"{ways[0][1].label} diverges on {task.name}: give a smaller --lr, or name "
            "another rule first"
        )
    if plane == "paths":  # diverged ones would spread most
        weights = [way.weights for way, _ in ways if not way.diverged]
        found = plane_of_paths(child.network, weights)
    else:
        found = random_plane(child.network, seed)
    paths = [
        replace(
            path,
            points=found.project(way.weights),
            losses=np.array(losses_at(task, child.network, way.weights)),
        )
        for way, path in ways
    ]
    x, y = extent(found, [path.points for path in paths if not path.diverged])
    if found.shares:
        axes = [
            f"principal direction {number} ({share:.0%})"
            for number, share in enumerate(found.shares, 1)
        ]
    else:
        axes = [f"random direction {number}, filter-normalised" for number in (1, 2)]
    surface = Surface(
        f"Loss of {task.name} around a child trained by {paths[0].label}",
        x,
        y,
        slice_losses(task, child.network, found, x, y),
        (axes[0], axes[1]),
        "training loss",
        labelled=True,
    )
    ends = [found.at(*path.points[-1].tolist()) for path in paths]
    projected = losses_at(task, child.network, ends)
    told = [
        _told_of_training(path, loss, found.share(way.weights[-1] - way.weights[0]))
        for (way, _), path, loss in zip(ways, paths, projected, strict=True)
    ]
    return Picture(draw_on_plane(surface, paths), tuple(told))


def _told(path: Trajectory, landscape: Landscape) -> str:
    if path.diverged:
        return f"{path.label}: diverges after {_count(path.steps, 'step')}"
    sign = -1.0 if landscape.uphill else 1.0
    start, place = (
        ", ".join(f"{each:.4g}" for each in path.points[end]) for end in (0, -1)
    )
    steps = _count(path.steps, "step")
    value = sign * path.losses[-1]
    gap = ""
    if landscape.best is not None and not math.isclose(landscape.best, 0.0):
        gap = f", {path.losses[-1] - landscape.best:.3g} from the best"
    return f"{path.label}: {value:.4g}{gap} at ({place}), {steps} from ({start})"


def _told_of_training(path: Trajectory, projected: float, share: float) -> str:
    """What came of a training, and how much of it a plane shows."""
    if path.diverged:
        return f"{path.label}: diverges after {_count(path.steps, 'step')}"
    return (
        f"{path.label}: loss {path.losses[-1]:.4g} after {_count(path.steps, 'step')}, "
        f"{projected:.4g} where it is projected on the plane, in which {share:.1%} of "
        "the way from start to end lies"
    )


def _cost(cost: Cost) -> str:
    return (
        f"{_count(cost.values, 'value')}, {_count(cost.gradients, 'gradient')} and "
        f"{_count(cost.hessians, 'Hessian')}, as costly as {cost.in_gradients} "
        f"gradients, and {cost.solve_flops} flops of linear algebra"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
