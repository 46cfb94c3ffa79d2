"""Kinds of parameters, rules that tell them apart, and rules that read the loss."""

import copy

import pytest
import torch
from torch import nn

from neuralopt import RuleOptimizer
from neuralopt.optimizer import groups_by_kind, parameter_kinds

RULE = "where(matrix, orthogonalize(m), where(embedding, sign(g), adam))"


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.norm = nn.LayerNorm(4)
        self.body = nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.body(self.norm(self.table(x)))))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Small().double()


def loss_of(network):
    inputs, targets = torch.arange(5), torch.tensor([0, 1, 2, 0, 1])
    return nn.functional.cross_entropy(network(inputs), targets)


def train(network, optimizer, steps=3):
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(network).backward()
        optimizer.step()


def test_kinds_are_read_off_the_network(network):
    assert parameter_kinds(network) == {
        "table.weight": "embedding",
        "norm.weight": "vector",
        "norm.bias": "vector",
        "body.weight": "matrix",
        "body.bias": "vector",
        "head.weight": "head",
        "head.bias": "vector",
    }


def test_an_only_matrix_is_no_head():
    assert parameter_kinds(nn.Linear(3, 2)) == {"weight": "matrix", "bias": "vector"}


def test_a_shared_table_is_an_embedding():
    network = nn.Module()
    network.table, network.out = nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)
    network.out.weight = network.table.weight
    assert parameter_kinds(network) == {"table.weight": "embedding"}


def test_groups_keep_the_order_of_parameters(network):
    groups = groups_by_kind(network)
    names = [id(p) for group in groups for p in group["params"]]
    assert names == [id(p) for p in network.parameters()]
    assert all(len({group["kind"]}) == 1 for group in groups)


def test_each_kind_takes_the_steps_of_its_own_rule(network):
    others = {"matrix": "orthogonalize(m)", "embedding": "sign(g)"}
    copied = copy.deepcopy(network)
    train(network, RuleOptimizer(groups_by_kind(network), RULE, lr=0.01))
    optimizers = [
        RuleOptimizer(group["params"], others.get(group["kind"], "adam"), lr=0.01)
        for group in groups_by_kind(copied)
    ]
    for _ in range(3):
        copied.zero_grad()
        loss_of(copied).backward()
        for optimizer in optimizers:
            optimizer.step()
    for one, other in zip(network.parameters(), copied.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=0)


def test_by_default_dimensions_tell_matrices_from_vectors(network):
    copied = copy.deepcopy(network)
    kinds = {"matrix": "embedding", "head": "embedding"}
    train(network, RuleOptimizer(network.parameters(), "where(vector, g, m)", lr=0.1))
    groups = [
        {**group, "kind": kinds.get(group["kind"], group["kind"])}
        for group in groups_by_kind(copied)
    ]
    train(copied, RuleOptimizer(groups, "where(vector, g, m)", lr=0.1))
    for one, other in zip(network.parameters(), copied.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_saved_state_continues_exactly(network):
    optimizer = RuleOptimizer(groups_by_kind(network), RULE, lr=0.01)
    train(network, optimizer, 2)
    saved = copy.deepcopy((network.state_dict(), optimizer.state_dict()))
    train(network, optimizer, 2)
    again = Small().double()
    again.load_state_dict(saved[0])
    continued = RuleOptimizer(groups_by_kind(again), RULE, lr=0.5)
    continued.load_state_dict(saved[1])
    train(again, continued, 2)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_only_the_states_that_a_kind_needs_are_kept(network):
    optimizer = RuleOptimizer(groups_by_kind(network), RULE, lr=0.01)
    train(network, optimizer, 1)
    counts = {
        name: len([v for v in optimizer.state[p].values() if torch.is_tensor(v)])
        for name, p in network.named_parameters()
    }
    assert counts["body.weight"] == 1
    assert counts["table.weight"] == 0
    assert counts["head.weight"] == counts["norm.bias"] == 2


def test_an_unknown_kind_is_named(network):
    groups = [{"params": list(network.parameters()), "kind": "matrices"}]
    with pytest.raises(ValueError, match="Invalid kind: matrices, it must be one of"):
        RuleOptimizer(groups, RULE, lr=0.1)


def test_the_loss_comes_from_a_closure_or_an_argument(network):
    copied = copy.deepcopy(network)
    by_closure = RuleOptimizer(network.parameters(), "loss * g", lr=0.1)

    def closure():
        by_closure.zero_grad()
        loss = loss_of(network)
        loss.backward()
        return loss

    by_closure.step(closure)
    by_argument = RuleOptimizer(copied.parameters(), "g", lr=0.1)
    loss = loss_of(copied)
    loss.backward()
    by_argument.param_groups[0]["lr"] = 0.1 * loss.item()
    by_argument.step()
    for one, other in zip(network.parameters(), copied.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-16)
    by_closure.step(loss=2.0)


def test_a_missing_loss_is_said_before_anything_changes(network):
    optimizer = RuleOptimizer(network.parameters(), "loss * g", lr=0.1)
    loss_of(network).backward()
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match="uses the loss: give a closure, or step"):
        optimizer.step()
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_fused_steps_leave_tensor_scope_to_torch(network):
    pytest.importorskip("numba")
    copied = copy.deepcopy(network)
    train(network, RuleOptimizer(groups_by_kind(network), RULE, lr=0.01, fused=True))
    train(copied, RuleOptimizer(groups_by_kind(copied), RULE, lr=0.01))
    for one, other in zip(network.parameters(), copied.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (2, 3, 2, 2), (0, 3)])
def test_parameters_of_any_shape_are_matrices(shape):
    weight = nn.Parameter(torch.randn(shape, dtype=torch.float64))
    rule = "rows(g) + columns(g) + maximum(g) * orthogonalize(g)"
    optimizer = RuleOptimizer([weight], rule, lr=0.1)
    weight.grad = torch.randn(shape, dtype=torch.float64)
    optimizer.step()
    assert weight.shape == torch.Size(shape)
    assert weight.isfinite().all()
