"""Every primitive of the table keeps its laws, and all its forms agree."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from neuralopt.language import parse
from neuralopt.language.primitive import Primitive
from neuralopt.language.primitives import PRIMITIVES
from tests.conformance import primitives as checks
from tests.conformance.rules import EXAMPLE_RULES

FORMS = ("torch", "kernel", "jax")


def normal_divisor(x: checks.Array, y: checks.Array) -> Any:
    return (np.abs(y) >= checks.SMALLEST_NORMAL) & (np.abs(x) < 1e300 * np.abs(y))


ZEROS = checks.Agreement(
    "of a zero and a minus zero either may be returned: simplify knows (_commute)",
    zeros_alike=True,
)
REMAINDER = checks.Agreement(
    "the quotient of numbers of very different size overflows",
    comparable=normal_divisor,
)
AGREEMENTS: Mapping[tuple[str, str], checks.Agreement] = {
    **{(name, form): ZEROS for name in ("min", "max", "clip") for form in FORMS},
    ("remainder", "torch"): REMAINDER,
    ("remainder", "jax"): REMAINDER,
    ("sqrt", "torch"): checks.Agreement(
        "torch's square root of float64 is not correctly rounded", False, units=1
    ),
}
"""(primitive, form) -> what it promises; all others agree as their laws say."""

ELEMENTS = {name: each for name, each in PRIMITIVES.items() if each.scope == "element"}
"""Those of tensor scope are in `test_tensor_scope`."""
FUNCTIONS = [name for name, each in ELEMENTS.items() if each.parameters]
EVALUATED = [name for name in FUNCTIONS if not PRIMITIVES[name].draw]
every = pytest.mark.parametrize("name", ELEMENTS)
# Warnings are those of numpy's spacing at infinities, and of IEEE 754's own overflows.
quiet = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


def check_form(name: str, form: str, values: checks.Form) -> None:
    agreement = AGREEMENTS.get((name, form), checks.Agreement())
    # XLA takes subnormal numbers as 0 on a CPU.
    checks.check_form(PRIMITIVES[name], values, agreement, subnormal=form != "jax")


@quiet
@every
def test_laws_hold_for_every_float(name: str) -> None:
    checks.check_laws(PRIMITIVES[name])


@quiet
@pytest.mark.parametrize("name", [n for n in EVALUATED if n not in ("power", "fold")])
def test_simplifying_keeps_every_finite_value(name: str) -> None:
    checks.check_simplify(PRIMITIVES[name])


@quiet
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if PRIMITIVES[n].torch])
def test_the_torch_template_is_the_scalar_function(name: str) -> None:
    check_form(name, "torch", checks.torch_values)


@quiet
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if PRIMITIVES[n].jax])
def test_the_jax_template_is_the_scalar_function(name: str) -> None:
    pytest.importorskip("jax", reason="jax is not installed: neuralopt[optax]")
    check_form(name, "jax", checks.jax_values)


@quiet
@pytest.mark.parametrize("name", [n for n in EVALUATED if PRIMITIVES[n].kernel])
def test_the_compiled_kernel_is_the_scalar_function(name: str) -> None:
    pytest.importorskip("numba")
    from tests.machine.test_kernels import operate

    def values(
        primitive: Primitive, given: Mapping[str, checks.Array], bits: checks.Array
    ) -> checks.Array:
        operands = [each.ravel() for each in given.values()]
        return operate(primitive.name, *operands, dtype=np.float64).reshape(bits.shape)

    check_form(name, "kernel", values)


@pytest.mark.parametrize("name", [n for n in ELEMENTS if n not in ("drop", "noise")])
def test_the_torch_program_follows_the_table_over_steps(name: str) -> None:
    checks.check_program(name)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_text_and_latex_say_what_the_rule_is(name: str) -> None:
    checks.check_notation(PRIMITIVES[name], EXAMPLE_RULES[name])


def test_every_difference_is_of_a_primitive_that_there_is() -> None:
    assert {name for name, _ in AGREEMENTS} <= set(PRIMITIVES)


@pytest.mark.parametrize("values", [checks.torch_values, checks.jax_values])
def test_a_limit_below_zero_clips_alike_in_all_forms(values: checks.Form) -> None:
    if values is checks.jax_values:
        pytest.importorskip("jax", reason="jax is not installed: neuralopt[optax]")
    given = {"x": np.array([[0.5, -0.5]]), "c": np.full((1, 2), -1.0)}
    clip = PRIMITIVES["clip"]
    expected = checks.value_of(clip, given)[0]
    assert values(clip, given, given["x"])[0].tolist() == expected.tolist()


def test_the_sign_of_what_is_clipped_stays_where_a_limit_may_be_negative() -> None:
    given = {**checks.clock(), "g": np.full((checks.STEPS, 1), 0.5)}
    checks.check_value_kept(parse("clip(-g, 1 - t)"), given)
