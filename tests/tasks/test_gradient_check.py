"""The check of gradients: right ones pass, wrong ones are found and named."""

import math

import pytest
import torch
from torch import nn

from neuralopt.tasks import Task, check_gradients, load_task, make_task


class Doubled(torch.autograd.Function):
    """The identity, with a backward pass that is wrong."""

    @staticmethod
    def forward(_, inputs):
        return inputs.clone()

    @staticmethod
    def backward(_, gradient):
        return 1.001 * gradient


class Network(nn.Module):
    def __init__(self, between):
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)
        self.unused = nn.Parameter(torch.ones(2))
        self.fixed = nn.Parameter(torch.ones(1), requires_grad=False)
        self.between = between

    def forward(self, inputs):
        return self.second(self.between(torch.tanh(self.first(inputs)))) * self.fixed


def made(between) -> Task:
    random = torch.Generator().manual_seed(0)
    data = torch.randn(200, 4, generator=random), torch.arange(200) % 3
    return make_task("made", lambda: Network(between), data, batch_size=16)


@pytest.mark.parametrize("name", ["digits", "digits_small_conv", "char_gru", "ravine"])
def test_gradients_of_the_tasks_are_right(name: str) -> None:
    found = check_gradients(load_task(name), entries=4)
    assert found.right
    assert found.worst.error < 1e-4
    assert all(0 < each.checked <= 4 for each in found.tensors)


def test_a_wrong_backward_pass_is_found_where_it_is() -> None:
    found = check_gradients(made(Doubled.apply))
    assert not found.right
    errors = {each.name: each.error for each in found.tensors}
    assert errors.keys() == {
        *("unused", "first.weight", "first.bias", "second.weight", "second.bias")
    }
    for name, error in errors.items():
        expected = 1 - 1 / 1.001 if name.startswith("first") else 0
        assert error == pytest.approx(expected, abs=1e-5), name
    assert "made: gradients and differences DISAGREE at 31 entries" in str(found)
    assert "in first." in str(found)


def test_a_detached_part_is_found() -> None:
    assert not check_gradients(made(lambda x: x * x.detach())).right


def test_dropout_is_the_same_at_every_evaluation() -> None:
    assert check_gradients(made(nn.Dropout(0.5))).right


class Kinked(nn.Module):
    """Its loss is |w| with w close to 0."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1e-7]))

    def forward(self, inputs):
        return inputs * self.w.abs()


def test_a_kink_between_the_points_is_no_error() -> None:
    data = torch.ones(200, 1), torch.zeros(200, 1)
    task = make_task("kinked", Kinked, data, loss=nn.functional.l1_loss)
    found = check_gradients(task)
    assert found.right
    assert found.worst.difference == pytest.approx(1, abs=1e-9)


def test_it_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    check_gradients(load_task("ravine"))
    assert torch.equal(torch.get_rng_state(), before)


def test_bad_input_is_told_in_a_line() -> None:
    with pytest.raises(ValueError, match=r"^entries is 0: compare 1 of each"):
        check_gradients(load_task("ravine"), entries=0)
    lost = make_task(
        "lost",
        lambda: nn.Linear(2, 1),
        (torch.ones(200, 2), torch.ones(200, 1)),
        loss=lambda outputs, _: (outputs * math.nan).sum(),
    )
    with pytest.raises(ValueError, match=r"^task lost: the loss of the first batch is"):
        check_gradients(lost)
