"""The task `rare_features`: most inputs are seldom on, as words of a text are.

Data are generated: 64 binary features, of which feature k is on with probability
1 / (k + 2), and classes that a fixed random linear function gives. The gradient of a
rare feature's weights is exactly zero in most steps.
"""

import numpy as np
import torch

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.tasks.digits import SIZES
from neuralopt.tasks.network import Mlp
from neuralopt.tasks.task import Classification, Examples, Split, fingerprint

FEATURES, CLASSES, BATCH = 64, 10, 64

DATA_SEED = 1706_03762
"""Of features and of the function that labels them. It must not change."""

RARE_WEIGHT = 3.0
"""How much heavier than a common feature's the weights of the rarest are."""


def rare_features() -> Classification:
    """Return an MLP 64-32-10 on the generated data, in batches of 64."""
    layers = Mlp((FEATURES, 32, CLASSES))
    splits = _splits()
    hashed = fingerprint(f"rare_features {layers} {BATCH}", splits)
    return Classification("rare_features", layers, BATCH, splits, hashed)


def _splits() -> dict[Split, Examples]:
    count = sum(SIZES.values())
    drawn = counter_uniform(counter_key(DATA_SEED, 1), 2 * count * FEATURES)
    every = drawn.reshape(2 * count, FEATURES) < 1 / (2 + np.arange(FEATURES))
    _, first = np.unique(every, axis=0, return_index=True)
    on = every[np.sort(first)[:count]]  # no example is in two splits
    weights = 2 * counter_uniform(counter_key(DATA_SEED, 2), FEATURES * CLASSES) - 1
    rarity = np.linspace(1, RARE_WEIGHT, FEATURES)[:, None]
    logits = on @ (weights.reshape(FEATURES, CLASSES) * rarity)
    classes = logits.argmax(axis=1)
    splits: dict[Split, Examples] = {}
    start = 0
    for split, size in SIZES.items():
        stop = start + size
        splits[split] = Examples(
            torch.from_numpy(on[start:stop].astype(np.float32)),
            torch.from_numpy(classes[start:stop]),
        )
        start = stop
    return splits
