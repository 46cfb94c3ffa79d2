"""Signals along a training, held against autograd and formulas written out by hand."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from neuralopt.engines.engine import (
    Child,
    TorchOptimizer,
    batch_order,
    initial_parameters,
)
from neuralopt.engines.serial import SerialEngine
from neuralopt.landscapes.training import FLOAT64
from neuralopt.language import RULES, parse
from neuralopt.signals.measuring import best_rate, measure_signals
from neuralopt.signals.reading import watching
from neuralopt.signals.report import SignalReport, report_signals
from neuralopt.signals.through_time import gradients_through_time
from neuralopt.tasks import load_task, with_recipe

SGD, ADAM = parse("g"), RULES["adam"].expression
RATE, STEPS = 0.5, 4
TANH = load_task("digits_mlp", depth=2, width=6, activation="tanh", init="glorot")


def norm(tensors):
    return math.sqrt(sum((each.double() ** 2).sum().item() for each in tensors))


def by_hand(task, clip=None):
    """Gradients, updates, losses and tanh outputs of a few steps of plain SGD."""
    network = initial_parameters(task, 0, 0).double()
    weights = list(network.parameters())
    examples = task.examples("training")
    found = {"gradients": [], "updates": [], "losses": [], "outputs": []}
    for batch in list(batch_order(task, 0, 0, 0))[:STEPS]:
        values, outputs = examples.inputs[batch].double(), []
        for k in (0, 2):
            values = torch.tanh(values @ weights[k].T + weights[k + 1])
            outputs.append(values.detach())
        scores = values @ weights[4].T + weights[5]
        chosen = scores.log_softmax(-1)[range(len(batch)), examples.targets[batch]]
        gradients = torch.autograd.grad(-chosen.mean(), weights)
        found["losses"].append(-chosen.mean().item())
        found["gradients"].append([norm(gradients[k : k + 2]) for k in (0, 2, 4)])
        found["outputs"].append(outputs)
        if clip is not None:
            gradients = [each.clamp(-clip, clip) for each in gradients]
        found["updates"].append(
            [
                RATE * norm(gradients[k : k + 2]) / norm(weights[k : k + 2])
                for k in (0, 2, 4)
            ]
        )
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight -= RATE * gradient
    return found


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_signals_are_those_of_autograd(clip):
    task = TANH if clip is None else with_recipe(TANH, clip_value=clip)
    found = measure_signals(task, "sgd", SGD, RATE, STEPS)
    expected = by_hand(task, clip)
    assert found.steps == tuple(range(STEPS))
    assert found.layers == ("linear1", "linear2", "output")
    assert found.parameters == (64 * 6 + 6, 6 * 6 + 6, 6 * 10 + 10)
    for name in ("gradients", "updates", "losses"):
        np.testing.assert_allclose(getattr(found, name), expected[name], rtol=1e-10)
    assert found.activations == ("tanh1", "tanh2")
    for row, outputs in enumerate(expected["outputs"]):
        for column, each in enumerate(outputs):
            values = each.numpy()
            quiet = 1 - values**2 < 0.01
            assert found.means[row, column] == pytest.approx(values.mean())
            assert found.deviations[row, column] == pytest.approx(values.std())
            assert found.saturated[row, column] == quiet.mean()
            assert found.dead[row, column] == quiet.all(0).mean()
    assert found.ratios[0] == found.gradients[0, 0] / found.gradients[0, 2]
    assert not found.diverged


def test_measuring_changes_nothing():
    task = load_task("digits_mlp", depth=3, width=8, batch_norm=True)
    found = measure_signals(task, "adam", ADAM, 0.01, 3 * 16)
    engine = SerialEngine(task, 0, numerics=FLOAT64)
    (outcome,) = engine.train([Child(ADAM, 0.01, 0)], 3, (), None)
    assert len(found.steps) == 48
    means = [
        found.losses[a:b].mean()
        for a, b in pairwise([round(k * 48 / 20) for k in range(21)])
    ]
    np.testing.assert_allclose(means, outcome.curve, rtol=1e-13)


def test_long_trainings_are_measured_now_and_then_and_at_the_end():
    task = load_task("digits_mlp", depth=1, width=4)
    taken: list[int] = []
    found = measure_signals(task, "sgd", SGD, 0.1, 64, 0, taken.append)
    assert taken == list(range(64))
    assert found.steps == (*range(0, 64, 2), 63)
    assert np.isfinite(found.updates).all()


def test_a_training_that_diverges_is_measured_up_to_there():
    found = measure_signals(TANH, "wild", parse("g + log(t - 3)"), 1.0, 10)
    assert found.diverged
    assert found.steps == (0, 1, 2, 3)  # the logarithm of 0 comes then
    assert np.isfinite(found.gradients).all()


def test_an_optimizer_of_torch_is_measured_alike():
    made = TorchOptimizer("torch.Adam", lambda each, lr: torch.optim.Adam(each, lr))
    one, other = (
        measure_signals(TANH, "x", rule, 0.01, STEPS) for rule in (ADAM, made)
    )
    np.testing.assert_allclose(one.gradients, other.gradients, rtol=1e-6)
    np.testing.assert_allclose(one.updates, other.updates, rtol=1e-6)


def test_every_kind_of_task_has_layers():
    for name, first in (("ravine", "Point"), ("digits_residual", "first")):
        found = measure_signals(load_task(name), "sgd", SGD, 1e-3, 2)
        assert found.layers[0].startswith(first[:5]) or len(found.layers) == 1
        assert (found.gradients > 0).any()


# --------------------------------------------------------------------- activations


@pytest.mark.parametrize("inplace", [False, True])
def test_a_unit_that_no_example_reaches_is_dead(inplace):
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(inplace), nn.Linear(3, 1)).double()
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.copy_(torch.tensor([0.5, -0.5, -9.0]))
    inputs = torch.tensor([[0.0], [1.0], [2.0], [3.0]]).double()
    with watching(network) as watches:
        network(inputs)
    found = watches["1"].activity()
    # The second unit is shut for one example of four, the third for all of them.
    assert (found.saturated, found.dead) == (5 / 12, 1 / 3)
    outputs = [x + b for x in range(4) for b in (0.5, -0.5) if x + b > 0] + [0.0] * 5
    assert found.mean == pytest.approx(np.mean(outputs))
    assert found.deviation == pytest.approx(np.std(outputs))
    assert not network[1]._forward_hooks
    assert not network[1]._forward_pre_hooks


@pytest.mark.parametrize(
    ("module", "edge"),
    [
        (nn.Tanh(), math.acosh(10)),  # 1 / cosh(x)**2 is 0.01
        (nn.Sigmoid(), math.log(49 + math.sqrt(49**2 - 1))),
    ],
)
def test_saturation_begins_where_the_slope_is_a_hundredth(module, edge):
    with watching(nn.Sequential(module)) as watches:
        module(torch.tensor([[edge * 0.999, edge * 1.001, -edge * 1.001]]).double())
    assert watches["0"].activity().saturated == pytest.approx(2 / 3)


def test_leaky_rectifiers_never_saturate_and_channels_are_units():
    network = nn.Sequential(nn.LeakyReLU(), nn.ReLU())
    images = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0)) + 3
    images[:, 1] = -1.0
    with watching(network) as watches:
        network(images.double())
    assert watches["0"].activity().saturated == 0
    assert watches["1"].activity().dead == pytest.approx(1 / 3)


# ------------------------------------------------------------------ through time


def small_rnn(cell, **options):
    task = load_task("char_rnn", cell=cell, width=5, time=6, **options)
    examples = task.examples("training")
    network = initial_parameters(task, 0, 0).double()
    return network, examples.inputs[:3], examples.targets[:3]


def test_the_gradient_of_a_plain_rnn_is_a_product_of_jacobians():
    network, inputs, targets = small_rnn("rnn", init="orthogonal", gain=1.5)
    found = gradients_through_time(network, inputs, targets)
    part = {name: each.detach() for name, each in network.named_parameters()}
    matrix = part["recurrent.weight_hh_l0"]
    state, states = torch.zeros(3, 5).double(), []
    for place in range(6):
        given = part["embedding.weight"][inputs[:, place]]
        total = given @ part["recurrent.weight_ih_l0"].T + state @ matrix.T
        total += part["recurrent.bias_ih_l0"] + part["recurrent.bias_hh_l0"]
        state = torch.tanh(total)
        states.append(state)
    scores = state @ part["linear.weight"].T + part["linear.bias"]
    error = scores.softmax(-1)
    error[range(3), targets[:, -1]] -= 1
    delta, norms = error @ part["linear.weight"] / 3, []
    for state in reversed(states):
        norms.append(delta.norm().item())
        delta = (delta * (1 - state**2)) @ matrix
    np.testing.assert_allclose(found, norms[::-1], rtol=1e-10)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_gradient_of_a_gated_cell_is_a_difference_quotient(cell):
    network, inputs, targets = small_rnn(cell, depth=2)
    found = gradients_through_time(network, inputs, targets)
    embedded = network.embedding(inputs).detach()

    def loss_from(place, state):
        for later in range(place + 1, 6):
            _, state = network.recurrent(embedded[:, later : later + 1], state)
        top = (state[0] if isinstance(state, tuple) else state)[-1]
        scores = network.linear(top)
        return nn.functional.cross_entropy(scores, targets[:, -1]).item()

    with torch.no_grad():
        _, state = network.recurrent(embedded[:, :3])  # that of place 2
        squares = 0.0
        for part in state if isinstance(state, tuple) else (state,):
            flat = part.view(-1)
            for number in range(len(flat)):
                losses = []
                for move in (1e-5, -2e-5):
                    flat[number] += move
                    losses.append(loss_from(2, state))
                flat[number] += 1e-5
                squares += ((losses[0] - losses[1]) / 2e-5) ** 2
    assert found[2] == pytest.approx(math.sqrt(squares), rel=1e-5)


def test_recurrent_tasks_are_measured_through_time_too():
    task = load_task("char_rnn", cell="rnn", activation="relu", width=5, time=6)
    found = measure_signals(task, "sgd", SGD, 0.1, 2)
    assert found.times.shape == (2, 6)
    assert found.layers == ("embedding", "recurrent", "linear")
    assert found.activations == ("recurrent",)
    assert 0 < found.saturated[0, 0] < 1
    gated = measure_signals(load_task("char_rnn", width=5, time=6), "x", SGD, 0.1, 2)
    assert np.isnan(gated.saturated).all()
    assert np.isfinite(gated.deviations).all()


# --------------------------------------------------------------------- the report


@pytest.fixture(scope="module")
def report() -> SignalReport:
    return report_signals(TANH, {"sgd": SGD, "adam": ADAM}, 0.01, 6, show=False)


def test_the_report_prints_and_is_plain_data(report):
    text = str(report)
    assert text.startswith("sgd, lr 0.01, on digits_mlp, measured up to step 5\n")
    assert "tanh2" in text
    data = json.loads(json.dumps(report.to_mapping()))
    assert data["histories"][1]["layers"] == ["linear1", "linear2", "output"]
    assert len(data["histories"][1]["gradients"]) == 6
    assert ">linear1</td>" in report._repr_html_()


def test_the_picture_has_a_column_a_rule_and_a_line_a_layer(report):
    figure = report.figure()
    assert len(figure.axes) == 2 * 5
    first = figure.axes[1]
    assert first.get_title() == "adam, lr 0.01"
    lines = first.get_lines()
    assert [line.get_label() for line in lines] == ["linear1", "linear2", "output"]
    np.testing.assert_array_equal(lines[2].get_ydata(), report["adam"].gradients[:, 2])


def test_the_rate_with_the_least_final_loss_is_taken():
    rates = (1e-4, 0.3, 1e4)
    done: list[int] = []
    assert best_rate(TANH, SGD, 16, 0, rates, done.append) == 0.3
    assert done == [1, 2, 3]
    assert best_rate(TANH, parse("g / (g - g)"), 16, 0, rates[1:]) == 0.3
    made = TorchOptimizer("torch.SGD", lambda each, lr: torch.optim.SGD(each, lr))
    assert best_rate(TANH, made, 16, 0, rates) == 0.3


def test_a_first_loss_that_is_not_finite_is_a_line():
    task = load_task("digits_mlp", depth=200, init="normal", std=1000.0)
    with pytest.raises(ValueError, match="first loss of digits_mlp is not finite"):
        measure_signals(task, "sgd", SGD, 0.1, 2)
