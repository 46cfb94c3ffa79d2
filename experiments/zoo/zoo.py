"""The table of the zoo: every named rule, and how far it is from its reference.

    python experiments/zoo/zoo.py > docs/ZOO.md

Each rule takes 200 steps beside torch's own optimizer, or beside the numpy derivation
of the tests, on prescribed gradients in float64. The deviation is the largest
difference of a weight, relative to max(1, |weight|).
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # the oracles stand in tests/

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


def steps_of(move: Callable[[np.ndarray, int], np.ndarray]) -> list[np.ndarray]:
    """Weights after each step; move(gradient, step) returns them."""
    return [move(gradient(step), step) for step in range(STEPS)]


def by(optimizer: torch.optim.Optimizer) -> Callable[[np.ndarray, int], np.ndarray]:
    weight = optimizer.param_groups[0]["params"][0]

    def move(g: np.ndarray, _: int) -> np.ndarray:
        weight.grad = torch.from_numpy(g)
        optimizer.step()
        found: np.ndarray = weight.detach().numpy().copy()
        return found

    return move


def deviation(name: str) -> tuple[float, str]:
    """From the reference, and what that is."""
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
        derived, w, source = DERIVED[name](), start, "numpy"

        def reference(g: np.ndarray, step: int) -> np.ndarray:
            nonlocal w
            w = w - RATE * derived(g, w, step + 1, STEPS)
            return w

    pairs = zip(steps_of(by(ours)), steps_of(reference), strict=True)
    far = max(np.max(np.abs(a - b) / np.maximum(1, np.abs(b))) for a, b in pairs)
    return float(far), source


def main() -> None:
    torch.set_default_dtype(torch.float64)  # for what torch keeps once an optimizer
    print(HEADER)
    for rule in RULES.values():
        far, source = deviation(rule.name)
        bound = "0" if far == 0 else f"< 1e{math.floor(math.log10(far)) + 1}"
        text = render(rule.expression).replace("|", r"\|")
        print(
            f"| {rule.name} | `{text}` | {rule.lr:g} | {rule.reference} | "
            f"{bound} ({source}) | {rule.about} |"
        )


if __name__ == "__main__":
    main()
