"""The tasks `digits` and `digits_conv`: scikit-learn's 8 x 8 handwritten digits."""

from collections.abc import Mapping

import numpy as np
import torch

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.tasks.network import ConvNet, Mlp
from neuralopt.tasks.task import Classification, Examples, Split, fingerprint

SIZES: Mapping[Split, int] = {
    "training": 1024,
    "validation": 256,
    "selection": 256,
    "test": 261,
}
"""Sixteen batches of 64, three held-out splits; together all 1,797 images."""

SPLIT_SEED = 1709_07417
"""Of the permutation that divides the images. It must not change."""

BATCH = 64


def digits() -> Classification:
    """An MLP 64-32-10 on the digits (Alpaydin and Kaynak 1998), batches of 64."""
    return _task("digits", Mlp((64, 32, 10)), (64,))


def digits_conv() -> Classification:
    """A ConvNet 1-16-16, with a halving between, on the same images and batches."""
    layers = ConvNet((1, 8, 8), ((16, 2), (16, 1)), (10,))
    return _task("digits_conv", layers, layers.image)


def _task(name: str, layers: Mlp | ConvNet, shape: tuple[int, ...]) -> Classification:
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    order = counter_order(counter_key(SPLIT_SEED), len(images))
    splits: dict[Split, Examples] = {}
    start = 0
    for split, size in SIZES.items():
        chosen = order[start : start + size]
        inputs = (images[chosen] / 16.0).astype(np.float32).reshape(size, *shape)
        splits[split] = Examples(
            torch.from_numpy(inputs),
            torch.from_numpy(classes[chosen].astype(np.int64)),
        )
        start += size
    hashed = fingerprint(f"{name} {layers} {BATCH}", splits)
    return Classification(name, layers, BATCH, splits, hashed)
