"""The tasks `breast_cancer` and `diabetes`: measurements of patients.

The data are those of scikit-learn: Wolberg et al. 1995 and Efron et al. 2004.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.tasks.network import Mlp
from neuralopt.tasks.regression import GRID, variance_of
from neuralopt.tasks.task import (
    Classification,
    Examples,
    Regression,
    Split,
    fingerprint,
)

CANCER_SIZES: Mapping[Split, int] = {
    "training": 320,
    "validation": 83,
    "selection": 83,
    "test": 83,
}
"""Of the 569 tumours."""

DIABETES_SIZES: Mapping[Split, int] = {
    "training": 256,
    "validation": 62,
    "selection": 62,
    "test": 62,
}
"""Of the 442 patients."""

SPLIT_SEED, BATCH = 569_442, 16
"""Of the permutations that divide the examples, which must not change; examples of a
step."""

Numbers = npt.NDArray[np.float64]


def breast_cancer() -> Classification:
    """Return an MLP 30-16-2 that tells malignant tumours from benign ones.

    Inputs are divided by their largest values and not centred, so that they are
    strongly correlated and of unequal variance: plain gradient descent is slow.
    """
    from sklearn.datasets import load_breast_cancer

    inputs, classes = load_breast_cancer(return_X_y=True)
    layers = Mlp((30, 16, 2))
    scaled = _on_grid(inputs / inputs.max(axis=0))
    splits = _splits(scaled, classes.astype(np.int64), CANCER_SIZES, 0)
    hashed = fingerprint(f"breast_cancer {layers} {BATCH}", splits)
    return Classification("breast_cancer", layers, BATCH, splits, hashed)


def diabetes() -> Regression:
    """Return an MLP 10-32-32-1 of tanh that predicts the progress of diabetes.

    Targets are the disease's progress after a year, standardised over all patients; a
    linear function of the ten inputs explains about half of their variance. Inputs are
    divided by their largest values and not centred.
    """
    from sklearn.datasets import load_diabetes

    inputs, progress = load_diabetes(return_X_y=True, scaled=False)
    layers = Mlp((10, 32, 32, 1), "tanh", "regression")
    splits = _splits(
        _on_grid(inputs / inputs.max(axis=0)),
        _on_grid(_standardised(progress)),
        DIABETES_SIZES,
        1,
    )
    hashed = fingerprint(f"diabetes {layers} {BATCH}", splits)
    variance = variance_of(splits["training"].targets.tolist())
    return Regression("diabetes", layers, BATCH, splits, hashed, variance=variance)


def _splits(
    inputs: npt.NDArray[np.float32],
    targets: npt.NDArray[np.float32] | npt.NDArray[np.int64],
    sizes: Mapping[Split, int],
    stream: int,
) -> dict[Split, Examples]:
    order = counter_order(counter_key(SPLIT_SEED, stream), len(inputs))
    splits: dict[Split, Examples] = {}
    start = 0
    for split, size in sizes.items():
        chosen = order[start : start + size]
        splits[split] = Examples(
            torch.from_numpy(inputs[chosen]), torch.from_numpy(targets[chosen])
        )
        start += size
    return splits


def _standardised(values: Numbers) -> Numbers:
    """Return values less their mean, by their standard deviation."""
    mean = math.fsum(values) / len(values)
    return (values - mean) / math.sqrt(variance_of(values.tolist()))


def _on_grid(values: Numbers) -> npt.NDArray[np.float32]:
    """Return values rounded to multiples of GRID, the same on every processor."""
    return (np.round(values / GRID) * GRID).astype(np.float32)
