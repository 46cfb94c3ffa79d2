"""Search weights at random, and follow the gradient: what is a gradient worth?

    python experiments/from_scratch/random_search.py     # docs/images/random-search.svg

Left: three ways to train the network of `digits` on all training images, with as many
passes over them. Right: evaluations that a random local search needs on the function
|x|^2 / 2 of n variables.
"""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.page_pictures import finish_panels, read_options, write
from neuralopt.engines.engine import Child, initial_parameters
from neuralopt.engines.serial import SerialEngine
from neuralopt.landscapes.pictures.style import name_axes, two_panels
from neuralopt.landscapes.training import flat, loss_of, set_flat
from neuralopt.language import parse
from neuralopt.one_thread import one_thread
from neuralopt.palette import BLUE, GREEN, GREY, VERMILION
from neuralopt.report.counting import counting
from neuralopt.tasks import Task, load_task

EVALUATIONS = 3000
"""Forward passes over all training images; a backward pass counts as two."""

SCALE = 0.1
"""Standard deviation of weights that are drawn from nothing."""

MOVES = (0.003, 0.01, 0.03)
"""Standard deviations of a move of the local search; the best at the end is shown."""

RATES = (0.3, 1.0, 3.0)
DIMENSIONS = (1, 3, 10, 30, 100, 300, 1000)
SHRUNK = 0.1


def searched(task: Task, move: float | None, seed: int) -> list[float]:
    """Return the least loss after each evaluation of a random search.

    Args:
        task: gives network and loss.
        move: standard deviation of a move from the best weights so far; None to draw
            all weights anew each time.
        seed: of the random numbers.
    """
    network = initial_parameters(task, seed, 0).double().eval()
    random = torch.Generator().manual_seed(seed)
    best, losses = flat(network), list[float]()
    if move is not None:
        losses.append(loss_of(task, network))
    while len(losses) < EVALUATIONS:
        drawn = torch.randn(len(best), generator=random, dtype=torch.float64)
        tried = SCALE * drawn if move is None else best + move * drawn
        set_flat(network, tried)
        loss = loss_of(task, network)
        if not losses or loss < losses[-1]:
            best = tried
        losses.append(min([loss, *losses[-1:]]))
    return losses


def descended(task: Task, rate: float) -> tuple[list[int], list[float]]:
    """Return evaluations and losses of gradient descent with all images in a batch."""
    count = len(task.examples("training"))
    whole = replace(task, batch_size=count)  # type: ignore[type-var]  # dataclass
    steps = EVALUATIONS // 3
    along = sorted({round(each) for each in np.geomspace(1, steps, 60)})
    child = Child(parse("g"), rate, 0)
    engine = SerialEngine(whole, 0, torch.float64)
    (found,) = engine.train([child], steps, ("training",), along=[0, *along])
    return [1, *(3 * step for step in along)], list(found.along)


def evaluations_needed(dimensions: int, seed: int) -> int:
    """Return evaluations of a local search until the distance is SHRUNK of the first.

    A move is as long as is best on this function, 1.22 |x| / n in each variable
    (Rechenberg 1973).
    """
    random = np.random.default_rng(seed)
    point = np.ones(dimensions)
    first = distance = math.sqrt(dimensions)
    for number in range(1, 10**6):
        moved = point + 1.22 * distance / dimensions * random.normal(size=dimensions)
        found = float(np.linalg.norm(moved))
        if found < distance:
            point, distance = moved, found
        if distance <= SHRUNK * first:
            return number
    raise RuntimeError("the local search did not arrive")


@one_thread()
def main() -> None:
    options = read_options(__doc__)
    task = load_task("digits")
    figure, left, right = two_panels("Training without gradients", share=1.1)
    with counting("ways to train") as count:
        total = 1 + len(MOVES) + len(RATES)
        drawn = searched(task, None, 0)
        count(1, total)
        local: dict[float, list[float]] = {}
        for move in MOVES:
            local[move] = searched(task, move, 0)
            count(1 + len(local), total)
        descents = {rate: descended(task, rate) for rate in RATES}
    move = min(local, key=lambda each: local[each][-1])
    rate = min(descents, key=lambda each: descents[each][1][-1])
    numbers = np.arange(1, EVALUATIONS + 1)
    left.plot(numbers, drawn, color=GREY, lw=1.8, label="weights drawn anew")
    left.plot(numbers, local[move], color=VERMILION, lw=1.8, label="random moves")
    left.plot(*descents[rate], color=BLUE, lw=1.8, label="gradient descent")
    left.set(xscale="log", yscale="log")
    name_axes(left, "passes over the images (a gradient counts as 3)", "training loss")
    needed = {n: [evaluations_needed(n, seed) for seed in range(5)] for n in DIMENSIONS}
    middle = [float(np.median(each)) for each in needed.values()]
    right.plot(DIMENSIONS, middle, "o", color=VERMILION, label="median of 5 searches")
    expected = [math.log(1 / SHRUNK) / 0.202 * n for n in DIMENSIONS]
    right.plot(DIMENSIONS, expected, "--", color=GREEN, label="theory: 11.4 n")
    right.set(xscale="log", yscale="log")
    name_axes(right, "variables n", "evaluations until the distance is a tenth")
    finish_panels(left, right)
    loss, (_, losses) = local[move][-1], descents[rate]
    told = {
        "loss of a new network": local[move][0],
        f"least of {EVALUATIONS} drawn": drawn[-1],
        f"random moves of {move:g}": loss,
        f"gradient descent at {rate:g}": losses[-1],
        "evaluations in which gradient descent gets as far as the random moves": next(
            number for number, each in zip(*descents[rate], strict=True) if each <= loss
        ),
        "median evaluations by variables": dict(zip(DIMENSIONS, middle, strict=True)),
    }
    write(options, "random-search.svg", figure, told)


if __name__ == "__main__":
    main()
