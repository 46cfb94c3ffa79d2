"""Every export target writes files that take the steps of RuleOptimizer."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from neuralopt.export.export import TARGETS
from neuralopt.language import parse, simplify
from neuralopt.language.primitives import WHOLE
from tests.conformance import targets as checks
from tests.conformance.rules import DRAWN, EXAMPLE_RULES, SCHEDULED, STATEFUL


class Kind(NamedTuple):
    """How a target's files are run: what they need, how they step, how exactly."""

    needs: str
    steps: checks.Steps
    tolerance: float


KINDS: Mapping[str, Kind] = {
    "torch": Kind("torch", checks.steps_of_torch, 0.0),
    "optax": Kind("optax", checks.steps_of_optax, 1e-12),
}
RULES = {
    **{str(rule): rule for rule in EXAMPLE_RULES.values()},
    **{text: text for text in (*DRAWN, *SCHEDULED, *STATEFUL)},
}
every = pytest.mark.parametrize(
    "target",
    [
        # XLA compiles each operation for a while.
        pytest.param(name, marks=pytest.mark.slow) if name == "optax" else name
        for name in TARGETS
    ],
)


def test_every_target_is_in_this_suite() -> None:
    assert set(KINDS) == set(TARGETS)


@pytest.mark.parametrize(
    "target", [n for n, t in TARGETS.items() if not t.tensor_scope]
)
def test_a_target_without_tensor_scope_says_so(target: str, tmp_path: Path) -> None:
    for rule in EXAMPLE_RULES.values():
        if simplify(rule).contains(*WHOLE):
            with pytest.raises(ValueError, match="tensor scope"):
                checks.writer(target)(rule, tmp_path / "rule.py", "exported")
    assert not list(tmp_path.iterdir())


@every
@pytest.mark.timeout(600)
def test_the_tests_that_are_written_pass(target: str, tmp_path: Path) -> None:
    pytest.importorskip(KINDS[target].needs)
    rules = [*STATEFUL, *DRAWN, *SCHEDULED]
    if TARGETS[target].tensor_scope:
        rules.append("where(matrix, orthogonalize(m), loss * rows(g))")
    checks.check_written_tests_pass(target, rules, tmp_path)


@every
@pytest.mark.parametrize("rule", RULES)
def test_an_export_takes_the_steps_of_rule_optimizer(
    target: str, rule: str, tmp_path: Path
) -> None:
    pytest.importorskip(KINDS[target].needs)
    kind = KINDS[target]
    if simplify(parse(rule)).contains(*WHOLE) and not TARGETS[target].tensor_scope:
        pytest.skip(f"{target} refuses rules of tensor scope")
    write = checks.writer(target)
    checks.check_steps(
        write, RULES[rule], tmp_path / "rule.py", kind.steps, kind.tolerance
    )
