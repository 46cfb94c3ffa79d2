"""What is checked of a random rule, each by a function that raises AssertionError.

A check returns what it did, for the counts: ``compared``, or why it did not compare.
"""

import importlib.util
import random
import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch

from experiments.fuzz.comparing import (
    RATE,
    TOTAL_STEPS,
    Case,
    Path,
    difference,
    finite_part,
    random_case,
    walk,
)
from experiments.fuzz.walking import Walker
from neuralopt.catalog import catalog
from neuralopt.engines.parameters import ParameterLayout
from neuralopt.engines.stacked.updates import UpdateSpec, updates_for
from neuralopt.language import Expression, parse, render, simplify
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine import straight_line
from neuralopt.machine.probe import Probe, kernel_values
from neuralopt.optimizer import RuleOptimizer
from neuralopt.optimizer.draws import draw
from neuralopt.spaces import Space

SHAPE = (2, 3)
"""Of the parameter whose values are compared: the matrix of a probe of six elements."""

HAS_NUMBA = importlib.util.find_spec("numba") is not None
DRAWING = [name for name, each in PRIMITIVES.items() if each.draw]
WIDE = [name for name, each in PRIMITIVES.items() if str(each.scope) != "element"]


def check_text(rule: Expression) -> str:
    """Printed forms parse back; the canonical form is its own; LaTeX is balanced."""
    canonical = simplify(rule)
    assert simplify(canonical) == canonical, f"not idempotent: {canonical}"
    for each in (rule, canonical):
        assert parse(str(each)) == each, f"reads as another rule: {each}"
        folded = parse(render(each))
        same = folded == each or simplify(folded) == canonical
        assert same, f"reads as another rule: {render(each)}"
        latex = render(each, "latex")
        assert _is_balanced(latex), f"unbalanced: {latex}"
    return "compared"


def check_canonical_form(rule: Expression, case: Case) -> str:
    """Where a rule is finite its canonical form has the same values."""
    if rule.contains(*DRAWING):
        return "has random bits of its own"
    expected = walk(rule, case)
    steps = finite_part(expected)
    found = walk(simplify(rule), case)
    _agree(rule, case, expected[:steps], found[:steps])
    return "compared" if steps else "not finite"


def check_optimizer(rule: Expression, case: Case) -> str:
    """RuleOptimizer takes the steps of the walk, in float64."""
    return compare(rule, case, optimizer_path(rule, case))


def check_fused(rule: Expression, case: Case) -> str:
    """So does its compiled loop."""
    return compare(rule, case, optimizer_path(rule, case, fused=True))


def check_kernels(rule: Expression, case: Case) -> str:
    """Kernels on probes have the values of the walk."""
    if not HAS_NUMBA:
        return "numba is not installed"
    gradients = np.array(case.gradients)[:, None, :]
    probe = Probe(gradients, np.array(case.start), case.seed, TOTAL_STEPS)
    found = kernel_values(probe, [simplify(rule)])[0, :, 0].tolist()
    return compare(rule, case, found, still=True)


def check_bytecode(rule: Expression, case: Case) -> str:
    """The kernel that interprets bytecode takes the steps of the walk."""
    network = torch.nn.Module()
    network.w = torch.nn.Parameter(torch.zeros(case.shape))
    layout = ParameterLayout(network)
    like = torch.zeros(layout.length, dtype=torch.float64)

    def draws(kind: str, step: int, stream: int) -> torch.Tensor:
        return draw(kind, (case.seed, 0, step, stream), like)

    def padded(values: list[float]) -> torch.Tensor:
        row = [*values, *[1.0] * (layout.length - len(values))]
        return torch.tensor([row], dtype=torch.float64)

    weights, counters = padded(case.start), (case.seed, 0)
    spec = UpdateSpec(
        [simplify(rule)], [RATE], TOTAL_STEPS, counters, draws, 0.0, layout
    )
    updates, path = updates_for(spec, weights), []
    for step, (gradient, loss) in enumerate(
        zip(case.gradients, case.losses, strict=True)
    ):
        losses = torch.tensor([loss], dtype=torch.float64)
        updates.step(weights, padded(gradient), step, 1.0, losses)
        path.append(weights[0, : layout.count].tolist())
    return compare(rule, case, path)


CHECKS: Mapping[str, Callable[[Expression, Case], str]] = {
    "canonical form": check_canonical_form,
    "optimizer": check_optimizer,
    "kernels": check_kernels,
    "bytecode": check_bytecode,
}
"""Those that take a rule and a training."""


def check_space(rng: random.Random, name: str) -> str:
    """Rows of a space decode and encode to rules of the same canonical form."""
    space = Space.from_mapping(name, catalog("space")[name])
    generator = np.random.default_rng(rng.randrange(1 << 32))
    rows = space.sample(2, generator)
    rows = np.concatenate([rows, [space.mutate(row, generator) for row in rows]])
    for row in rows:
        rule = space.decode(row)
        assert space.valid(row), f"{name}: {row.tolist()} is not valid"
        assert parse(str(rule)) == rule, f"{name}: reads as another rule: {rule}"
        try:
            again = space.encode(rule)
        except ValueError as error:  # it may miss a row, and says so
            refused(error)
            continue
        form = simplify(space.decode(again))
        assert form == simplify(rule), f"{name}: {rule} comes back as {form}"
    return "compared"


def optimizer_path(rule: Expression, case: Case, fused: bool = False) -> Path:
    """Return the parameter after each step of a RuleOptimizer, in float64."""
    start = torch.tensor(case.start, dtype=torch.float64).view(case.shape)
    parameter = torch.nn.Parameter(start)
    optimizer = RuleOptimizer(
        [parameter], rule, RATE, total_steps=TOTAL_STEPS, seed=case.seed, fused=fused
    )
    path = []
    for gradient, loss in zip(case.gradients, case.losses, strict=True):
        parameter.grad = torch.tensor(gradient, dtype=torch.float64).view(case.shape)
        optimizer.step(partial(float, loss))
        path.append(parameter.detach().flatten().tolist())
    return path


def refused(error: ValueError) -> str:
    """Return ``refused``; AssertionError if the error is not said in one line."""
    if "\n" in str(error):
        raise AssertionError(f"not one line: {error}") from None
    return "refused"


def case_for(rng: random.Random) -> Case:
    """Return a training of the parameter that checks compare."""
    return random_case(rng, SHAPE)


def compare(rule: Expression, case: Case, found: Path, still: bool = False) -> str:
    """Compare a trajectory with the walk of the canonical form."""
    canonical = simplify(rule)
    if canonical.contains(*DRAWING):
        walker = Walker(canonical, case.shape, case.seed, TOTAL_STEPS)
        walker.step(case.gradients[0], case.start, case.losses[0])
        if len(walker.streams) != len(straight_line(canonical).draws):
            return "numbers its random bits in another way"
    _agree(canonical, case, walk(canonical, case, still), found, still)
    return "compared"


def _agree(
    rule: Expression, case: Case, expected: Path, found: Path, still: bool = False
) -> None:
    told = difference(rule, case, expected, found, still)
    assert not told, told


def _is_balanced(latex: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0 and latex.count(r"\left") == latex.count(r"\right")
