"""The task `digits`, held against scikit-learn's own copy of the images."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from neuralopt.tasks import SPLITS, TASKS, Classification, Examples, load_task
from neuralopt.tasks.task import fingerprint


def images_of(examples):
    """Each example as bytes of its pixels, 0 to 16, and its class."""
    pixels = (examples.inputs * 16).round().to(torch.uint8).numpy()
    return [
        image.tobytes() + bytes([target])
        for image, target in zip(pixels, examples.targets.tolist(), strict=True)
    ]


def test_splits_hold_every_image_once_with_its_class():
    images, classes = load_digits(return_X_y=True)
    whole = [
        image.astype(np.uint8).tobytes() + bytes([target])
        for image, target in zip(images, classes, strict=True)
    ]
    assert len(set(whole)) == 1797  # no image occurs twice, so splits can't share one
    task = load_task("digits")
    found = [image for split in SPLITS for image in images_of(task.examples(split))]
    assert len(found) == 1797
    assert set(found) == set(whole)


def test_every_part_has_every_class_about_equally_often():
    task = load_task("digits")
    for split in SPLITS:
        counts = torch.bincount(task.examples(split).targets, minlength=10)
        expected = len(task.examples(split)) / 10
        deviation = (counts - expected).abs().max().item()
        assert deviation < 4 * math.sqrt(expected), (split, counts.tolist())


def test_inputs_are_pixels_in_zero_to_one_and_float32():
    for split in SPLITS:
        examples = load_task("digits").examples(split)
        assert examples.inputs.dtype == torch.float32
        assert examples.targets.dtype == torch.int64
        assert examples.inputs.shape == (len(examples), 64)
        assert examples.inputs.min() == 0
        assert examples.inputs.max() == 1


def test_the_convolution_sees_the_same_images():
    flat, square = load_task("digits"), load_task("digits_conv")
    for split in SPLITS:
        a, b = flat.examples(split), square.examples(split)
        assert b.inputs.shape == (len(a), 1, 8, 8)
        assert torch.equal(a.inputs, b.inputs.flatten(1))
        assert torch.equal(a.targets, b.targets)
    assert flat.fingerprint != square.fingerprint


def test_the_division_never_changes():
    # Archives keep the fingerprint: another division would make old scores strangers.
    task = load_task("digits")
    assert task.fingerprint == "e2a9859538ec9b6d"
    sizes = [len(task.examples(split)) for split in SPLITS]
    assert sizes == [1024, 256, 256, 261]
    assert TASKS["digits"]().fingerprint == task.fingerprint


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("what", ["input", "target", "order", "shorter"])
def test_a_fingerprint_changes_with_any_part(split, what):
    splits = {each: load_task("digits").examples(each) for each in SPLITS}
    before = fingerprint("x", splits)
    assert fingerprint("x", dict(reversed(splits.items()))) == before
    inputs, targets = splits[split].inputs.clone(), splits[split].targets.clone()
    if what == "input":
        inputs[-1, 0] += 1e-3
    elif what == "target":
        targets[0] = (targets[0] + 1) % 10
    elif what == "order":
        inputs, targets = inputs.flip(0), targets.flip(0)
    else:
        inputs, targets = inputs[:-1], targets[:-1]
    changed = fingerprint("x", {**splits, split: Examples(inputs, targets)})
    assert changed != before
    assert fingerprint("y", splits) != before


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_quality_is_between_zero_and_one_and_never_nan(loss):
    assert 0.0 <= load_task("digits").quality(loss) <= 1.0


@given(
    st.floats(min_value=-1e300, allow_nan=False),
    st.floats(min_value=-1e300, allow_nan=False),
)
def test_a_lower_loss_never_has_a_lower_quality(a, b):
    task = load_task("digits")
    assert task.quality(min(a, b)) >= task.quality(max(a, b))


def test_quality_is_the_geometric_mean_probability_of_the_right_class():
    task = load_task("digits")
    outputs = torch.randn(50, 10, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(50) % 10
    chosen = outputs.softmax(-1)[torch.arange(50), targets].double()
    quality = task.quality(task.loss(outputs, targets).item())
    assert quality == pytest.approx(chosen.prod().item() ** (1 / 50), rel=1e-5)
    assert task.quality(0.0) == 1.0
    assert task.quality(math.inf) == 0.0
    assert task.quality(math.nan) == 0.0


def test_accuracy_counts_the_right():
    outputs = torch.eye(10)[[3, 1, 4, 1]]
    targets = torch.tensor([3, 1, 5, 9])
    assert load_task("digits").accuracy(outputs, targets).item() == 0.5


def test_an_unknown_task_is_named_with_a_remedy():
    with pytest.raises(
        ValueError, match=r"unknown task 'digit': did you mean 'digits'"
    ):
        load_task("digit")
    with pytest.raises(ValueError, match=r"known: breast_cancer, .*digits"):
        load_task("xyzzy")


def test_a_task_is_read_once_and_its_examples_stay_as_they_are():
    task = load_task("digits")
    assert task is load_task("digits")
    assert isinstance(task, Classification)
    assert task.examples("test").inputs is task.examples("test").inputs
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.batch_size = 1
