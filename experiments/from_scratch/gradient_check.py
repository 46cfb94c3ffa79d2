"""Check gradients by finite differences: how exact they are, and what they cost.

    python experiments/from_scratch/gradient_check.py   # docs/images/gradient-check.svg

On `digits`. `neuralopt.check_gradients` checks a task; here differences are taken
with many step lengths and in both precisions.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.page_pictures import finish_panels, read_options, write
from neuralopt.engines.engine import initial_parameters
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.landscapes.training import flat, set_flat
from neuralopt.one_thread import one_thread
from neuralopt.palette import BLUE, CYCLE, GREY, VERMILION
from neuralopt.tasks import Mlp, Task, load_task
from neuralopt.tasks.gradient_check import check_gradients

STEPS = np.logspace(-12, 0, 25)
"""Lengths of a difference."""

ENTRIES = 12
HIDDEN = (2, 8, 32, 128)
"""Widths of the hidden layer that costs are measured with."""


def loss_and_gradient(
    task: Task, dtype: torch.dtype
) -> tuple[Callable[[torch.Tensor], float], torch.Tensor, torch.Tensor]:
    """Return the loss of a batch as a function of weights, a point and its gradient."""
    network = initial_parameters(task, 0, 0).to(dtype)
    examples = task.examples("training")
    inputs = examples.inputs[: task.batch_size].to(dtype)
    targets = examples.targets[: task.batch_size]

    def loss(weights: torch.Tensor) -> float:
        set_flat(network, weights)
        with torch.no_grad():
            return task.loss(network(inputs), targets).item()

    value = task.loss(network(inputs), targets)
    parts = torch.autograd.grad(value, list(network.parameters()))
    return loss, flat(network), torch.cat([each.view(-1) for each in parts])


def errors(task: Task, dtype: torch.dtype, central: bool) -> list[float]:
    """Return the median relative error of differences, by their length."""
    loss, point, _ = loss_and_gradient(task, dtype)
    _, _, exact = loss_and_gradient(task, torch.float64)
    # Of the second layer: on the first one a step may cross the kink of a ReLU.
    places = range(len(point) - ENTRIES, len(point))
    found = []
    for step in STEPS:
        relative = []
        for place in places:
            ahead, behind = point.clone(), point.clone()
            ahead[place] += step
            behind[place] -= step if central else 0.0
            distance = (ahead[place].double() - behind[place].double()).item()
            difference = (loss(ahead) - loss(behind)) / distance if distance else 0.0
            known = exact[place].item()
            relative.append(abs(difference - known) / abs(known))
        found.append(float(np.median(relative)))
    return found


def costs(hidden: int) -> tuple[int, float, float]:
    """Return weights, and seconds of a backward pass and of all central differences."""
    task = load_task("digits")
    wide = _widened(task, hidden)
    loss, point, _ = loss_and_gradient(wide, torch.float64)
    network = initial_parameters(wide, 0, 0).double()
    examples = wide.examples("training")
    inputs = examples.inputs[: wide.batch_size].double()
    targets = examples.targets[: wide.batch_size]

    def backward() -> None:
        wide.loss(network(inputs), targets).backward()

    evaluation = _seconds(lambda: loss(point))
    return len(point), _seconds(backward), 2 * len(point) * evaluation


def _widened(task: Task, hidden: int) -> Task:
    wide: Task = replace(task, layers=Mlp((64, hidden, 10)))  # type: ignore[type-var]  # dataclass
    return wide


def _seconds(run: Callable[[], object], times: int = 40) -> float:
    """Median seconds of a call."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return float(np.median(found))


@one_thread()
def main() -> None:
    options = read_options(__doc__)
    task = load_task("digits")
    figure, left, right = two_panels("Checking gradients", share=1.0)
    told: dict[str, object] = {"check_gradients": str(check_gradients(task))}
    curves = [
        ("central, float64", torch.float64, True, BLUE, "-"),
        ("forward, float64", torch.float64, False, BLUE, "--"),
        ("central, float32", torch.float32, True, VERMILION, "-"),
        ("forward, float32", torch.float32, False, VERMILION, "--"),
    ]
    for name, dtype, central, colour, style in curves:
        found = errors(task, dtype, central)
        left.plot(STEPS, found, style, color=colour, lw=1.8, label=name)
        best = int(np.argmin(found))
        told[name] = f"least error {found[best]:.1e} at a step of {STEPS[best]:.1e}"
    left.set(xscale="log", yscale="log", ylim=(1e-12, 10))
    name_axes(left, "step of the difference", "relative error, median of 12 weights")
    sizes, backward, numerical = zip(*map(costs, HIDDEN), strict=True)
    right.plot(sizes, numerical, "o-", color=CYCLE[1], label="central differences")
    right.plot(sizes, backward, "o-", color=CYCLE[0], label="backward pass")
    right.set(xscale="log", yscale="log", ylim=(1e-5, 20))
    name_axes(right, "weights", "seconds of one gradient")
    right.plot(sizes, np.array(sizes) * 1e-4, ":", color=GREY, label="slope 1")
    told["seconds by weights: backward pass, central differences"] = {
        size: [round(one, 6), round(other, 4)]
        for size, one, other in zip(sizes, backward, numerical, strict=True)
    }
    finish_panels(left, right)
    write(options, "gradient-check.svg", figure, told)


if __name__ == "__main__":
    main()
