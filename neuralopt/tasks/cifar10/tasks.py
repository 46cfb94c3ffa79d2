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
"""Seed of the two permutations that divide the images; it never changes."""
TRAINING_FILES, TEST_FILE = 0, 1

CONV_BATCH, RESNET_BATCH = 100, 128


def cifar10_conv(*, path: str = "", download: bool = False) -> Classification:
    """Two convolutions of 32 filters on CIFAR-10, batches of 100.

    The child of Bello et al. 2017 as others describe it: two 3 x 3 convolutions with
    batch normalisation and ReLU. The layers between them and the classes are our
    choice: no pooling, and one fully connected layer with 32,768 inputs, which makes
    337,898 parameters. So are the scaling of the images, the splits (see `divided`),
    and that images are neither shifted nor mirrored.

    Args:
        path: A copy of CIFAR-10, as in `read_cifar10`; empty for the copy in the cache
            folder.
        download: Whether to download CIFAR-10 if the cache has no copy.

    Raises:
        ValueError: No valid copy was found, or it holds less than a batch.
    """
    layers = ConvNet((3, 32, 32), ((32, 1), (32, 1)), (10,))
    splits = _splits_of("cifar10_conv", path, download, CONV_BATCH)
    hashed = fingerprint(f"cifar10_conv {layers} {CONV_BATCH}", splits)
    return Classification("cifar10_conv", layers, CONV_BATCH, splits, hashed)


def cifar10_resnet(
    *, path: str = "", download: bool = False, depth: int = 16, width: int = 4
) -> CustomTask:
    """A Wide ResNet (Zagoruyko and Komodakis 2016) on CIFAR-10, batches of 128.

    It has neither dropout nor weight decay, and images are neither shifted nor
    mirrored. The splits are those of `divided`.

    Args:
        path: A copy of CIFAR-10, as in `read_cifar10`; empty for the copy in the cache
            folder.
        download: Whether to download CIFAR-10 if the cache has no copy.
        depth: Layers of the network, 6 k + 4.
        width: Channels of the first stage, in multiples of 16; depth 16 and width 4
            make 2.7 million parameters.

    Raises:
        ValueError: No valid copy was found, it holds less than a batch, or no network
            has this depth and width.
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
    """Assign the images to splits, by their numbers in the files, shuffled.

    One tenth of the training files is the validation split, 5,000 of the official
    50,000; the other nine tenths are trained on. Half of the test file is the selection
    split, and half the test split: rules are never chosen by the images that they are
    tested on.

    Args:
        training: Number of images in the training files.
        test: Number of images in the test file.

    Returns:
        The numbers of each split's images, int64; the selection and test splits count
        in the test file.
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
    """Pixels as (x / 255 - 0.5) / 0.25, from -2 to 2; the data don't affect this."""
    inputs = images.pixels[rows].astype(np.float32)
    inputs -= 127.5
    inputs /= 63.75
    return Examples(
        torch.from_numpy(inputs),
        torch.from_numpy(images.classes[rows].astype(np.int64)),
    )
