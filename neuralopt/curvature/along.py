"""The curvature at a child's weights along its training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neuralopt.curvature.child_loss import ChildLoss
from neuralopt.curvature.spectrum import PROBES, STEPS, Spectrum, estimated_spectrum
from neuralopt.engines.engine import OptimizerSpec
from neuralopt.landscapes.training import train
from neuralopt.one_thread import one_thread
from neuralopt.tasks import Task


@dataclass(frozen=True, slots=True)
class CurvaturePoint:
    """The loss around the weights that a child has after some steps.

    Attributes:
        step: steps taken.
        loss: mean training loss on the first 1,000 examples at most.
        gradient: Euclidean norm of its gradient.
        spectrum: of its Hessian, estimated.
    """

    step: int
    loss: float
    gradient: float
    spectrum: Spectrum


@one_thread()
def curvature_along(
    task: Task,
    rule: OptimizerSpec,
    lr: float,
    *,
    steps: int = 100,
    points: int = 10,
    seed: int = 0,
    lanczos_steps: int = STEPS,
    probes: int = PROBES,
    count: Callable[[int, int], None] = lambda done, total: None,
) -> list[CurvaturePoint]:
    """Train a child and measure the curvature at its weights on the way.

    Args:
        task: the training problem; the network must have second derivatives.
        rule: the rule, or an optimizer of torch.
        lr: learning rate.
        steps: about how many to take: a part of an epoch, or else whole epochs.
        points: at which the curvature is measured, evenly spaced from the initial
            weights to the last ones.
        seed: of initial weights, the order of examples and the Lanczos iteration.
        lanczos_steps: Hessian-vector products of each probe.
        probes: random starts of the Lanczos iteration.
        count: called with (done, total) points.

    Returns:
        The points, up to the last one with a finite loss.

    Raises:
        ValueError: `points` is less than 2.
    """
    if points < 2:
        raise ValueError(f"points is {points}: give 2 or more, the first and the last")
    training = train(task, rule, lr, steps, seed)
    finite = training.weights.isfinite().all(1).numpy()
    kept = np.flatnonzero(finite)
    chosen = sorted({round(each) for each in np.linspace(0, len(kept) - 1, points)})
    surface, found = ChildLoss(task, training.network), list[CurvaturePoint]()
    for done, place in enumerate(kept[chosen].tolist(), 1):
        weights = training.weights[place]
        loss, gradient = surface.loss(weights).item(), surface.gradient(weights)
        if not (np.isfinite(loss) and bool(gradient.isfinite().all())):
            break
        spectrum = estimated_spectrum(
            surface.product(weights),
            surface.dimensions,
            steps=lanczos_steps,
            probes=probes,
            seed=seed,
        )
        step = training.steps[place]
        norm = float(gradient.norm())
        found.append(CurvaturePoint(step, loss, norm, spectrum))
        count(done, len(chosen))
    return found
