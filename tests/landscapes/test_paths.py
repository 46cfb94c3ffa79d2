"""Paths: equal to torch's optimizers, and what is said of those that diverge."""

import math

import numpy as np
import pytest
import torch

from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.paths import RATES, Trajectory, best_path, follow
from neuralopt.landscapes.pictures.visible import visible
from neuralopt.landscapes.registry import LANDSCAPES
from neuralopt.language import RULES, parse

BOX = ((-2.0, 2.0), (-1.0, 1.0))


def torch_path(landscape: Landscape, kind: str, lr: float, steps: int) -> np.ndarray:
    point = torch.nn.Parameter(torch.tensor(landscape.start, dtype=torch.float64))
    optimizer = {
        "sgd": lambda: torch.optim.SGD([point], lr),
        "momentum": lambda: torch.optim.SGD([point], lr, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD([point], lr, momentum=0.9, nesterov=True),
        "adam": lambda: torch.optim.Adam([point], lr),
    }[kind]()
    points = [point.tolist()]
    for _ in range(steps):
        optimizer.zero_grad()
        landscape.loss(point).backward()
        optimizer.step()
        points.append(point.tolist())
    return np.array(points)


@pytest.mark.parametrize("name", ["ravine", "rosenbrock", "beale", "sines"])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "nesterov", "adam"])
def test_paths_are_those_of_torch(kind: str, name: str) -> None:
    landscape = LANDSCAPES[name]
    lr = {"adam": 0.1}.get(kind, 1e-3)
    path = follow(landscape, RULES[kind].expression, lr, 50)
    expected = torch_path(landscape, kind, lr, 50)
    np.testing.assert_allclose(path.points, expected, rtol=1e-12, atol=1e-12)
    heights = landscape.loss(torch.from_numpy(path.points)).numpy()
    np.testing.assert_allclose(path.losses, heights, rtol=1e-13)
    assert path.steps == 50


def test_rates_one_a_tenth_and_a_hundredth_oscillate_converge_and_crawl() -> None:
    landscape, sgd = LANDSCAPES["slope_x_plus_sin_x"], parse("g")
    large, middle, small = (
        follow(landscape, sgd, lr, 50).points[:, 0] for lr in (1.0, 0.1, 0.01)
    )
    assert bool((large[1:-1] * large[2:] < 0).all())
    assert abs(large[-1]) > 0.2
    assert bool((np.diff(middle) < 0).all())
    assert 0 < middle[-1] < 1e-4
    assert small[-1] > 1


def test_on_x_plus_sin_x_itself_no_rate_oscillates() -> None:
    for lr in (1.0, 0.1, 0.01):
        path = follow(LANDSCAPES["x_plus_sin_x"], parse("g"), lr, 300)
        assert bool((np.diff(path.points[:, 0]) < 0).all())
        assert path.points[-1, 0] > -math.pi


def test_a_rule_that_needs_the_number_of_steps_gets_it() -> None:
    path = follow(LANDSCAPES["ravine"], parse("g * (1 - progress)"), 0.1, 4)
    assert path.steps == 4


def test_a_diverging_path_ends_far_away() -> None:
    path = follow(LANDSCAPES["rosenbrock"], parse("g"), 1.0, 100, name="sgd")
    assert path.diverged
    assert path.final == math.inf
    assert 0 < path.steps < 100
    assert bool(np.isfinite(path.points).all())


def test_the_best_rate_has_the_least_final_loss() -> None:
    landscape = LANDSCAPES["ravine"]
    paths = {lr: follow(landscape, parse("g"), lr, 20) for lr in RATES}
    best = best_path(paths.__getitem__)
    assert best.lr == min(paths, key=lambda lr: paths[lr].final)
    assert any(path.diverged or path.final > best.final for path in paths.values())


def path_of(*points: tuple[float, float], diverged: bool = False) -> Trajectory:
    return Trajectory("a", np.array(points), np.zeros(len(points)), 1.0, diverged)


def test_a_path_that_comes_back_is_drawn_whole() -> None:
    path = path_of((0, 0), (5, 0), (1, 1))
    points, note = visible(path, BOX)
    assert points is path.points
    assert note == ""


def test_a_path_that_leaves_is_cut_at_the_edge() -> None:
    points, note = visible(path_of((0, 0), (3, 0), (1, 0.5), (3, 1.5), (9, 9)), BOX)
    np.testing.assert_allclose(points, [(0, 0), (3, 0), (1, 0.5), (2, 1)])
    assert note == "leaves the picture at step 3"
    points, note = visible(path_of((0, 0), (0, -4), diverged=True), BOX)
    np.testing.assert_allclose(points, [(0, 0), (0, -1)])
    assert note == "diverges, leaves the picture at step 1"


def test_a_path_to_nowhere_ends_at_its_last_point() -> None:
    points, note = visible(path_of((0, 0), (1, 0), (math.nan, 0), diverged=True), BOX)
    np.testing.assert_array_equal(points, [(0, 0), (1, 0)])
    assert note == "diverges, leaves the picture at step 2"


def test_a_path_that_becomes_infinite_at_once_is_said_to_diverge() -> None:
    path = path_of((0, 0), (1, 0), diverged=True)
    assert visible(path, BOX)[1] == "diverges at step 2"


def test_a_rule_that_reads_the_loss_is_given_it() -> None:
    landscape, lr, steps = LANDSCAPES["ravine"], 1e-3, 4
    point = torch.tensor(landscape.start, dtype=torch.float64, requires_grad=True)
    points = [point.tolist()]
    for _ in range(steps):
        loss = landscape.loss(point)
        (gradient,) = torch.autograd.grad(loss, point)
        point = (point - lr * loss * gradient).detach().requires_grad_()
        points.append(point.tolist())
    path = follow(landscape, parse("loss * g"), lr, steps)
    np.testing.assert_allclose(path.points, points, rtol=1e-12)
