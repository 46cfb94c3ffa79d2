"""Batched gradients compared with autograd; initial weights and order of examples."""

import math

import pytest
import torch

from neuralopt.engines.engine import (
    batch_order,
    curve_of,
    initial_parameters,
    outcome_of,
    steps_per_epoch,
)
from neuralopt.engines.parameters import ParameterLayout
from neuralopt.engines.stacked.dense import (
    batched_forward,
    batched_gradients,
    cross_entropy,
)
from neuralopt.tasks import Mlp, load_task
from tests.engines.builders import flat, some_digits

WIDTHS = [
    (64, 32, 10),
    (5, 3),
    (7, 1, 2),
    (3, 4, 5, 6),
    (1, 2, 2),
    (2, 65, 3),
    (9, 9, 9),
]


def autograd(layers, row, inputs, targets):
    """Loss and gradient of one row by torch's own modules."""
    network = layers.network().double()
    torch.nn.utils.vector_to_parameters(row, network.parameters())
    loss = torch.nn.functional.cross_entropy(network(inputs), targets)
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    return loss.item(), torch.cat([gradient.flatten() for gradient in gradients])


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize(("rows", "batch"), [(1, 1), (1, 64), (5, 3), (17, 50)])
def test_batched_gradients_are_autograds(widths, activation, rows, batch):
    layers = Mlp(widths, activation)
    generator = torch.Generator().manual_seed(0)
    options = {"generator": generator, "dtype": torch.float64}
    scale = torch.logspace(-2, 1, rows, dtype=torch.float64).unsqueeze(1)
    places = ParameterLayout(layers.network())
    weights = torch.zeros(rows, places.length, dtype=torch.float64)
    used = places.count
    weights[:, :used] = scale * torch.randn(rows, used, **options)
    inputs = torch.randn(batch, widths[0], **options)
    targets = torch.randint(widths[-1], (batch,), generator=generator)
    gradients = torch.full_like(weights, 7.0)
    losses = batched_gradients(layers, weights, inputs, targets, gradients)
    for row in range(rows):
        loss, gradient = autograd(layers, weights[row, :used], inputs, targets)
        assert losses[row].item() == pytest.approx(loss, rel=1e-12, abs=1e-12)
        largest = max(1.0, gradient.abs().max().item())
        assert (gradients[row, :used] - gradient).abs().max() <= 1e-12 * largest
    assert (gradients[:, used:] == 7.0).all()  # nobody writes to the padding


def test_the_padding_of_a_row_is_never_read():
    layers = Mlp((5, 3, 2))
    places = ParameterLayout(layers.network())
    weights = torch.randn(4, places.length, dtype=torch.float64)
    inputs, targets = torch.randn(6, 5).double(), torch.tensor([0, 1, 1, 0, 1, 0])
    gradients = torch.zeros_like(weights)
    losses = batched_gradients(layers, weights, inputs, targets, gradients)
    poisoned = weights.clone()
    assert places.length > places.count
    poisoned[:, places.count :] = math.nan
    again = torch.zeros_like(weights)
    assert torch.equal(
        losses, batched_gradients(layers, poisoned, inputs, targets, again)
    )
    assert torch.equal(gradients, again)


def test_forward_passes_are_those_of_the_network():
    task = some_digits(widths=(64, 20, 15, 10), activation="tanh")
    networks = [initial_parameters(task, 0, replicate).double() for replicate in (0, 1)]
    weights = torch.stack([flat(network) for network in networks])
    inputs = task.examples("validation").inputs.double()
    outputs = batched_forward(task.layers, weights, inputs)[-1]
    for network, rows in zip(networks, outputs, strict=True):
        torch.testing.assert_close(rows, network(inputs), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6, -1e6])
def test_a_loss_does_not_lose_its_digits_to_an_offset_of_all_outputs(offset):
    # In float32 the logarithm of summed exponentials near 1e6 is a multiple of 1/16.
    generator = torch.Generator().manual_seed(1)
    outputs = offset + torch.randn(3, 50, 10, generator=generator).mul(8).round().div(8)
    targets = torch.arange(50) % 10
    losses, probabilities = cross_entropy(outputs, targets)
    for row in range(3):
        exact = outputs[row].double()
        loss = torch.nn.functional.cross_entropy(exact, targets).item()
        assert losses[row].item() == pytest.approx(loss, rel=1e-6)
        difference = probabilities[row].double() - exact.softmax(-1)
        assert difference.abs().max() < 1e-6


