"""The tasks with options, `digits_mlp` and `char_rnn`: networks and initial weights."""

import math

import pytest
import torch
from torch import nn

from neuralopt.engines.engine import Child, UnsupportedTaskError, initial_parameters
from neuralopt.engines.native import NativeEngine
from neuralopt.engines.serial import SerialEngine
from neuralopt.engines.stacked import StackedEngine
from neuralopt.language import RULES, parse
from neuralopt.tasks import load_task
from neuralopt.tasks.char_rnn import CELLS
from neuralopt.tasks.initialisations import ACTIVATIONS, INITIALISATIONS

SPLITS = ("validation",)


def network(name, seed=0, **options):
    return initial_parameters(load_task(name, **options), seed, 0)


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        ("pytorch", 1 / (3 * 64)),
        ("he", 2 / 64),
        ("glorot", 2 / (64 + 256)),
        ("lecun", 1 / 64),
        ("normal", 0.3**2),
    ],
)
def test_weights_have_the_variance_of_their_initialisation(init, variance):
    made = network("digits_mlp", depth=1, width=256, init=init, std=0.3)
    weight = made.linear1.weight.double()
    # Of 16,384 numbers the variance is known to 1.1%, the mean to a 128th deviation.
    assert weight.var().item() == pytest.approx(variance, rel=0.05)
    assert abs(weight.mean().item()) < 4 * math.sqrt(variance) / 128
    assert made.linear1.bias.any() == (init == "pytorch")


