"""The tasks `cifar10_conv` and `cifar10_resnet`, on CIFAR-10 (Krizhevsky 2009)."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.counter_hash import counter_key, counter_order
from neuralopt.tasks.cifar10.download import copy_of_cifar10
from neuralopt.tasks.cifar10.files import Images, read_cifar10
from neuralopt.tasks.cifar10.wide_resnet import WideResNet, check_size
from neuralopt.tasks.custom import CustomTask, make_task
from neuralopt.tasks.network import ConvNet
from neuralopt.tasks.task import Classification, Examples, Split, fingerprint

SPLIT_SEED = 1709_07417
"""Of the two permutations that divide the images: fixed for good."""
TRAINING_FILES, TEST_FILE = 0, 1

CONV_BATCH, RESNET_BATCH = 100, 128


def cifar10_conv(*, path: str = "", download: bool = False) -> Classification:
    """Two convolutions of 32 filters on CIFAR-10, batches of 100.

    The child of Bello et al. 2017 as others describe it: two 3 x 3 convolutions with
    batch normalisation and ReLU. What stands between them and the classes is our
    choice, no pooling and one fully connected layer of 32,768 inputs, which makes
    337,898 parameters; so are the scaling of the images, the splits, and that no image
    is shifted or mirrored.

    Args:
        path: a copy of CIFAR-10, as in `read_cifar10`; empty for the copy in the cache
            folder.
        download: whether it may be downloaded. Splits are as in `divided`.

    Raises:
        ValueError: there is no valid copy, or it holds less than a batch.
    """
    layers = ConvNet((3, 32, 32), ((32, 1), (32, 1)), (10,))
    splits = _splits_of("cifar10_conv", path, download, CONV_BATCH)
    hashed = fingerprint(f"cifar10_conv {layers} {CONV_BATCH}", splits)
    return Classification("cifar10_conv", layers, CONV_BATCH, splits, hashed)


def cifar10_resnet(
    *, path: str = "", download: bool = False, depth: int = 16, width: int = 4
) -> CustomTask:
    """A Wide ResNet (Zagoruyko and Komodakis 2016) on CIFAR-10, batches of 128.

    depth, width: of the network, 6 k + 4 layers and a multiple of 16 channels; 16 and
    4 make 2.7 million parameters. No dropout, no weight decay, and no images shifted
    or mirrored. path, download, splits and errors: as for `cifar10_conv`.
    """
    check_size(depth, width)
    splits = _splits_of("cifar10_resnet", path, download, RESNET_BATCH)
    return make_task(
        "cifar10_resnet",
        partial(WideResNet, depth, width),
        {split: (each.inputs, each.targets) for split, each in splits.items()},
        batch_size=RESNET_BATCH,
    )


def divided(training: int, test: int) -> Mapping[Split, npt.NDArray[np.int64]]:
    """Which images are of which split, by their numbers in the files, shuffled.

    training, test: images in the training files and in the test file. One tenth of the
    former is the validation split, 5,000 of the official 50,000; the other nine tenths
    are trained on. Half of the test file is the selection split, half the test split:
    which rules are chosen is never decided by images they are tested on.
    """
    trained = counter_order(counter_key(SPLIT_SEED, TRAINING_FILES), training)
    tested = counter_order(counter_key(SPLIT_SEED, TEST_FILE), test)
    validation, selection = training // 10, test // 2
    return {
        "training": trained[validation:],
        "validation": trained[:validation],
        "selection": tested[:selection],
        "test": tested[selection:],
    }


def _splits_of(
    name: str, path: str, download: bool, batch: int
) -> Mapping[Split, Examples]:
    place = copy_of_cifar10(path, download)
    images = read_cifar10(place)
    splits = divided(len(images.training), len(images.test))
    if len(splits["training"]) < batch or not all(map(len, splits.values())):
        raise ValueError(
            f"{place} holds {len(images.training)} training and {len(images.test)} "
            f"test images, too few for {name}: nine tenths of the former must make a "
            f"batch of {batch}, and of the latter it takes 2"
        )
    of_test_file = ("selection", "test")
    return {
        split: _examples(
            images.test if split in of_test_file else images.training, rows
        )
        for split, rows in splits.items()
    }


def _examples(images: Images, rows: npt.NDArray[np.int64]) -> Examples:
    """Pixels as (x / 255 - 0.5) / 0.25, from -2 to 2: constants that no data enter."""
    inputs = images.pixels[rows].astype(np.float32)
    inputs -= 127.5
    inputs /= 63.75
    return Examples(
        torch.from_numpy(inputs),
        torch.from_numpy(images.classes[rows].astype(np.int64)),
    )
