"""Write the test of an exported file: a golden trajectory, and an exact resume."""

import json
import math

import torch

from neuralopt.export.file_text import HEADER
from neuralopt.language import Expression, simplify
from neuralopt.machine import straight_line
from neuralopt.optimizer.optimizer import RuleOptimizer

STARTS, STEPS, SHOWN, RATE, TOTAL_STEPS = (0.5, -1.0, 2.0), 20, (1, 2, 5, 20), 0.01, 25

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
"""Step -> all weights after it."""


def optimizer_of(weights):
    spec = importlib.util.spec_from_file_location("exported", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.{class_name}(weights, lr={rate}{options})


{start}


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

VECTOR = """def start():
    return [torch.nn.Parameter(torch.tensor(STARTS, dtype=torch.float64))]"""

MATRIX_AND_VECTOR = '''def start():
    """A matrix, whose rows differ in sign, and a vector."""
    vector = torch.tensor(STARTS, dtype=torch.float64)
    return list(map(torch.nn.Parameter, (torch.stack([vector, -vector]), vector)))'''


def golden_source(
    expression: Expression, class_name: str, name: str, file: str = FILE
) -> str:
    """Return the text of a pytest file for an export.

    Args:
        expression: the rule.
        class_name: of the exported optimizer.
        name: of the exported file.
        file: template of the test, by default for torch.

    Returns:
        The text, with the weights that a RuleOptimizer reaches in float64.
    """
    whole = straight_line(simplify(expression)).has_tensor_scope
    starts = torch.tensor(STARTS, dtype=torch.float64)
    weights = [torch.nn.Parameter(starts)]
    if whole:
        weights.insert(0, torch.nn.Parameter(torch.stack([starts, -starts])))
    optimizer = RuleOptimizer(weights, expression, RATE, total_steps=TOTAL_STEPS)
    programs = optimizer.programs.values()
    needs_loss = any(program.needs_loss for program in programs)
    lines = []
    for step in range(1, STEPS + 1):
        for weight in weights:
            places = range(weight.numel())
            numbers = [((7 * step + 3 * i * i) % 11 - 5) / 8 for i in places]
            weight.grad = torch.tensor(numbers, dtype=torch.float64).view(weight.shape)
        optimizer.step(loss=1.0 / step if needs_loss else None)
        if step in SHOWN:
            values = [
                value for weight in weights for value in weight.flatten().tolist()
            ]
            lines += _entry(step, [_number(value) for value in values])
    planned = any(program.needs_total_steps for program in programs)
    return file.format(
        header=HEADER,
        name=json.dumps(name),
        class_name=class_name,
        starts=STARTS,
        steps=STEPS,
        golden="\n".join(lines),
        start=MATRIX_AND_VECTOR if whole else VECTOR,
        rate=RATE,
        options=f", total_steps={TOTAL_STEPS}" if planned else "",
        loss="loss=1.0 / step" if needs_loss else "",
    )


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _entry(step: int, values: list[str]) -> list[str]:
    """A line of GOLDEN, or one for each value where they are long."""
    line = f"    {step}: ({', '.join(values)}),"
    if len(line) <= 88:
        return [line]
    return [f"    {step}: (", *(f"        {value}," for value in values), "    ),"]
