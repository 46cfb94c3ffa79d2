"""Print the table of named rules, with the deviation of each from its reference.

    python experiments/zoo/zoo.py > docs/ZOO.md

Each rule takes 200 steps on prescribed gradients in float64, and so does torch's own
optimizer or, where torch has none, the numpy derivation of the tests. The deviation is
the largest difference of a weight, relative to max(1, |weight|).

Rules of tensor scope and of recent years take 100 steps from each of three seeds, on a
vector, a tall and a wide matrix and the weights of a convolution. They are compared
with the derivation and with torch, pytorch_optimizer and optax as well; their deviation
is relative to the farthest that a weight of the parameter moved. So are a few older
rules that torch has no optimizer for.
"""

import argparse
import functools
import importlib.metadata
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt import RULES, Rule, RuleOptimizer, render
from neuralopt.language import simplify
from neuralopt.machine import straight_line
from neuralopt.machine.emit import element_operations
from neuralopt.machine.extents import for_kind, state_extents
from tests.optimizer.test_known_optimizers import CASES
from tests.optimizer.test_zoo import DERIVED, RATE, SEED, SIZE, STEPS, gradient
from tests.optimizer.zoo_derivations import DERIVED as RECENT
from tests.optimizer.zoo_optax import OF_OPTAX, has_optax, in_float64, optax_walk
from tests.optimizer.zoo_references import OF_PACKAGE, OF_TORCH, has_package, in_double
from tests.optimizer.zoo_walks import derived_walk, reference_walk
from tests.optimizer.zoo_walks import deviation as deviation_of

HEADER = """\
# The zoo

The named rules of `neuralopt.RULES`, each one line of the language. *Deviation* is the
largest difference of a weight from the reference, relative to max(1, |weight|), in 200
steps in float64: from torch.optim where torch has the optimizer, else from a numpy
derivation in `tests/optimizer/test_zoo.py`. From `adabelief` on it is the largest
difference relative to the farthest that a weight of the same parameter moved, in 100
steps from each of three seeds, on a vector (7), two matrices (5 x 3, 3 x 6) and a
convolution (4 x 2 x 3 x 3); first from numpy (`tests/optimizer/zoo_derivations.py`),
then from the packages (`tests/optimizer/zoo_references.py`, `zoo_optax.py`), with which
a few older rules are compared in the same way. Rules called for matrices skip the
vector. Made by `python experiments/zoo/zoo.py` with
{versions}.

*Memory* is in tensors of the parameter's size; `r`, `c` and `1` are a number for each
row, each column and the whole parameter. *Operations* are those on tensors in a step of
a matrix.

`adam`, `rmsprop`, `m`, `v`, `ld`, `cd` and `rd` are abbreviations of the language. What
is marked *as recalled* could not be checked in the paper.

Under a schedule, a learning rate outside the momentum, as here and in torch, differs
from one inside it (Sutskever et al. 2013): old steps are rescaled with new ones.

| name | rule | lr | reference | deviation | memory | operations | |
|---|---|---|---|---|---|---|---|"""

SHORT = {"element": "", "rows": "r", "columns": "c", "tensor": "1"}
"""Signs of what a tensor of memory has a number for."""

