"""Tasks on scikit-learn's 8 x 8 handwritten digits (Alpaydin and Kaynak 1998).

They share images and splits and differ in what makes training hard.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from neuralopt.counter_hash import counter_key, counter_order, counter_uniform
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

RANDOM_LABELS = 0.3
"""Share of the training labels of `digits_noisy` that are drawn anew."""

DECADES = 2.5
"""Of the input factors of `digits_scaled`."""


def digits() -> Classification:
    """Return an MLP 64-32-10 on the digits, in batches of 64."""
    return _task("digits", Mlp((64, 32, 10)))


def digits_conv() -> Classification:
    """Return a ConvNet 1-16-16, with a halving between, on the digits as images."""
    return _task("digits_conv", ConvNet((1, 8, 8), ((16, 2), (16, 1)), (10,)))


def digits_small_conv() -> Classification:
    """Return a ConvNet 1-4-8 with two halvings, a twelfth of the work of digits_conv.

    Batch normalisation makes its loss invariant to the scale of its filters.
    """
    return _task("digits_small_conv", ConvNet((1, 8, 8), ((4, 2), (8, 2)), (10,)))


def digits_noisy() -> Classification:
    """Return `digits` with random labels for three in ten training examples.

    The held-out labels are right: a rule that fits the noise loses.
    """
    return _task("digits_noisy", Mlp((64, 32, 10)), _with_random_labels)


def digits_scaled() -> Classification:
    """Return `digits` with input k times a fixed factor from 10**-1.25 to 10**1.25.

    The curvature then differs by up to five decades between the weights of a layer.
    """
    return _task("digits_scaled", Mlp((64, 32, 10)), _with_scaled_inputs)


def digits_deep() -> Classification:
    """Return an MLP of tanh with three hidden layers of 32 units on the digits."""
    return _task("digits_deep", Mlp((64, 32, 32, 32, 10), "tanh"))


def digits_sigmoid() -> Classification:
    """Return an MLP of sigmoids with two hidden layers of 32 units on the digits.

    Its gradients shrink by a factor of four or more with each layer.
    """
    return _task("digits_sigmoid", Mlp((64, 32, 32, 10), "sigmoid"))


def digits_small_batch() -> Classification:
    """Return `digits` in batches of 16: four times as many steps, noisier gradients."""
    return _task("digits_small_batch", Mlp((64, 32, 10)), batch=16)


Splits = dict[Split, Examples]


def _task(
    name: str,
    layers: Mlp | ConvNet,
    change: Callable[[Splits], Splits] = lambda splits: splits,
    batch: int = BATCH,
) -> Classification:
    shape = (64,) if isinstance(layers, Mlp) else layers.image
    splits = change(digit_splits(shape))
    hashed = fingerprint(f"{name} {layers} {batch}", splits)
    return Classification(name, layers, batch, splits, hashed)


def digit_splits(shape: tuple[int, ...]) -> Splits:
    """Return the images in [0, 1] and their classes, in four splits.

    Args:
        shape: of an image, which has 64 pixels.
    """
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    order = counter_order(counter_key(SPLIT_SEED), len(images))
    splits: Splits = {}
    start = 0
    for split, size in SIZES.items():
        chosen = order[start : start + size]
        inputs = (images[chosen] / 16.0).astype(np.float32).reshape(size, *shape)
        splits[split] = Examples(
            torch.from_numpy(inputs),
            torch.from_numpy(classes[chosen].astype(np.int64)),
        )
        start += size
    return splits


def _with_random_labels(splits: Splits) -> Splits:
    inputs, targets = splits["training"].inputs, splits["training"].targets.numpy()
    chance = counter_uniform(counter_key(SPLIT_SEED, 1), len(targets))
    random = (10 * counter_uniform(counter_key(SPLIT_SEED, 2), len(targets))).astype(
        np.int64
    )
    labels = torch.from_numpy(np.where(chance < RANDOM_LABELS, random, targets))
    return {**splits, "training": Examples(inputs, labels)}


def _with_scaled_inputs(splits: Splits) -> Splits:
    drawn = counter_uniform(counter_key(SPLIT_SEED, 3), 64)
    factors = torch.from_numpy((10.0 ** (DECADES * (drawn - 0.5))).astype(np.float32))
    return {
        split: Examples(examples.inputs * factors, examples.targets)
        for split, examples in splits.items()
    }
