"""The task `enos_mnistnet`: the MNIST network of ENOS on generated data of that shape.

MNIST itself can't be shipped: classes here are patterns with noise, and results are not
comparable with those on MNIST. The network and its cost are the original ones.
"""

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import counter_key, counter_order, counter_uniform
from neuralopt.tasks.network import Mlp
from neuralopt.tasks.task import SPLITS, Classification, Examples, Split, fingerprint

SIDE, CLASSES, PATTERNS, BATCH = 28, 10, 3, 128
SIZES = dict(zip(SPLITS, (2048, 512, 512, 512), strict=True))
STRENGTH = 0.2
"""Of a pattern; the noise added to it is uniform in [0, 1)."""

IMAGE_SEED, PATTERN, CHOICE, NOISE, ORDER = 784_20_10, 0, 1, 2, 3


def enos_mnistnet() -> Classification:
    """An MLP 784-20-10 of sigmoids, batches of 128 (Wang et al. 2022, ENOS)."""
    layers = Mlp((SIDE * SIDE, 20, CLASSES), "sigmoid")
    images, classes = _images(sum(SIZES.values()))
    splits: dict[Split, Examples] = {}
    start = 0
    for split, size in SIZES.items():
        chosen = slice(start, start + size)
        splits[split] = Examples(
            torch.from_numpy(images[chosen]), torch.from_numpy(classes[chosen])
        )
        start += size
    hashed = fingerprint(f"enos_mnistnet {layers} {BATCH}", splits)
    return Classification("enos_mnistnet", layers, BATCH, splits, hashed)


def _images(count: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Images (count, 784) in [0, 1] and classes (count,): one of its class's three
    patterns in noise. Sums and products of short fractions: the same everywhere.
    """
    key = counter_key(IMAGE_SEED, PATTERN)
    rough = counter_uniform(key, CLASSES * PATTERNS * SIDE * SIDE) < 0.5
    patterns = np.where(rough, -STRENGTH, STRENGTH).reshape(-1, SIDE * SIDE)
    order = counter_order(counter_key(IMAGE_SEED, ORDER), count)
    classes = order % CLASSES
    which = counter_uniform(counter_key(IMAGE_SEED, CHOICE), count) * PATTERNS
    noise = counter_uniform(counter_key(IMAGE_SEED, NOISE), count * SIDE * SIDE)
    images = noise.reshape(count, -1) + patterns[classes * PATTERNS + which.astype(int)]
    return np.clip(images, 0.0, 1.0).astype(np.float32), classes.astype(np.int64)