UNSAID = """
## What is different, and what cannot be said

- **Adafactor, CAME** factor the parameter's matrix (first dimension by all others);
  torch and pytorch_optimizer factor the last two dimensions of a convolution. They are
  compared on the flattened matrix.
- **Muon** iterates in the parameter's precision, torch in bfloat16. The deviation is
  from torch's own code with its conversion to bfloat16 taken out; as it is, a step
  differs by less than 8% (`tests/optimizer/test_recent_rules.py`).
- **ADOPT** bounds the first gradient that it steps by at 1, as in optax;
  pytorch_optimizer, which counts one step more, is given the bound of optax.
- **LARS** adds the norms of gradient and decay, as in pytorch_optimizer;
  optax takes the norm of their sum. **Yogi** begins at 0 without bias correction; both
  packages begin at 1e-6 and correct. What else optax defines differently is in
  `tests/optimizer/zoo_optax.py`.
- **Schedule-free** is exact at a constant learning rate. It evaluates at the average x;
  a rule has the weights y, and no second set of weights.
- **Weight decay** that is inside an optimizer's step (LARS, LAMB, StableAdamW) is in
  the text; the rest leave it to `weight_decay`, except cautious_adamw and muon_adamw.
- **Shampoo, SOAP, PSGD, KL-SOAP**: need a state of rows x rows (`x x'`), its root or
  eigenvectors, and products of matrices. States have a number for each element, row or
  column; the only products of matrices are inside `orthogonalize`.
- **GaLore, Conda, Fira**: a projection by singular vectors that are kept: the same.
- **Adam-mini**: means over blocks such as attention heads; the language has no blocks.
- **Fromage, Nero, MuonH, AdaGO, MADGRAD**: project the weights after the step, or bound
  or take roots of the learning rate, which is not a value of the language.
- **Prodigy, D-Adaptation, DoG, global clipping**: norms over all parameters together;
  `norm` is of one parameter.
- **SAM, Sophia, AdaHessian**: a second gradient or a Hessian product in each step.
- **Celo2**, a learned optimizer: its network and weights are not here; its
  [30 inputs](explanation/learned-optimizers.md#inputs-as-rules) are rules.
- **MuonClip**: bounds the logits of attention, which an update does not see.
"""

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


def largest(name: str, walk: Callable[..., Any]) -> float:
    """The largest deviation of a rule from a walk, of three seeds."""
    return max(float(deviation_of(name, walk, 100, seed)) for seed in (1, 2, 3))


def of_packages(name: str) -> dict[str, float]:
    """Largest deviations of a rule from the packages that have it."""
    found = {}
    tables = {"torch": OF_TORCH, "pytorch_optimizer": OF_PACKAGE if has_package else {}}
    for source, table in tables.items():
        if name in table:
            with in_double():
                walk = functools.partial(walk_of, table[name])
                found[source] = largest(name, walk)
    if has_optax and name in OF_OPTAX:
        with in_float64():
            found["optax"] = largest(name, optax_walk)
    return found


def walk_of(make: Any, name: str, start: list[Weights], steps: int) -> Any:
    """The walk of an optimizer of torch's kind."""
    return reference_walk(name, make, start, steps)


def costs(rule: Rule) -> tuple[str, int]:
    """Memory and operations of a step of a matrix."""
    code = for_kind(straight_line(simplify(rule.expression)), "matrix")
    kept = [SHORT[extent] for extent in state_extents(code)]
    whole = str(kept.count(""))
    small = [sign for sign in ("r", "c", "1") for _ in range(kept.count(sign))]
    memory = " + ".join([whole, *small] if whole != "0" or not small else small)
    return memory, len(list(element_operations(code)))


def bound(far: float) -> str:
    """A power of ten above a deviation."""
    return "0" if far == 0 else f"< 1e{math.floor(math.log10(far)) + 1}"


def versions() -> str:
    """Names and versions of the packages that rules are compared with."""
    there = {"torch": True, "pytorch_optimizer": has_package, "optax": has_optax}
    names = [name for name, found in there.items() if found]
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rules", nargs="+", choices=RULES, default=[*RULES], metavar="NAME"
    )
    add_json_option(parser)
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)  # of the scalar states of torch's optimizers
    print(HEADER.format(versions=versions()))
    rows: list[dict[str, object]] = []
    for rule in (RULES[name] for name in arguments.rules):
        if rule.name in RECENT:
            found = {"numpy": largest(rule.name, derived_walk)}
        else:
            far, source = deviation(rule.name)
            found = {source: far}
        found |= of_packages(rule.name)
        shown = "; ".join(f"{bound(far)} ({source})" for source, far in found.items())
        memory, operations = costs(rule)
        text = render(rule.expression).replace("|", r"\|")
        print(
            f"| {rule.name} | `{text}` | {rule.lr:g} | {rule.reference} | "
            f"{shown} | {memory} | {operations} | {rule.about} |"
        )
        row: dict[str, object] = {"rule": rule.name, "deviations": found}
        rows.append(row | {"memory": memory, "operations": operations})
    print(UNSAID)
    write_results(arguments.json, {"rules": rows})


if __name__ == "__main__":
    main()
