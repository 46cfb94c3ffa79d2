"""Landscapes: formulas, derivatives, optima, and Newton's method on them."""

import math

import numpy as np
import pytest
import torch

from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.newton import HALVINGS, newton_path
from neuralopt.landscapes.registry import CONDITIONS, LANDSCAPES, ravine
from neuralopt.tasks.analytic import ravine_value

ALL = pytest.mark.parametrize("landscape", LANDSCAPES.values(), ids=LANDSCAPES)

FORMULAS = {
    "ravine": lambda x, y: (x**2 / 100 + y**2) / 2,
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "beale": lambda x, y: (
        (1.5 - x + x * y) ** 2
        + (2.25 - x + x * y**2) ** 2
        + (2.625 - x + x * y**3) ** 2
    ),
    "saddle": lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
    "x_plus_sin_x": lambda x: x + np.sin(x),
    "slope_x_plus_sin_x": lambda x: x**2 / 2 - np.cos(x),
    "sines": lambda x: 25 * np.sin(x) - x**2,
}


def points(landscape: Landscape, count: int = 20) -> torch.Tensor:
    random = np.random.default_rng(0)
    low, high = np.array(landscape.box).T
    return torch.from_numpy(random.uniform(low, high, (count, landscape.dimensions)))


@pytest.mark.parametrize("name", FORMULAS)
def test_heights_are_those_of_the_formula(name: str) -> None:
    landscape = LANDSCAPES[name]
    grid = points(landscape).view(4, 5, -1)
    expected = FORMULAS[name](*np.moveaxis(grid.numpy(), -1, 0))
    np.testing.assert_allclose(landscape.heights(grid).numpy(), expected, rtol=1e-13)


@ALL
def test_one_point_has_the_height_that_it_has_among_many(landscape: Landscape) -> None:
    some = points(landscape)
    each = torch.stack([landscape.heights(point) for point in some])
    torch.testing.assert_close(landscape.heights(some), each, rtol=1e-14, atol=0)


@ALL
def test_derivatives_are_those_of_finite_differences(landscape: Landscape) -> None:
    step = 1e-6
    for point in points(landscape, 5):
        moves = step * torch.eye(landscape.dimensions, dtype=torch.float64)
        slopes = [
            (landscape.loss(point + move) - landscape.loss(point - move)) / (2 * step)
            for move in moves
        ]
        gradient = landscape.gradient(point)
        scale = 1e-6 * (1 + float(landscape.loss(point).abs()))
        torch.testing.assert_close(gradient, torch.stack(slopes), rtol=1e-5, atol=scale)
        bends = [
            (landscape.gradient(point + move) - landscape.gradient(point - move))
            / (2 * step)
            for move in moves
        ]
        hessian = landscape.hessian(point)
        scale = 1e-6 * (1 + float(gradient.norm()))
        torch.testing.assert_close(hessian, torch.stack(bends), rtol=1e-5, atol=scale)


@ALL
def test_optima_are_stationary_and_curved_upwards(landscape: Landscape) -> None:
    for optimum in landscape.optima:
        point = torch.tensor(optimum, dtype=torch.float64)
        assert float(landscape.gradient(point).norm()) < 1e-12
        assert bool((torch.linalg.eigvalsh(landscape.hessian(point)) > 0).all())


@ALL
def test_no_point_shown_is_better_than_the_best_optimum(landscape: Landscape) -> None:
    axes = [torch.linspace(*limits, 401).double() for limits in landscape.box]
    losses = landscape.loss(torch.cartesian_prod(*axes).view(-1, landscape.dimensions))
    if landscape.best is None:  # x + sin x falls for ever
        assert losses[0] == losses.min()
    else:
        assert float(losses.min()) >= landscape.best


def test_a_function_without_minimum_has_slope_0_at_odd_multiples_of_pi() -> None:
    landscape = LANDSCAPES["x_plus_sin_x"]
    for odd in (-3, -1, 1):
        slope = landscape.gradient(torch.tensor([odd * math.pi], dtype=torch.float64))
        assert float(slope.abs()) < 1e-15