@pytest.mark.parametrize(
    "outputs",
    [
        [math.nan, 0.0],
        [math.inf, 0.0],
        [0.0, math.inf],
        [-math.inf, 0.0],
        [-math.inf, -math.inf],
        [3e38, -3e38],
        [-3e38, 3e38],
    ],
)
def test_a_loss_is_finite_exactly_where_torchs_is(outputs):
    rows, targets = torch.tensor([[outputs]]), torch.tensor([0])
    losses, _ = cross_entropy(rows, targets)
    theirs = torch.nn.functional.cross_entropy(rows[0], targets)
    assert losses.isfinite().item() == theirs.isfinite().item()


def test_initial_weights_depend_only_on_seed_and_replicate():
    task = load_task("digits")
    found = {
        (seed, replicate): flat(initial_parameters(task, seed, replicate))
        for seed in (0, 1, 2**40)
        for replicate in (0, 1, 1000)
    }
    names = list(found)
    for index, name in enumerate(names):
        torch.manual_seed(index)  # whatever the global generator has been through
        torch.rand(index)
        assert torch.equal(found[name], flat(initial_parameters(task, *name)))
        for other in names[:index]:
            assert not torch.equal(found[name], found[other]), (name, other)


def test_initial_weights_do_not_change_the_generators_of_gpus(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    initial_parameters(load_task("digits"), 0, 0)
    assert not seeded


def test_initial_weights_do_not_change_the_global_generator():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    initial_parameters(load_task("digits"), 0, 0)
    assert torch.equal(before, torch.get_rng_state())


def test_order_is_a_permutation_that_follows_from_seed_replicate_and_epoch():
    task = some_digits(batch_size=50)
    assert steps_per_epoch(task) == 20
    names = [
        (seed, replicate, epoch)
        for seed in (0, 1)
        for replicate in (0, 1, 1000)
        for epoch in (0, 1, 4)
    ]
    orders = [batch_order(task, *name) for name in names]
    for order in orders:
        assert order.shape == (20, 50)
        assert len(set(order.flatten().tolist())) == 1000
        assert 0 <= order.min() <= order.max() < 1024
    assert len({order.numpy().tobytes() for order in orders}) == len(names)
    again = [batch_order(task, *name) for name in names]
    assert all(torch.equal(a, b) for a, b in zip(orders, again, strict=True))


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 33, 39, 40, 80, 1000])
def test_a_curve_is_the_means_of_equal_stretches(count):
    losses = [math.sin(step) for step in range(count)]
    curve = curve_of(losses)
    assert len(curve) == min(20, count)
    assert curve[0] == pytest.approx(
        sum(losses[: max(1, round(count / 20))]) / max(1, round(count / 20))
    )
    if count % 20 == 0:
        assert sum(curve) / 20 == pytest.approx(sum(losses) / count)
    assert min(losses) <= min(curve)
    assert max(curve) <= max(losses)
    assert curve_of([2.5] * count) == (2.5,) * min(20, count)


def test_a_diverged_curve_ends_before_the_first_loss_that_is_not_finite():
    for bad in (math.nan, math.inf, -math.inf):
        losses, along = [3.0, 2.0, bad, 1.0], {0: 5.0, 1: 4.0, 2: 4.0, 3: 0.5}
        outcome = outcome_of(losses, ("validation", "test"), None, along)
        assert outcome.curve == (3.0, 2.0)
        assert outcome.diverged
        assert outcome.losses == (math.inf, math.inf)
        assert outcome.accuracies == (0.0, 0.0)
        assert outcome.along == (5.0, 4.0, math.inf, math.inf)
    assert outcome_of([math.nan], ("validation",), None, {}).curve == ()


def test_a_loss_along_a_training_that_is_not_finite_is_infinite():
    ends = [(0.5, 0.9)]
    healthy = outcome_of([1.0, 0.9], ("test",), ends, {0: math.nan, 1: 0.7, 2: 0.5})
    assert healthy.along == (math.inf, 0.7, 0.5)
    assert not healthy.diverged
    flung = outcome_of([1.0, 0.9], ("test",), [(math.inf, 0.0)], {1: 0.7, 2: 0.5})
    assert flung.diverged
    assert flung.along == (0.7, math.inf)
