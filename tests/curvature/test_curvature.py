"""Hessian-vector products and spectra of a child, against torch and numpy."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from neuralopt.curvature import (
    ChildLoss,
    CurvaturePoint,
    Spectrum,
    curvature_along,
    effective_conditions,
    estimated_spectrum,
    exact_spectrum,
    lanczos,
    power_iteration,
)
from neuralopt.curvature.lanczos import random_start
from neuralopt.landscapes.landscape import Landscape
from neuralopt.landscapes.paths import follow
from neuralopt.landscapes.registry import LANDSCAPES
from neuralopt.landscapes.training import loss_of, set_flat, train
from neuralopt.language import parse
from neuralopt.tasks import Examples, Task, load_task, make_task

RANDOM = torch.Generator().manual_seed(0)
DATA = torch.randn(100, 4, generator=RANDOM), torch.arange(100) % 3


@cache
def small_task() -> Task:
    return make_task(
        "small",
        lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)),
        DATA,
        batch_size=10,
    )


def loss_by_hand(weights: torch.Tensor) -> torch.Tensor:
    """The training loss of the small network, written out."""
    examples = small_task().examples("training")
    inputs, targets = examples.inputs.double(), examples.targets
    first, bias1, second, bias2 = weights.split([20, 5, 15, 3])
    hidden = torch.tanh(inputs @ first.view(5, 4).T + bias1)
    outputs = hidden @ second.view(3, 5).T + bias2
    logs = outputs - outputs.exp().sum(1, keepdim=True).log()
    return -logs[torch.arange(len(targets)), targets].mean()


@pytest.fixture(scope="module")
def surface() -> ChildLoss:
    torch.manual_seed(1)
    task = small_task()
    return ChildLoss(task, task.network())


@pytest.fixture(scope="module")
def hessian(surface: ChildLoss) -> torch.Tensor:
    found = torch.autograd.functional.hessian(loss_by_hand, surface.start)
    assert isinstance(found, torch.Tensor)
    return found


def symmetric(size: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    found = torch.randn(size, size, generator=random, dtype=torch.float64)
    return found + found.T


# ------------------------------------------------------------------------ derivatives


def test_loss_gradient_and_hessian_are_those_of_torch(
    surface: ChildLoss, hessian: torch.Tensor
) -> None:
    start = surface.start
    assert surface.dimensions == len(start) == 43
    assert surface.loss(start).item() == pytest.approx(loss_by_hand(start).item())
    place = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss_by_hand(place), place)
    torch.testing.assert_close(surface.gradient(start), gradient)
    torch.testing.assert_close(surface.hessian(start), hessian, atol=1e-12, rtol=0)


def test_a_product_is_the_hessian_times_the_vector(
    surface: ChildLoss, hessian: torch.Tensor
) -> None:
    times = surface.product(surface.start)
    for seed in range(3):
        vector = random_start(43, seed)
        torch.testing.assert_close(times(vector), hessian @ vector, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["char_gru", "char_transformer", "digits_deep"])
def test_products_of_other_networks_are_differences_of_gradients(name: str) -> None:
    task = load_task(name)
    torch.manual_seed(0)
    whole = task.examples("training")
    inputs = whole.inputs[:2]
    some = Examples(
        inputs.double() if inputs.is_floating_point() else inputs, whole.targets[:2]
    )
    surface = ChildLoss(task, task.network(), some)
    vector = random_start(surface.dimensions, 0)
    step = 1e-4
    ahead, behind = (
        surface.gradient(surface.start + sign * step * vector) for sign in (1, -1)
    )
    expected = (ahead - behind) / (2 * step)
    found = surface.product(surface.start)(vector)
    assert (found - expected).norm() < 1e-4 * expected.norm()


def test_a_linear_loss_has_no_curvature() -> None:
    task = make_task(
        "linear",
        lambda: nn.Linear(4, 1),
        (DATA[0], torch.zeros(100, 1)),
        batch_size=10,
        loss=lambda outputs, _: outputs.mean(),
    )
    surface = ChildLoss(task, task.network())
    assert not surface.product(surface.start)(surface.start).any()


# ------------------------------------------------------------------------- eigenvalues


def test_lanczos_finds_all_eigenvalues_in_as_many_steps() -> None:
    matrix = symmetric(30)
    found = lanczos(matrix.mv, random_start(30, 0), 30)
    expected = np.linalg.eigvalsh(matrix.numpy())
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    assert found.errors.max() < 1e-9


def test_few_steps_are_gauss_quadrature_and_their_errors_are_bounds() -> None:
    matrix, start = symmetric(40), random_start(40, 3)
    steps = 6
    found = lanczos(matrix.mv, start, steps)
    power = start
    for degree in range(2 * steps):
        exact = float(start @ power)
        estimate = float((found.shares * found.values**degree).sum())
        assert estimate == pytest.approx(exact, rel=1e-9, abs=1e-9)
        power = matrix @ power
    eigenvalues = np.linalg.eigvalsh(matrix.numpy())
    nearest = np.abs(found.values[:, None] - eigenvalues).min(1)
    assert (nearest <= found.errors + 1e-12).all()


def test_an_invariant_subspace_ends_the_iteration() -> None:
    matrix = torch.diag(torch.tensor([1.0, 2.0, 5.0, 5.0], dtype=torch.float64))
    start = torch.tensor([0.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    found = lanczos(matrix.mv, start, 4)
    np.testing.assert_allclose(found.values, [2, 5], atol=1e-12)
    np.testing.assert_allclose(found.shares, [1 / 3, 2 / 3], atol=1e-12)
    assert not found.errors.any()


def test_power_iteration_converges_to_the_eigenvalue_of_largest_size() -> None:
    matrix = torch.diag(torch.tensor([-4.0, 1.0, 3.0], dtype=torch.float64))
    found = power_iteration(matrix.mv, torch.ones(3, dtype=torch.float64), 60)
    assert found[-1] == pytest.approx(-4, abs=1e-10)
    errors = np.abs(np.array(found) + 4)
    assert errors[21] / errors[20] == pytest.approx((3 / 4) ** 2, rel=1e-2)
    assert power_iteration(torch.zeros_like, torch.ones(3), 5) == (0.0,)


def test_the_exact_spectrum_is_that_of_numpy(
    surface: ChildLoss, hessian: torch.Tensor
) -> None:
    expected = np.linalg.eigvalsh(hessian.numpy())
    found = exact_spectrum(surface.hessian(surface.start))
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.negative == pytest.approx((expected < -1e-3 * found.size).mean())


def test_an_estimated_spectrum_has_the_ends_and_the_moments(
    surface: ChildLoss, hessian: torch.Tensor
) -> None:
    expected = np.linalg.eigvalsh(hessian.numpy())
    times = surface.product(surface.start)
    found = estimated_spectrum(times, 43, steps=20, probes=2)
    assert found.largest == pytest.approx(expected[-1], rel=1e-6)
    assert found.smallest == pytest.approx(expected[0], rel=1e-3)
    assert abs(found.largest - expected[-1]) <= found.error + 1e-12
    assert found.shares.sum() == pytest.approx(1)
    many = estimated_spectrum(hessian.mv, 43, steps=4, probes=400, seed=1)
    mean = float((many.shares * many.values).sum())
    assert mean == pytest.approx(expected.mean(), rel=0.1)


def test_what_is_read_from_a_spectrum() -> None:
    values, shares = np.array([-0.1, 0.0005, 0.5, 2.0]), np.array([0.1, 0.6, 0.2, 0.1])
    found = Spectrum(values, shares)
    assert (found.largest, found.smallest, found.size) == (2.0, -0.1, 2.0)
    assert found.condition == math.inf
    assert (found.flat, found.negative) == (pytest.approx(0.6), pytest.approx(0.1))
    assert found.quantile(0.6) == 0.0005
    assert found.quantile(0.7) == 0.1
    assert found.quantile(1.0) == 2.0
    assert Spectrum(np.array([0.5, 2.0]), np.array([0.5, 0.5])).condition == 4
    zero = Spectrum(np.array([1e-17, 2.0]), np.array([0.5, 0.5]))
    assert zero.condition == math.inf


def test_the_ravine_has_the_condition_number_that_it_is_made_with() -> None:
    task = load_task("ravine")
    surface = ChildLoss(task, task.network())
    found = exact_spectrum(surface.hessian(surface.start))
    assert found.condition == pytest.approx(1000, rel=1e-9)
    estimated = estimated_spectrum(surface.product(surface.start), surface.dimensions)
    np.testing.assert_allclose(estimated.values[[0, -1]], found.values[[0, -1]])


# -------------------------------------------------------------------- along a training


def points() -> list[CurvaturePoint]:
    return curvature_along(
        small_task(), parse("g"), 0.5, steps=12, points=3, lanczos_steps=10, probes=1
    )


@pytest.fixture(scope="module")
def along() -> list[CurvaturePoint]:
    return points()


def test_the_points_are_on_the_path_of_the_training(
    along: list[CurvaturePoint],
) -> None:
    training = train(small_task(), parse("g"), 0.5, 12, 0)
    assert [each.step for each in along] == [0, 6, 12]
    for each in along:
        place = training.steps.index(each.step)
        set_flat(training.network, training.weights[place])
        assert each.loss == pytest.approx(loss_of(small_task(), training.network))
        matrix = torch.autograd.functional.hessian(
            loss_by_hand, training.weights[place]
        )
        largest = np.linalg.eigvalsh(matrix.numpy())[-1]
        assert each.spectrum.largest == pytest.approx(largest, rel=1e-3)
    assert along[-1].loss < along[0].loss


def test_they_are_the_same_at_every_call_and_on_many_threads(
    along: list[CurvaturePoint],
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    again = points()
    torch.set_num_threads(threads)
    for one, other in zip(along, again, strict=True):
        assert (one.step, one.loss, one.gradient) == (
            other.step,
            other.loss,
            other.gradient,
        )
        np.testing.assert_array_equal(one.spectrum.values, other.spectrum.values)


def test_a_training_that_diverges_has_points_up_to_there() -> None:
    found = curvature_along(
        small_task(), parse("g * exp(w)"), 1e6, steps=6, points=7, lanczos_steps=3
    )
    assert 1 <= len(found) < 7
    assert all(math.isfinite(each.loss) for each in found)


# ------------------------------------------------------------- what a rule divides by


def test_the_effective_condition_is_that_of_the_scaled_problem() -> None:
    landscape = LANDSCAPES["tilted_ravine"]
    path = follow(landscape, parse("rmsprop"), 0.1, 5).points
    found = effective_conditions(landscape, path, parse("sqrt(ema(g ** 2, 0.9))"))
    squares = np.zeros(2)
    for point, value in zip(path, found, strict=True):
        place = torch.tensor(point)
        squares = 0.9 * squares + 0.1 * landscape.gradient(place).numpy() ** 2
        # D**-1 H is similar to D**-1/2 H D**-1/2.
        matrix = landscape.hessian(place).numpy() / np.sqrt(squares)[:, None]
        curvatures = np.sort(np.linalg.eigvals(matrix).real)
        assert value == pytest.approx(curvatures[1] / curvatures[0], rel=1e-9)


def test_it_is_infinite_where_a_curvature_is_not_positive() -> None:
    bent = Landscape(
        "bent",
        "",
        lambda point: point[..., 0] ** 2 - point[..., 1] ** 2,
        (1.0, 1.0),
        ((-1.0, 1.0), (-1.0, 1.0)),
        (),
    )
    found = effective_conditions(bent, np.array([[1.0, 1.0]]), parse("1"))
    assert found.tolist() == [math.inf]


# --------------------------------------------------------------------------- bad input


def test_bad_input_is_told_in_a_line(surface: ChildLoss) -> None:
    task = load_task("tiny_gpt")
    large = ChildLoss(task, task.network(), task.examples("test"))
    with pytest.raises(ValueError, match=r"^the Hessian of 80859 weights takes 52 GB"):
        large.hessian(large.start)
    start = random_start(3, 0)
    with pytest.raises(ValueError, match=r"^the Lanczos iteration is to take 0 steps"):
        lanczos(torch.zeros_like, start, 0)
    with pytest.raises(ValueError, match=r"^a Hessian-vector product is not finite"):
        lanczos(lambda vector: vector * math.nan, start, 2)
    with pytest.raises(ValueError, match=r"^a spectrum is to have 0 probes"):
        estimated_spectrum(torch.zeros_like, 3, probes=0)
    with pytest.raises(ValueError, match=r"^points is 1: give 2 or more"):
        curvature_along(small_task(), parse("g"), 0.1, points=1)
