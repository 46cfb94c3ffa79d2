"""Full-batch against mini-batch gradient descent on `digits`.

    python experiments/from_scratch/batches.py              # docs/images/batches.svg

Each batch size trains with the best of several learning rates; the loss is that of all
training images. The noise of a gradient is measured at the initial weights.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.page_pictures import finish_panels, read_options, write
from neuralopt.engines.engine import (
    Child,
    batch_order,
    initial_parameters,
    steps_per_epoch,
)
from neuralopt.engines.serial import SerialEngine
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.language import parse
from neuralopt.one_thread import one_thread
from neuralopt.palette import CYCLE
from neuralopt.report.counting import counting
from neuralopt.tasks import Task, load_task

SIZES = (1024, 256, 64, 16)
"""Examples of a batch; the first is all of them."""

RATES = (0.1, 0.3, 1.0, 3.0)
EPOCHS = 20


def sized(task: Task, size: int) -> Task:
    """Return the task with another batch size."""
    found: Task = replace(task, batch_size=size)  # type: ignore[type-var]  # dataclass
    return found


def trained(task: Task, rate: float) -> tuple[list[int], tuple[float, ...]]:
    """Return steps of gradient descent, and the loss of all training images there."""
    steps = EPOCHS * steps_per_epoch(task)
    along = sorted({0, *(round(each) for each in np.geomspace(1, steps, 40))})
    (found,) = SerialEngine(task, 0).train(
        [Child(parse("g"), rate, 0)], EPOCHS, ("training",), along=along
    )
    return along, found.along


def relative_noise(task: Task) -> float:
    """Return the rms distance of batch gradients from the whole one, over its norm."""
    network = initial_parameters(task, 0, 0).double()
    examples = task.examples("training")

    def gradient(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = task.loss(network(inputs.double()), targets)
        parts = torch.autograd.grad(loss, list(network.parameters()))
        return torch.cat([each.reshape(-1) for each in parts])

    whole = gradient(examples.inputs, examples.targets)
    squares = [
        float(
            (gradient(examples.inputs[some], examples.targets[some]) - whole)
            .square()
            .sum()
        )
        for some in batch_order(task, 0, 0, 0)[:32]
    ]
    return float(np.sqrt(np.mean(squares)) / whole.norm())


@one_thread()
def main() -> None:
    options = read_options(__doc__)
    task = load_task("digits")
    figure, left, right = two_panels("Gradient descent by batch size", share=1.0)
    told: dict[str, object] = {}
    with counting("batch sizes") as count:
        for number, (size, colour) in enumerate(zip(SIZES, CYCLE, strict=False)):
            some = sized(task, size)
            runs = {rate: trained(some, rate) for rate in RATES}
            rate = min(RATES, key=lambda each: runs[each][1][-1])
            steps, losses = runs[rate]
            each = steps_per_epoch(some)
            name = f"{size}, lr {rate:g}" if number else f"all {size}, lr {rate:g}"
            epochs = np.array(steps) / each
            left.plot(epochs, losses, color=colour, lw=1.8, label=name)
            right.plot(steps, losses, color=colour, lw=1.8, label=name)
            told[f"batches of {size}"] = {
                "learning rate": rate,
                "steps": steps[-1],
                "loss after 1 epoch": round(float(np.interp(1, epochs, losses)), 4),
                f"after {EPOCHS} epochs": round(losses[-1], 5),
                "after 20 steps": round(float(np.interp(20, steps, losses)), 4),
                "noise of a gradient": round(relative_noise(some), 3),
            }
            count(number + 1, len(SIZES))
    left.set(yscale="log", xlim=(0, EPOCHS))
    right.set(xscale="log", yscale="log", xlim=(1, None))
    name_axes(left, "epochs", "loss of all training images")
    name_axes(right, "steps", "loss of all training images")
    finish_panels(left, right)
    write(options, "batches.svg", figure, told)


if __name__ == "__main__":
    main()
