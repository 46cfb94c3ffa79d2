"""The task `digits`: scikit-learn's 8 x 8 handwritten digits, embedded real data.

Knows how the 1,797 images are divided; refuses to know how they are used.
"""

from collections.abc import Mapping

import numpy as np
import torch

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.tasks.task import Classification, Examples, Mlp, Part, fingerprint

SIZES: Mapping[Part, int] = {
    "training": 1024,
    "validation": 256,
    "selection": 256,
    "test": 261,
}
"""Sixteen batches of 64, three held-out parts; together all 1,797 images."""

SPLIT_SEED = 1709_07417
"""Of the one permutation that divides the images: fixed for good."""


def digits() -> Classification:
    """An MLP 64-32-10 on the digits (Alpaydin and Kaynak 1998), batches of 64."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    order = counter_order(counter_key(SPLIT_SEED), len(images))
    parts: dict[Part, Examples] = {}
    start = 0
    for part, size in SIZES.items():
        chosen = order[start : start + size]
        parts[part] = Examples(
            torch.from_numpy((images[chosen] / 16.0).astype(np.float32)),
            torch.from_numpy(classes[chosen].astype(np.int64)),
        )
        start += size
    layers = Mlp((64, 32, 10))
    batch_size = 64
    hashed = fingerprint(f"digits {layers} {batch_size}", parts)
    return Classification("digits", layers, batch_size, parts, hashed)
