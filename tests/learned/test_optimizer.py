"""The LSTM optimizer against torch's LSTMCell, and as an optimizer of torch."""

import io
from collections.abc import Iterator

import pytest
import torch

from neuralopt.learned.network import NetworkShape, UpdateNetwork, preprocess
from neuralopt.learned.optimizer import LearnedOptimizer
from tests.learned.reference import SHAPE, features, plain_updates

SIZES = (1e3, 1.0, 1e-3, 4e-5, 1e-6, 0.0)
"""Of gradients: exp(-10) is 4.5e-5."""


@pytest.fixture(scope="module")
def network() -> UpdateNetwork:
    return UpdateNetwork(SHAPE, seed=3).requires_grad_(False)


def gradients(steps: int = 6, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    signs = torch.randn(steps, len(SIZES), generator=torch.Generator().manual_seed(1))
    return (signs * torch.tensor(SIZES)).to(dtype)


def parameters(dtype: torch.dtype = torch.float64) -> list[torch.nn.Parameter]:
    return [
        torch.nn.Parameter(torch.ones(2, 2, dtype=dtype)),
        torch.nn.Parameter(torch.ones(2, dtype=dtype)),
    ]


def steps_of(
    optimizer: torch.optim.Optimizer, rows: torch.Tensor
) -> Iterator[torch.Tensor]:
    """The weights after each step, as one vector."""
    one, other = optimizer.param_groups[0]["params"]
    for row in rows:
        one.grad, other.grad = row[:4].view(2, 2).clone(), row[4:].clone()
        optimizer.step()
        yield torch.cat([one.detach().reshape(-1), other.detach()])


def test_the_preprocessing_is_the_paper_s() -> None:
    rows = gradients().reshape(-1)
    plain = torch.tensor(
        [features(float(each), 10.0) for each in rows], dtype=rows.dtype
    )
    torch.testing.assert_close(preprocess(rows, 10.0), plain, rtol=1e-12, atol=1e-12)
    assert preprocess(rows[rows != 0], 10.0).abs().max() < 1.5


def test_a_step_is_that_of_torch_s_lstm_cell(network: UpdateNetwork) -> None:
    rows = gradients()
    weights = torch.ones(len(SIZES), dtype=torch.float64)
    optimizer = LearnedOptimizer(parameters(), network, lr=0.5)
    expected = plain_updates(network, list(rows))
    for found, update in zip(steps_of(optimizer, rows), expected, strict=True):
        weights = weights - 0.5 * update
        torch.testing.assert_close(found, weights, rtol=1e-12, atol=1e-12)
    assert (weights - 1).abs().min() > 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_resuming_is_exact(network: UpdateNetwork, dtype: torch.dtype) -> None:
    rows = gradients(dtype=dtype)
    whole = list(steps_of(LearnedOptimizer(parameters(dtype), network), rows))
    first = LearnedOptimizer(parameters(dtype), network)
    middle = list(steps_of(first, rows[:3]))[-1]
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    again = parameters(dtype)
    with torch.no_grad():
        again[0].copy_(middle[:4].view(2, 2))
        again[1].copy_(middle[4:])
    second = LearnedOptimizer(again, network)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(list(steps_of(second, rows[3:]))[-1], whole[-1])
    list(steps_of(first, rows[3:]))  # the first one's state is its own
    assert first.state_dict()["state"][0]["step"] == len(rows)


def test_a_state_of_another_network_is_refused(network: UpdateNetwork) -> None:
    state = LearnedOptimizer(parameters(), UpdateNetwork(SHAPE, seed=4)).state_dict()
    with pytest.raises(ValueError, match=f"not to {network.digest}: build"):
        LearnedOptimizer(parameters(), network).load_state_dict(state)


def test_groups_have_rates_and_may_go_uphill(network: UpdateNetwork) -> None:
    row = gradients(1)
    one, other = parameters()
    groups = [{"params": [one], "lr": 0.25, "maximize": True}, {"params": [other]}]
    optimizer = LearnedOptimizer(groups, network)
    one.grad, other.grad = row[0, :4].view(2, 2), row[0, 4:]
    assert optimizer.step(lambda: 7.0) == 7.0
    uphill = plain_updates(network, [-row[0]])[0]
    downhill = plain_updates(network, [row[0]])[0]
    torch.testing.assert_close(one.detach().view(-1), 1 - 0.25 * uphill[:4])
    torch.testing.assert_close(other.detach(), 1 - 0.01 * downhill[4:])


def test_what_it_cannot_do_is_said(network: UpdateNetwork) -> None:
    for rate in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="Invalid lr"):
            LearnedOptimizer(parameters(), network, lr=rate)
    weight = torch.nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.eye(2).to_sparse()
    with pytest.raises(RuntimeError, match="dense, real gradients only"):
        LearnedOptimizer([weight], network).step()
    with pytest.raises(ValueError, match="hidden of the learned optimizer is 0"):
        NetworkShape(hidden=0)
