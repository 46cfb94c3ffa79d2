"""The task `regression`: real targets from a fixed random network of tanh units.

Inputs are correlated and their directions of unequal size, so that plain gradient
descent is slow in some of them.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.tasks.network import Mlp
from neuralopt.tasks.task import SPLITS, Examples, Regression, Split, fingerprint

SIZES: Mapping[Split, int] = dict(zip(SPLITS, (1024, 256, 256, 256), strict=True))

INPUTS, HIDDEN, UNITS, BATCH = 16, 32, 16, 64
"""Numbers of an example; tanh units of the network that is trained, and of the one that
made the targets; examples of a step."""

LARGEST, SMALLEST, GAIN = 2.0, 1 / 8, 0.5
"""Standard deviation of the inputs' largest and smallest direction; and of what a unit
of the teacher sums up, its shift excluded."""

NOISE = 0.1
"""Standard deviation of the noise; that of the targets is 1."""

GRID = 2.0**-12
"""Inputs and targets are multiples of it: the last digits of tanh and of sums differ
from processor to processor, and the task's fingerprint would with them."""

SEED, POINTS, INNER, SHIFTS, OUTER, NOISES = 16_32_1, 0, 1, 2, 3, 4


def regression() -> Regression:
    """An MLP 16-32-1 of tanh units, its loss the squared error, batches of 64."""
    layers = Mlp((INPUTS, HIDDEN, 1), "tanh", "regression")
    inputs, targets = _examples(sum(SIZES.values()))
    splits: dict[Split, Examples] = {}
    start = 0
    for split, size in SIZES.items():
        chosen = slice(start, start + size)
        splits[split] = Examples(
            torch.from_numpy(inputs[chosen]), torch.from_numpy(targets[chosen])
        )
        start += size
    hashed = fingerprint(f"regression {layers} {BATCH}", splits)
    variance = variance_of(targets[: SIZES["training"]].tolist())
    return Regression("regression", layers, BATCH, splits, hashed, variance=variance)


def _examples(
    count: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return inputs (count, 16) and targets (count,).

    An example is a point of 16 independent numbers. The inputs are these, scaled to
    sizes that fall from LARGEST to SMALLEST and mixed by an orthogonal matrix. The
    targets depend on all of them alike, by units of tanh.
    """
    points = _uniform(POINTS, count, INPUTS)
    shares = np.arange(INPUTS) / (INPUTS - 1)
    sizes = LARGEST * (SMALLEST / LARGEST) ** shares
    inputs = (points * sizes) @ _mixing()
    inner = _uniform(INNER, INPUTS, UNITS) * (GAIN / math.sqrt(INPUTS))
    units = np.tanh(points @ inner + _uniform(SHIFTS, UNITS))
    answers = units @ _uniform(OUTER, UNITS)
    answers = (answers - answers.mean()) / answers.std()
    targets = answers + NOISE * _uniform(NOISES, count)
    return _on_grid(inputs), _on_grid(targets)


def _uniform(stream: int, *shape: int) -> npt.NDArray[np.float64]:
    """Return uniform random numbers of mean 0 and variance 1."""
    drawn = counter_uniform(counter_key(SEED, stream), math.prod(shape))
    return (math.sqrt(12) * (drawn - 0.5)).reshape(shape)


def _mixing() -> npt.NDArray[np.float64]:
    """Return Hadamard's matrix of 16 rows as an orthogonal one: all entries +-1/4."""
    matrix = np.ones((1, 1))
    while len(matrix) < INPUTS:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / math.sqrt(INPUTS)


def _on_grid(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return (np.round(values / GRID) * GRID).astype(np.float32)


def variance_of(values: Sequence[float]) -> float:
    """Return the variance of some numbers, the same on every processor.

    Args:
        values: at least one.
    """
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / len(values)
