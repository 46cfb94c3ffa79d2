"""Slices: filter normalisation, projections, and losses of a trained child."""

import numpy as np
import pytest
import torch
from torch import nn

from neuralopt.engines.engine import Child, OptimizerSpec
from neuralopt.engines.numerics import Numerics
from neuralopt.engines.serial import SerialEngine
from neuralopt.landscapes.slices import (
    Plane,
    extent,
    filter_normalised,
    plane_of_paths,
    random_plane,
    slice_losses,
)
from neuralopt.landscapes.training import Training, flat, loss_of, train
from neuralopt.language import RULES
from neuralopt.tasks import CustomTask, make_task

ADAM: OptimizerSpec = RULES["adam"].expression


@pytest.fixture(scope="module")
def task() -> CustomTask:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(300, 1, 4, 4, generator=random)
    targets = (inputs.sum((1, 2, 3)) > 0).long()

    def network() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(),
            nn.Linear(12, 2),
        )  # fmt: skip

    return make_task("toy", network, (inputs, targets), batch_size=20)


@pytest.fixture(scope="module")
def trained(task: CustomTask) -> Training:
    return train(task, ADAM, 0.01, 18, 0)


def test_filter_normalisation_equals_its_definition(trained: Training) -> None:
    direction = filter_normalised(trained.network, 0, 0).numpy()
    start = 0
    for parameter in trained.network.parameters():
        weights = parameter.detach().numpy()
        part = direction[start : start + weights.size].reshape(weights.shape)
        start += weights.size
        if weights.ndim < 2:
            assert not part.any()
            continue
        for filter_, weight in zip(part, weights, strict=True):
            assert np.linalg.norm(filter_) == pytest.approx(np.linalg.norm(weight))
            assert np.unique(filter_).size == filter_.size
    assert start == direction.size
    other = filter_normalised(trained.network, 0, 1).numpy()
    cosine = direction @ other / np.linalg.norm(direction) / np.linalg.norm(other)
    assert abs(cosine) < 0.5


def test_of_a_network_of_vectors_each_is_a_filter() -> None:
    network = nn.BatchNorm1d(4)
    direction = filter_normalised(network, 0, 0)
    assert direction[:4].norm().item() == pytest.approx(2.0)  # its weights are 1
    assert not direction[4:].any()


def test_a_network_of_zeros_has_no_random_plane() -> None:
    network = nn.Linear(2, 3, bias=False)
    nn.init.zeros_(network.weight)
    with pytest.raises(ValueError, match=r"span no plane.*give --plane paths"):
        random_plane(network, 0)


def test_a_training_is_that_of_the_serial_engine(
    task: CustomTask, trained: Training
) -> None:
    assert trained.steps == tuple(range(19))
    assert trained.weights.shape == (19, 27 + 3 + 6 + 26)
    engine = SerialEngine(task, 0, numerics=Numerics(torch.float64))
    (outcome,) = engine.train([Child(ADAM, 0.01, 0)], 2, ("training",))
    assert trained.loss == pytest.approx(outcome.losses[0], abs=1e-15)


def test_a_part_of_an_epoch_can_be_trained(task: CustomTask) -> None:
    assert train(task, ADAM, 0.01, 4, 0).steps == (0, 1, 2, 3, 4)


def test_the_middle_of_a_slice_is_the_child(
    task: CustomTask, trained: Training
) -> None:
    plane, line = random_plane(trained.network, 0), np.array([-0.5, 0.0, 0.5])
    losses = slice_losses(task, trained.network, plane, line, line)
    assert losses[1, 1] == trained.loss == loss_of(task, trained.network)
    moved = flat(trained.network) + 0.5 * plane.directions[0]
    assert losses[1, 2] != losses[2, 1]
    np.testing.assert_array_equal(plane.at(0.5, 0.0).numpy(), moved.numpy())


def test_projections_are_the_nearest_points_of_the_plane() -> None:
    random = np.random.default_rng(0)
    centre, away = random.normal(size=9), random.normal(size=(5, 9))
    directions = random.normal(size=(2, 9))
    plane = Plane(torch.from_numpy(centre), torch.from_numpy(directions))
    found = plane.project(torch.from_numpy(centre + away))
    expected, *_ = np.linalg.lstsq(directions.T, away.T, rcond=None)
    np.testing.assert_allclose(found, expected.T, atol=1e-12)
    inside = np.linalg.norm(found[0] @ directions) / np.linalg.norm(away[0])
    assert plane.share(torch.from_numpy(away[0])) == pytest.approx(inside)


def test_a_random_slice_holds_the_first_points_of_paths(trained: Training) -> None:
    plane = random_plane(trained.network, 0)
    for grid in extent(plane, [np.array([(0.1, 0.2), (9.0, 9.0)])]):
        assert (grid[0], grid[-1]) == (-1.0, 1.0)
    x, y = extent(plane, [np.array([(0.1, -3.0), (0.0, 0.0)])])
    assert (x[0], x[-1], y[-1]) == (-1.0, 1.0, 1.0)
    assert y[0] < -3.0


def test_the_plane_of_paths_is_that_of_principal_components(trained: Training) -> None:
    plane = plane_of_paths(trained.network, [trained.weights])
    away = (trained.weights - trained.weights[-1]).numpy()
    values = np.sort(np.linalg.eigvalsh(away @ away.T))[::-1]
    np.testing.assert_allclose(plane.shares, values[:2] / values.sum(), atol=1e-12)
    points = plane.project(trained.weights)
    assert points[0, 0] > 0
    np.testing.assert_allclose(points[-1], 0, atol=1e-12)
    x, y = extent(plane, [points])
    assert x[0] < points[:, 0].min() < points[:, 0].max() < x[-1]
    assert y[0] < points[:, 1].min() < points[:, 1].max() < y[-1]
