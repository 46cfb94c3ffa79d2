"""The task `enos_mnistnet`: generated images in the shape of MNIST."""

import torch

from neuralopt.tasks import SPLITS, TASKS, load_task


def test_images_have_the_shape_of_mnist_and_every_class():
    task = load_task("enos_mnistnet")
    for split, size in zip(SPLITS, (2048, 512, 512, 512), strict=True):
        examples = task.examples(split)
        assert examples.inputs.shape == (size, 784)
        assert examples.inputs.dtype == torch.float32
        assert 0 <= examples.inputs.min() <= examples.inputs.max() <= 1
        counts = torch.bincount(examples.targets, minlength=10)
        assert counts.min() > size / 20
    assert task.batch_size == 128


def test_the_images_never_change():
    task = load_task("enos_mnistnet")
    assert task.fingerprint == "94c517463c4f3ef3"
    assert TASKS["enos_mnistnet"]().fingerprint == task.fingerprint


def test_no_image_is_in_two_splits():
    task = load_task("enos_mnistnet")
    images = torch.cat([task.examples(split).inputs for split in SPLITS])
    assert len({image.numpy().tobytes() for image in images}) == len(images)


def test_its_classes_can_be_learnt_and_are_not_given_away():
    from neuralopt import evaluate

    adam, idle = evaluate(["adam", "1e-9 * g"], "enos_mnistnet", "bello2017")
    assert 0.5 < adam.quality < 0.99
    assert idle.quality < 0.15
