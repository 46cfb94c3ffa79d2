"""The task `friedman`: a regression with products, squares and useless inputs."""

import math

import numpy as np
import torch

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.tasks.network import Mlp
from neuralopt.tasks.regression import GRID, SIZES, variance_of
from neuralopt.tasks.task import Examples, Regression, Split, fingerprint

INPUTS, BATCH = 10, 64

SEED, POINTS, NOISES = 1991_01, 0, 1
"""Of the data, which must not change, and of its two streams."""

NOISE = 1.0
"""Standard deviation of the noise; that of the function's values is about 4.9."""


def friedman() -> Regression:
    """Return an MLP 10-32-32-1 of ReLUs on Friedman's first function (Friedman 1991).

    10 sin(pi a b) + 20 (c - 1/2)**2 + 10 d + 5 e of ten uniform inputs, the last five
    of which say nothing; noise is added. Targets are standardised.
    """
    count = sum(SIZES.values())
    points = counter_uniform(counter_key(SEED, POINTS), count * INPUTS)
    points = points.reshape(count, INPUTS)
    a, b, c, d, e = points.T[:5]
    noise = counter_uniform(counter_key(SEED, NOISES), count) - 0.5
    values = 10 * np.sin(math.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e
    values = values + math.sqrt(12) * NOISE * noise
    targets = (values - values.mean()) / values.std()
    layers = Mlp((INPUTS, 32, 32, 1), "relu", "regression")
    splits: dict[Split, Examples] = {}
    start = 0
    for split, size in SIZES.items():
        chosen = slice(start, start + size)
        splits[split] = Examples(
            *(
                torch.from_numpy((np.round(each / GRID) * GRID).astype(np.float32))
                for each in (points[chosen], targets[chosen])
            )
        )
        start += size
    hashed = fingerprint(f"friedman {layers} {BATCH}", splits)
    variance = variance_of(splits["training"].targets.tolist())
    return Regression("friedman", layers, BATCH, splits, hashed, variance=variance)