def test_all_maxima_of_sines_are_listed() -> None:
    landscape = LANDSCAPES["sines"]
    x = np.linspace(-30, 30, 60001)
    slope = 25 * np.cos(x) - 2 * x
    maxima = x[:-1][(slope[:-1] > 0) & (slope[1:] <= 0)]
    listed = sorted(place for (place,) in landscape.optima)
    np.testing.assert_allclose(maxima, listed, atol=1e-3)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_ravine_is_a_plane_of_the_task(condition: int) -> None:
    landscape = ravine(condition)
    hessian = landscape.hessian(torch.zeros(2, dtype=torch.float64))
    assert torch.linalg.cond(hessian).item() == pytest.approx(condition)
    place = torch.zeros(4, dtype=torch.float64)
    place[CONDITIONS[condition]], place[3] = -10.0, 1.0
    whole = ravine_value(place[None], place)
    start = torch.tensor(landscape.start, dtype=torch.float64)
    assert landscape.loss(start).item() == whole.item()


def test_a_tilted_ravine_has_the_curvatures_of_the_straight_one() -> None:
    zero = torch.zeros(2, dtype=torch.float64)
    straight, tilted = LANDSCAPES["ravine"], LANDSCAPES["tilted_ravine"]
    torch.testing.assert_close(
        torch.linalg.eigvalsh(tilted.hessian(zero)),
        torch.linalg.eigvalsh(straight.hessian(zero)),
    )
    starts = [
        torch.tensor(each.start, dtype=torch.float64) for each in (straight, tilted)
    ]
    torch.testing.assert_close(straight.loss(starts[0]), tilted.loss(starts[1]))


@pytest.mark.parametrize("name", ["ravine", "tilted_ravine"])
def test_newton_reaches_the_minimum_of_a_quadratic_in_one_step(name: str) -> None:
    path, cost = newton_path(LANDSCAPES[name], 10)
    assert path.steps == 1
    np.testing.assert_allclose(path.points[-1], 0, atol=1e-13)
    assert (cost.hessians, cost.gradients, cost.values) == (1, 2, 2)
    assert cost.in_gradients == 4
    assert cost.solve_flops == round(8 / 3 + 8)


@ALL
def test_newton_goes_downhill_to_an_optimum(landscape: Landscape) -> None:
    path, cost = newton_path(landscape, 40)
    assert bool((np.diff(path.losses) <= 0).all())
    assert cost.hessians == path.steps
    assert cost.factorizations >= cost.solves == path.steps
    if landscape.optima:
        away = np.abs(path.points[-1] - np.array(landscape.optima)).max(1)
        assert away.min() < 1e-8


def test_newton_ends_where_the_loss_or_a_derivative_is_not_finite() -> None:
    for start in ((1e200, 1e200), (1e76, 1e38)):
        path, _ = newton_path(LANDSCAPES["beale"], 5, start)
        assert (path.steps, path.diverged) == (0, True)


def test_newton_ends_where_no_step_lowers_the_loss() -> None:
    def height(points: torch.Tensor) -> torch.Tensor:  # with the opposite slope
        return (points - 2 * points.detach())[..., 0]

    wrong = Landscape("wrong", "", height, (1.0,), ((-2.0, 2.0),), ())
    path, cost = newton_path(wrong, 5)
    assert path.steps == 0
    assert not path.diverged
    assert cost.values == 1 + HALVINGS


def test_newton_is_damped_where_the_hessian_is_indefinite() -> None:
    landscape = LANDSCAPES["beale"]
    start = torch.tensor(landscape.start, dtype=torch.float64)
    assert float(torch.linalg.eigvalsh(landscape.hessian(start)).min()) < 0
    path, cost = newton_path(landscape, 40)
    assert cost.factorizations > cost.solves
    assert path.losses[-1] < 1e-20
