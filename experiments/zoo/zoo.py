"""Print the table of named rules, with the deviation of each from its reference.

    python experiments/zoo/zoo.py > docs/ZOO.md

Each rule takes 200 steps on prescribed gradients in float64, and so does torch's own
optimizer or, where torch has none, the numpy derivation of the tests. The deviation is
the largest difference of a weight, relative to max(1, |weight|).
"""

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt import RULES, RuleOptimizer, render
from tests.optimizer.test_known_optimizers import CASES
from tests.optimizer.test_zoo import DERIVED, RATE, SEED, SIZE, STEPS, gradient

HEADER = """\
# The zoo

The named rules of `neuralopt.RULES`, each one line of the language. *Deviation* is the
largest difference of a weight from the reference, relative to max(1, |weight|), in 200
steps in float64: from torch.optim where torch has the optimizer, else from a numpy
derivation in `tests/optimizer/test_zoo.py`. Made by `python experiments/zoo/zoo.py`.
`adam`, `rmsprop`, `m`, `v`, `ld`, `cd` and `rd` are abbreviations of the language. What
is marked *as recalled* could not be checked in the paper.

Under a schedule, a learning rate outside the momentum, as here and in torch, differs
from one inside it (Sutskever et al. 2013): old steps are rescaled with new ones.

| name | rule | lr | reference | deviation | |
|---|---|---|---|---|---|"""


Weights = npt.NDArray[np.float64]
Move = Callable[[Weights, int], Weights]
"""Takes a step, given the gradient and the step's number; returns the weights."""


def steps_of(move: Move) -> list[Weights]:
    """Weights after each step."""
    return [move(gradient(step), step) for step in range(STEPS)]


def by(optimizer: torch.optim.Optimizer) -> Move:
    """The steps of an optimizer of one parameter."""
    weight = optimizer.param_groups[0]["params"][0]

    def move(g: Weights, _: int) -> Weights:
        weight.grad = torch.from_numpy(g)
        optimizer.step()
        found: Weights = weight.detach().numpy().copy()
        return found

    return move


def derivation(name: str, start: Weights) -> Move:
    """The steps of a numpy derivation of the tests."""
    derived, weights = DERIVED[name](), start

    def move(g: Weights, step: int) -> Weights:
        nonlocal weights
        weights = np.asarray(weights - RATE * derived(g, weights, step + 1, STEPS))
        return weights

    return move


def deviation(name: str) -> tuple[float, str]:
    """The deviation of a rule from its reference, and which reference that is."""
    start = np.random.default_rng(0).normal(size=SIZE)

    def weight() -> list[torch.nn.Parameter]:
        return [torch.nn.Parameter(torch.from_numpy(start.copy()))]

    ours = RuleOptimizer(weight(), RULES[name], RATE, total_steps=STEPS, seed=SEED)
    torch_class = next((kind for rule, kind in CASES.values() if rule == name), None)
    if name == "adamw":
        torch_class = torch.optim.AdamW
    if torch_class is not None:
        reference, source = by(torch_class(weight(), lr=RATE)), "torch"
    else:
        reference, source = derivation(name, start), "numpy"
    pairs = zip(steps_of(by(ours)), steps_of(reference), strict=True)
    far = max(np.max(np.abs(a - b) / np.maximum(1, np.abs(b))) for a, b in pairs)
    return float(far), source


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_json_option(parser)
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)  # of the scalar states of torch's optimizers
    print(HEADER)
    rows: list[dict[str, object]] = []
    for rule in RULES.values():
        far, source = deviation(rule.name)
        bound = "0" if far == 0 else f"< 1e{math.floor(math.log10(far)) + 1}"
        text = render(rule.expression).replace("|", r"\|")
        print(
            f"| {rule.name} | `{text}` | {rule.lr:g} | {rule.reference} | "
            f"{bound} ({source}) | {rule.about} |"
        )
        rows.append({"rule": rule.name, "deviation": far, "from": source})
    write_results(arguments.json, {"rules": rows})


if __name__ == "__main__":
    main()
