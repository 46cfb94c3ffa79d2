"""The task `regression`: real targets of a fixed random network."""

import math

import pytest
import torch

from neuralopt.tasks import SPLITS, TASKS, Mlp, Regression, load_task
from neuralopt.tasks.network import TOLERANCE, mean_loss, right_share


def test_inputs_are_correlated_and_their_sizes_unequal():
    inputs = load_task("regression").examples("training").inputs.double()
    assert inputs.shape == (1024, 16)
    sizes = torch.linalg.eigvalsh(torch.cov(inputs.T))
    assert 100 < sizes[-1] / sizes[0] < 1000
    correlations = torch.corrcoef(inputs.T) - torch.eye(16)
    assert correlations.abs().max() > 0.3


def test_targets_have_a_variance_of_about_1_and_follow_from_the_inputs():
    task = load_task("regression")
    targets = task.examples("training").targets
    assert targets.dtype == torch.float32
    assert task.variance == pytest.approx(targets.double().var(correction=0).item())
    assert 0.8 < task.variance < 1.2
    for split, size in zip(SPLITS, (1024, 256, 256, 256), strict=True):
        assert len(task.examples(split)) == size
        assert 0.8 < task.examples(split).targets.var() < 1.2


def test_the_data_never_change():
    task = load_task("regression")
    assert task.fingerprint == "6400c192b4bb01b7"
    assert TASKS["regression"]().fingerprint == task.fingerprint


def test_numbers_are_rounded_so_that_every_processor_has_the_same():
    for split in SPLITS:
        examples = load_task("regression").examples(split)
        for tensor in (examples.inputs, examples.targets):
            assert torch.equal(tensor * 2**12, (tensor * 2**12).round())


def test_quality_is_a_tenth_for_the_mean_and_1_for_the_targets():
    task = load_task("regression")
    targets = task.examples("training").targets
    mean = targets.mean().expand(len(targets), 1)
    assert task.quality(task.loss(mean, targets).item()) == pytest.approx(0.1, rel=1e-5)
    assert task.quality(task.loss(targets[:, None], targets).item()) == 1.0
    assert task.quality(math.inf) == task.quality(math.nan) == 0.0


def test_loss_and_metric_of_four_answers():
    outputs = torch.tensor([[0.0], [1.0], [2.0], [math.nan]])
    targets = torch.tensor([0.5, -1.0, 1.75, 0.0])
    assert right_share("regression", outputs, targets).item() == 0.5
    loss = mean_loss("regression", outputs[:3], targets[:3]).item()
    assert loss == pytest.approx((0.25 + 4 + 0.0625) / 3)


def test_kernels_have_the_same_tolerance():
    losses = pytest.importorskip("neuralopt.machine.kernels.losses")
    assert losses.TOLERANCE == TOLERANCE


def test_what_is_no_regression_is_refused():
    splits = load_task("regression").splits
    for layers in (Mlp((16, 1)), Mlp((16, 2), objective="regression")):
        with pytest.raises(ValueError, match="is not for a regression"):
            Regression("mine", layers, 64, splits, "")
    layers = Mlp((16, 1), objective="regression")
    with pytest.raises(ValueError, match="variance of 100"):
        Regression("mine", layers, 64, splits, "", variance=100.0)


def test_it_can_be_learnt_and_is_not_given_away():
    from neuralopt import evaluate

    rules = ["adam", "g", "1e-9 * g"]
    adam, sgd, idle = evaluate(rules, "regression", "bello2017")
    assert 0.7 < adam.quality < 0.9
    assert 0.5 < sgd.quality < adam.quality
    assert idle.quality < 0.15