def test_orthogonal_matrices_keep_lengths():
    weight = network("digits_mlp", width=64, init="orthogonal").linear2.weight.double()
    torch.testing.assert_close(
        weight @ weight.T, torch.eye(64).double(), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_network_is_that_of_its_options(activation, batch_norm):
    options = {"depth": 3, "width": 7, "activation": activation, "init": "he"}
    made = network("digits_mlp", batch_norm=batch_norm, **options)
    assert len(made) == 3 * (3 if batch_norm else 2) + 1
    inputs = load_task("digits").examples("training").inputs[:9]
    values = inputs
    function = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
    for number in (1, 2, 3):
        layer = made.get_submodule(f"linear{number}")
        values = values @ layer.weight.T
        if batch_norm:
            assert layer.bias is None
            centred = values - values.mean(0)
            values = centred / (centred.square().mean(0) + 1e-5).sqrt()
        else:
            values = values + layer.bias
        values = function.get(activation, lambda x: torch.max(x, x / 100))(values)
    expected = values @ made.output.weight.T + made.output.bias
    torch.testing.assert_close(made(inputs), expected, atol=1e-5, rtol=1e-4)


def test_every_engine_trains_a_network_as_the_serial_engine_does():
    children = [Child(rule, 0.01, 0) for rule in (parse("g"), RULES["adam"].expression)]
    refused = 0
    for number, activation in enumerate(ACTIVATIONS):
        init = INITIALISATIONS[1 + number]
        task = load_task(
            "digits_mlp",
            depth=2,
            width=8,
            activation=activation,
            init=init,
            batch_norm=number == 1,
        )
        serial = SerialEngine(task, 0, torch.float64).train(children, 1, SPLITS, 192)
        for engine in (StackedEngine, NativeEngine):
            try:
                made = engine(task, 0, torch.float64)
            except UnsupportedTaskError:
                assert activation == "leaky_relu" or number == 1
                refused += 1
                continue
            found = made.train(children, 1, SPLITS, 192)
            for one, other in zip(serial, found, strict=True):
                assert other.curve == pytest.approx(one.curve, rel=1e-9)
                assert other.losses == pytest.approx(one.losses, rel=1e-9)
    assert refused == 2


@pytest.mark.parametrize("cell", CELLS)
def test_a_recurrent_network_is_trained_alike_by_both_engines(cell):
    task = load_task("char_rnn", cell=cell, width=4, time=3, init="orthogonal")
    child = [Child(parse("g"), 0.3, 0)]
    one, other = (
        engine(task, 0, torch.float64).train(child, 1, SPLITS, 32)
        for engine in (SerialEngine, StackedEngine)
    )
    assert other[0].curve == pytest.approx(one[0].curve, rel=1e-9)
    assert other[0].losses == pytest.approx(one[0].losses, rel=1e-9)


def test_forget_gates_begin_with_their_bias():
    plain, biased = (
        network("char_rnn", width=5, forget_bias=bias) for bias in (0.0, 2.0)
    )
    added = biased.recurrent.bias_ih_l0 - plain.recurrent.bias_ih_l0
    assert torch.equal(
        added.round(decimals=5), torch.tensor([0.0] * 5 + [2.0] * 5 + [0.0] * 10)
    )
    # What torch does with the second block: an open forget gate keeps the cell state.
    cell = nn.LSTMCell(5, 5)
    cell.load_state_dict(
        {
            name.removesuffix("_l0"): torch.zeros_like(each)
            for name, each in biased.recurrent.state_dict().items()
        }
    )
    with torch.no_grad():
        cell.bias_ih.view(4, 5)[1] += 50
        _, kept = cell(torch.zeros(1, 5), (torch.zeros(1, 5), torch.full((1, 5), 3.0)))
    assert kept.tolist() == [[3.0] * 5]


@pytest.mark.parametrize("cell", ["rnn", "gru"])
@pytest.mark.parametrize("init", ["orthogonal", "identity", "normal"])
def test_recurrent_matrices_are_filled_gate_by_gate_and_scaled(cell, init):
    made = network("char_rnn", cell=cell, width=40, init=init, gain=0.5)
    gates = made.recurrent.weight_hh_l0.double().split(40)
    assert len(gates) == (3 if cell == "gru" else 1)
    for gate in gates:
        if init == "normal":
            assert gate.var().item() == pytest.approx(0.25 / 40, rel=0.2)
            continue
        product = gate @ gate.T
        torch.testing.assert_close(
            product, 0.25 * torch.eye(40).double(), atol=1e-5, rtol=0
        )
    if init == "identity":
        assert torch.equal(gates[0], 0.5 * torch.eye(40).double())


def test_windows_have_the_length_that_is_asked_for():
    task = load_task("char_rnn", time=64)
    examples = task.examples("training")
    assert examples.inputs.shape == (320, 64)
    assert torch.equal(examples.inputs[:, 1:], examples.targets[:, :-1])
    short = load_task("char_rnn").examples("training")
    known = load_task("char_gru").examples("training")
    assert torch.equal(short.inputs, known.inputs)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("digits_mlp", {"activation": "gelu"}, "activation is 'gelu'"),
        ("digits_mlp", {"activation": "tan"}, "did you mean 'tanh'"),
        ("digits_mlp", {"init": "xavier"}, "init is 'xavier'"),
        ("digits_mlp", {"depth": 0}, "depth is 0: give 1 to 200"),
        ("digits_mlp", {"width": 5000}, "width is 5000: give 1 to 1024"),
        ("digits_mlp", {"init": "normal", "std": 0.0}, "std is 0.0: give a standard"),
        ("digits_mlp", {"std": math.inf}, "std is inf"),
        ("digits_mlp", {"cell": "rnn"}, "cell is not an option of digits_mlp"),
        ("char_rnn", {"cell": "ltsm"}, "did you mean 'lstm'"),
        ("char_rnn", {"time": 65}, "time is 65: give 2 to 64"),
        ("char_rnn", {"gain": -1.0}, "gain is -1.0: give a factor above 0"),
        ("char_rnn", {"forget_bias": math.nan}, "forget_bias is nan"),
        ("char_rnn", {"cell": "gru", "forget_bias": 1.0}, "gru has no forget gate"),
        ("char_rnn", {"activation": "relu"}, "activation is for cell=rnn"),
    ],
)
def test_an_option_that_is_wrong_is_a_line(name, options, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        load_task(name, **options)
    assert "\n" not in str(caught.value)


def test_the_default_tasks_never_change():
    # Archives keep the fingerprint: other data or options would make scores strangers.
    assert load_task("digits_mlp").fingerprint == "f0c96d7478907d74"
    assert load_task("char_rnn").fingerprint == "6e118ef791b575d7"


def test_every_option_changes_the_fingerprint():
    default = load_task("digits_mlp").fingerprint
    changes = [
        {"depth": 4},
        {"width": 31},
        {"activation": "tanh"},
        {"init": "he"},
        {"std": 0.2},
        {"batch_norm": True},
    ]
    found = {load_task("digits_mlp", **each).fingerprint for each in changes}
    assert len(found | {default}) == 1 + len(changes)
    default = load_task("char_rnn").fingerprint
    changes = [
        {"cell": "rnn"},
        {"depth": 2},
        {"width": 31},
        {"time": 8},
        {"init": "identity"},
        {"gain": 2.0},
        {"forget_bias": 1.0},
    ]
    found = {load_task("char_rnn", **each).fingerprint for each in changes}
    assert len(found | {default}) == 1 + len(changes)
