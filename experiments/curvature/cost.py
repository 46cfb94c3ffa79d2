"""What Newton's method costs: gradient, Hessian and linear system by size, measured.

    python experiments/curvature/cost.py                 # docs/images/newton-cost.svg

Networks 64-h-10 on a batch of `digits`, in float64, on one thread.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.page_pictures import finish_panels, read_options, write
from neuralopt.curvature import ChildLoss
from neuralopt.curvature.lanczos import random_start
from neuralopt.engines.engine import initial_parameters
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.language import RULES
from neuralopt.one_thread import one_thread
from neuralopt.optimizer import RuleOptimizer
from neuralopt.palette import CYCLE, GREY
from neuralopt.report.counting import counting
from neuralopt.tasks import Examples, Mlp, Task, load_task

HIDDEN = (2, 4, 8, 16, 32)
ROUNDS = 20

NETWORKS: Mapping[str, float] = {
    "`digits`": 2_410,
    "`tiny_gpt`": 80_859,
    "ResNet-50": 25.6e6,
    "GPT-2 small": 124e6,
}
"""Weights of networks whose Newton step is extrapolated."""


def seconds(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the least processor seconds of a call in some rounds."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return min(found)


def costs(task: Task, hidden: int) -> tuple[int, dict[str, float]]:
    """Return the weights of a network, and seconds of the parts of a Newton step."""
    wide: Task = replace(task, layers=Mlp((64, hidden, 10)))  # type: ignore[type-var]  # dataclass
    whole = task.examples("training")
    batch = Examples(
        whole.inputs[: task.batch_size].double(), whole.targets[: task.batch_size]
    )
    surface = ChildLoss(wide, initial_parameters(wide, 0, 0), batch)
    point, vector = surface.start, random_start(surface.dimensions, 0)
    times = surface.product(point)
    gradient, hessian = surface.gradient(point), surface.hessian(point)
    # Shifted, so that it is positive definite, as Newton's method needs it.
    shifted = hessian + torch.eye(len(point), dtype=torch.float64)

    def solve() -> torch.Tensor:
        return torch.cholesky_solve(gradient[:, None], torch.linalg.cholesky(shifted))

    return len(point), {
        "gradient": seconds(lambda: surface.gradient(point)),
        "Hessian-vector product": seconds(lambda: times(vector)),
        "Hessian": seconds(lambda: surface.hessian(point), 1),
        "solving with it": seconds(solve, 3),
        "Adam's step": seconds(_adam(point, gradient).step),
    }


def _adam(point: torch.Tensor, gradient: torch.Tensor) -> RuleOptimizer:
    """Adam on a parameter that has its gradient."""
    parameter = torch.nn.Parameter(point.clone())
    parameter.grad = gradient
    return RuleOptimizer([parameter], RULES["adam"].expression, lr=1e-3)


@one_thread()
def main() -> None:
    options = read_options(__doc__)
    task, sizes = load_task("digits"), list[int]()
    measured: dict[str, list[float]] = {}
    with counting("networks") as count:
        for number, hidden in enumerate(HIDDEN, 1):
            size, found = costs(task, hidden)
            sizes.append(size)
            for name, each in found.items():
                measured.setdefault(name, []).append(each)
            count(number, len(HIDDEN))
    figure, left, right = two_panels("The cost of a Newton step", share=1.2)
    for (name, times), colour in zip(measured.items(), CYCLE, strict=False):
        left.plot(sizes, times, "o-", color=colour, lw=1.8, ms=5, label=name)
    left.set(xscale="log", yscale="log", ylim=(1e-7, 20))
    name_axes(left, "weights n of the network", "seconds")
    weights = np.geomspace(1e2, 1e9, 50)
    right.plot(weights, 8 * weights**2, color=CYCLE[2], lw=1.8, label="Hessian, 8 n²")
    right.plot(
        weights, 16 * weights, color=CYCLE[4], lw=1.8, label="Adam's state, 16 n"
    )
    for name, large in NETWORKS.items():
        right.plot(large, 8 * large**2, "o", color=CYCLE[2])
        right.annotate(
            name.strip("`"),
            (large, 8 * large**2),
            (-7, 5),
            textcoords="offset points",
            ha="right",
        )
    right.axhline(80e9, color=GREY, ls=":", label="80 GB, one accelerator")
    right.set(xscale="log", yscale="log", ylim=(1e3, 1e25))
    name_axes(right, "weights n of the network", "bytes in float64")
    finish_panels(left, right, legends=("lower right", "upper left"))
    left.set_xticks(sizes, [f"{each:,}" for each in sizes])
    at = len(sizes) - 1
    told = {
        f"seconds at {sizes[at]} weights": {
            name: float(f"{times[at]:.3g}") for name, times in measured.items()
        },
        "bytes of the Hessian": {
            name: f"{8 * weights**2:.3g}" for name, weights in NETWORKS.items()
        },
        "operations of a factorization, n^3 / 3": {
            name: f"{weights**3 / 3:.3g}" for name, weights in NETWORKS.items()
        },
    }
    write(options, "newton-cost.svg", figure, told)


if __name__ == "__main__":
    main()
