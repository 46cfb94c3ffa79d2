"""Template of the test of an exported file whose rule has tensor scope."""

FILE = '''{header}: the test of an export.
"""{class_name} takes the steps that neuralopt's own interpreter takes, in float64."""

import importlib.util
import pathlib

import torch

PATH = pathlib.Path(__file__).with_name({name})
STARTS, STEPS = {starts}, {steps}
GOLDEN = {{
{golden}
}}
"""Step -> weights of the matrix and of the vector after it."""


def optimizer_of(weights):
    spec = importlib.util.spec_from_file_location("exported", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.{class_name}(weights, lr={rate}{options})


def start():
    """A matrix, whose rows differ in sign, and a vector."""
    vector = torch.tensor(STARTS, dtype=torch.float64)
    return list(map(torch.nn.Parameter, (torch.stack([vector, -vector]), vector)))


def take_step(optimizer, weights, step):
    """Gradients are small fractions of both signs, and now and then 0."""
    for weight in weights:
        numbers = [((7 * step + 3 * i * i) % 11 - 5) / 8 for i in range(weight.numel())]
        weight.grad = torch.tensor(numbers, dtype=torch.float64).view(weight.shape)
    optimizer.step({loss})


def flat(weights):
    return torch.cat([weight.detach().flatten() for weight in weights])


def test_the_trajectory_is_golden():
    weights = start()
    optimizer = optimizer_of(weights)
    for step in range(1, STEPS + 1):
        take_step(optimizer, weights, step)
        if step in GOLDEN:
            expected = torch.tensor(GOLDEN[step], dtype=torch.float64)
            torch.testing.assert_close(
                flat(weights), expected, rtol=1e-9, atol=1e-12, equal_nan=True
            )


def test_a_saved_state_goes_on_exactly(tmp_path):
    weights = start()
    optimizer = optimizer_of(weights)
    for step in range(1, STEPS + 1):
        take_step(optimizer, weights, step)
        if step == STEPS // 2:
            torch.save([weights, optimizer.state_dict()], tmp_path / "state.pt")
    with torch.serialization.safe_globals([torch.nn.Parameter]):
        others, state = torch.load(tmp_path / "state.pt")
    again = optimizer_of(others)
    again.load_state_dict(state)
    for step in range(STEPS // 2 + 1, STEPS + 1):
        take_step(again, others, step)
    assert torch.equal(flat(weights).nan_to_num(), flat(others).nan_to_num())
'''
