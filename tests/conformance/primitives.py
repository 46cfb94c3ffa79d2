"""Checks of primitives: laws, agreement of all their forms, notation.

A law is measured where ``simplify`` relies on it. COMMUTATIVE and ODD hold up to the
sign of a zero (min(0, -0) depends on the order, and 0 is the sign of either zero), so
two zeros are equal under them; ``simplify`` does not use them where a division could
tell the zeros apart, which `check_simplify` measures. EVEN, IDEMPOTENT and NONNEGATIVE
hold with the signs of zeros. NaN is equal to NaN. Scalar parameters take numbers in
the range that the parser allows for constants.
"""

import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from neuralopt.language import Expression, parse, render, simplify
from neuralopt.language.expression import call, constant
from neuralopt.language.grammar import Grammar
from neuralopt.language.primitive import Law, Parameter, Primitive
from neuralopt.language.primitives import NAMED_CONSTANTS, PRIMITIVES
from neuralopt.optimizer.program import compile_rule
from tests.conformance.rules import EXAMPLE_RULES, typical_value

Array = npt.NDArray[np.float64]
"""Of float64, (steps, elements)."""

STEPS, TOTAL_STEPS, RANDOM = 4, 6, 200
SPECIAL = (
    *(0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0),
    *(5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1e308),
    *(1e155, -1e155, 1e-160, 709.782712893384, -745.2, 1024.0, -1074.0, 1e-8, 0.1),
)


# ------------------------------------------------------------------ inputs and meaning


def inputs(count: int, seed: int = 0) -> list[Array]:
    """Arrays (STEPS, elements), one an operand: every special value meets every other,
    then random numbers of every scale, every step in another order.
    """
    rng = np.random.default_rng(seed)
    meetings = np.array(list(itertools.product(SPECIAL, repeat=min(count, 2)))).T
    columns = []
    for index in range(count):
        met = meetings[index % len(meetings)]
        exponents = np.concatenate(
            [rng.uniform(-320, 308, RANDOM // 2), rng.uniform(-3, 3, RANDOM // 2)]
        )
        numbers = rng.choice((-1.0, 1.0), RANDOM) * 10.0**exponents
        columns.append(np.concatenate([met, numbers]))
    steps = [np.stack(columns)]
    for _ in range(STEPS - 1):
        steps.append(steps[0][:, rng.permutation(len(columns[0]))])
    return list(np.stack(steps, axis=1))


def arguments(primitive: Primitive, seed: int = 0) -> Iterator[dict[str, Array]]:
    """Arguments by name, each scalar one a number that a rule may have there."""
    free = [each for each in primitive.parameters if each.role != "scalar"]
    made = inputs(max(1, len(free)), seed)
    columns = {each.name: x for each, x in zip(free, made, strict=False)}
    columns.setdefault("", made[0])  # gives the shape where all are scalars
    size = next(iter(columns.values())).shape
    fixed = [each for each in primitive.parameters if each.role == "scalar"]
    for values in itertools.product(*map(numbers, fixed)):
        scalars = {
            each.name: np.full(size, value)
            for each, value in zip(fixed, values, strict=True)
        }
        given = {**columns, **scalars}
        yield {each.name: given[each.name] for each in primitive.parameters}


def numbers(parameter: Parameter) -> list[float]:
    """Numbers in the range of a scalar parameter, its ends included."""
    lowest = -math.inf if parameter.lowest is None else parameter.lowest
    highest = math.inf if parameter.highest is None else parameter.highest
    ends = [end for end in (lowest, highest) if math.isfinite(end)]
    inside = [x for x in (-2.0, 0.3, 0.999, 1e-4, 10.0) if lowest <= x <= highest]
    return [*ends, *inside]


def clock() -> dict[str, Array]:
    """What t, T and progress are at each step."""
    t = np.arange(STEPS, dtype=float)[:, None]
    return {"t": t, "T": np.full_like(t, TOTAL_STEPS), "progress": t / TOTAL_STEPS}


def _at(step: int, given: Mapping[str, Array]) -> dict[str, Array]:
    """Everything at one step, (1, elements)."""
    known = {**clock(), **given}
    return {
        name: np.broadcast_to(each, (STEPS, each.shape[1]))[step][None]
        for name, each in known.items()
    }


def _formula(text: str, names: tuple[str, ...]) -> Expression:
    """A formula of a primitive that no table needs to hold."""
    return Grammar(text, (*names, "s")).parse()


def value_of(primitive: Primitive, given: Mapping[str, Array]) -> Array:
    """Values of a primitive by its scalar function, its formula or its memory."""
    shapes = (each.shape for each in given.values())
    shape = np.broadcast_shapes((STEPS, 1), *shapes)
    names = tuple(parameter.name for parameter in primitive.parameters)
    if primitive.scalar is not None:
        function = np.frompyfunc(primitive.scalar, len(names), 1)
        found = function(*(given[name] for name in names)).astype(float)
        return np.broadcast_to(found, shape)
    if primitive.formula:
        formula = _formula(primitive.formula, names)
        return np.broadcast_to(evaluate(formula, {**clock(), **given}), shape)
    assert primitive.memory, f"{primitive.name} has no scalar function and no formula"
    memory = _formula(primitive.memory, names)
    state, values = np.zeros(shape[1:]), np.empty(shape)
    for step in range(STEPS):
        new = evaluate(memory, {**_at(step, given), "s": state[None]})[0]
        values[step] = new if primitive.value == "new" else state
        state = new
    return values


def evaluate(expression: Expression, given: Mapping[str, Array]) -> Array:
    """Values of an expression, operation by operation, nothing of it simplified."""
    if expression.value is not None:
        return np.array([[expression.value]])
    if expression.primitive in given:
        return given[expression.primitive]
    if expression.primitive in NAMED_CONSTANTS:
        return np.array([[NAMED_CONSTANTS[expression.primitive]]])
    primitive = PRIMITIVES[expression.primitive]
    operands = [evaluate(each, given) for each in expression.arguments]
    named = zip((each.name for each in primitive.parameters), operands, strict=True)
    if primitive.scalar is not None:
        function = np.frompyfunc(primitive.scalar, primitive.arity, 1)
        return function(*operands).astype(float)
    return value_of(primitive, dict(named))


# --------------------------------------------------------------------------- equality


def differing(one: Array, other: Array, zeros_alike: bool = False) -> npt.NDArray:
    """Where two arrays differ, in the sign of a zero too unless zeros are alike."""
    one, other = np.broadcast_arrays(one, other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    if not zeros_alike:
        same &= np.isnan(one) | (np.signbit(one) == np.signbit(other))
    return ~same


def units_apart(one: Array, other: Array) -> Array:
    """Distance in units of the last place; inf where just one is not finite."""
    one, other = np.broadcast_arrays(one, other)
    apart = np.where(differing(one, other, zeros_alike=True), np.inf, 0.0)
    finite = np.isfinite(one) & np.isfinite(other)
    largest = np.maximum(np.abs(one[finite]), np.abs(other[finite]))
    # Half of each, so that the difference of two large numbers does not overflow.
    halves = np.abs(one[finite] / 2 - other[finite] / 2)
    apart[finite] = 2 * (halves / np.spacing(largest))
    return apart


def assert_nowhere(
    wrong: npt.NDArray, what: str, given: Mapping[str, Array], *found: Array
) -> None:
    """Raise AssertionError that shows the first input for which something is wrong."""
    if not wrong.any():
        return
    place = tuple(int(index) for index in np.argwhere(wrong)[0])

    def shown(array: Array) -> float:
        return float(np.broadcast_to(array, wrong.shape)[place])

    at = ", ".join(f"{name}={shown(each)!r}" for name, each in given.items())
    values = " and ".join(repr(shown(each)) for each in found)
    raise AssertionError(f"{what}: {values} at {at} (step {place[0]})")


# -------------------------------------------------------------------------------- laws


def _commutative(primitive: Primitive, given: dict[str, Array]) -> None:
    one, other = (parameter.name for parameter in primitive.parameters)
    swapped = {one: given[other], other: given[one]}
    _assert_equal(primitive, "COMMUTATIVE", given, swapped, zeros_alike=True)


def _odd(primitive: Primitive, given: dict[str, Array]) -> None:
    values = -value_of(primitive, given)
    found = value_of(primitive, _negated(primitive, given))
    wrong = differing(values, found, zeros_alike=True)
    assert_nowhere(wrong, f"{primitive.name} is not ODD", given, values, found)


def _even(primitive: Primitive, given: dict[str, Array]) -> None:
    _assert_equal(primitive, "EVEN", given, _negated(primitive, given))


def _idempotent(primitive: Primitive, given: dict[str, Array]) -> None:
    first, *others = (parameter.name for parameter in primitive.parameters)
    if others:
        assert len(others) == 1, f"{primitive.name}: IDEMPOTENT takes 1 or 2 arguments"
        values = given[first]
        found = value_of(primitive, {first: values, others[0]: values})
    else:
        values = value_of(primitive, given)
        found = value_of(primitive, {first: values})
    wrong = differing(values, found)
    assert_nowhere(wrong, f"{primitive.name} is not IDEMPOTENT", given, values, found)


def _nonnegative(primitive: Primitive, given: dict[str, Array]) -> None:
    values = value_of(primitive, given)
    wrong = np.signbit(values) & ~np.isnan(values)
    assert_nowhere(wrong, f"{primitive.name} is not NONNEGATIVE", given, values)


def _exact(primitive: Primitive, given: dict[str, Array]) -> None:
    # `check_forms` finds the same bits in every form; this is what it compares.
    assert primitive.scalar is not None, f"{primitive.name}: EXACT needs a scalar form"


def _redefined(primitive: Primitive, given: dict[str, Array]) -> None:
    assert primitive.formula, f"{primitive.name}: REDEFINED needs a formula"


LAWS: Mapping[Law, Callable[[Primitive, dict[str, Array]], None]] = {
    Law.COMMUTATIVE: _commutative,
    Law.ODD: _odd,
    Law.EVEN: _even,
    Law.IDEMPOTENT: _idempotent,
    Law.NONNEGATIVE: _nonnegative,
    Law.EXACT: _exact,
    Law.REDEFINED: _redefined,
}


def _negated(primitive: Primitive, given: dict[str, Array]) -> dict[str, Array]:
    first = primitive.parameters[0].name
    return {**given, first: -given[first]}


def _assert_equal(
    primitive: Primitive,
    law: str,
    given: dict[str, Array],
    changed: dict[str, Array],
    zeros_alike: bool = False,
) -> None:
    values, found = value_of(primitive, given), value_of(primitive, changed)
    wrong = differing(values, found, zeros_alike)
    assert_nowhere(wrong, f"{primitive.name} is not {law}", given, values, found)


def check_laws(primitive: Primitive) -> None:
    """Raise AssertionError for a law that the primitive states and does not obey."""
    if primitive.draw or primitive.is_leaf:
        assert primitive.laws == Law.NONE, f"{primitive.name}: laws can't be measured"
        return
    for law in primitive.laws:
        for given in arguments(primitive):
            LAWS[law](primitive, given)


PLACE_HOLDER = "square"
"""A function of one argument that no probe itself uses."""

PROBES = (
    *("{f}(-x)", "{f}(abs(x))", "abs({f}(x))", "{f}({f}(x))", "{f}(x)", "-{f}(-x)"),
    *("sign(1 / {f}(-x))", "sign(1 / ({f}(x) * 1))", "{f}(-x) + {f}(x)"),
    *("{f}(0)", "{f}(1)", "{f}(-1)", "{f}(0.5)", "sign(1 / {f}(0))"),
)
"""Rules in which ``simplify`` may use a law of f or a number that f is exact at.
sign(1 / y) tells the zeros apart and is finite."""


def check_simplify(primitive: Primitive) -> None:
    """Raise AssertionError where simplifying changes a finite value of the primitive.

    Draws are left out: their values depend on the number of the node.
    """
    first, *others = primitive.parameters
    columns = inputs(2)
    given = {**clock(), "g": columns[0], "w": columns[1]}
    seconds = [_second_arguments(parameter) for parameter in others]
    for chosen in itertools.product(*seconds):
        for probe in PROBES:
            expression = applied(primitive, probe, chosen)
            if first.role == "scalar" and not expression.is_scalar:
                continue
            check_value_kept(expression, given)
    if primitive.arity == 2 and others[0].role == "any" and primitive.name != "power":
        for left, right in (("g", "w"), ("w", "g"), ("-g", "-w"), ("g", "g")):
            pair = call(primitive.name, parse(left), parse(right))
            check_value_kept(pair, given)
            check_value_kept(_sign_of_reciprocal(pair), given)
    if Law.REDEFINED in primitive.laws:
        plain = call(primitive.name, *(parse("g"), *(each[0] for each in seconds)))
        assert not simplify(plain).contains(primitive.name), f"{plain} is REDEFINED"


def _second_arguments(parameter: Parameter) -> list[Expression]:
    if parameter.role == "any":
        return [parse("w"), constant(2.0), constant(3.0), constant(-1.0)]
    return [constant(typical_value(parameter)), *map(constant, numbers(parameter)[:2])]


def applied(
    primitive: Primitive, probe: str, others: tuple[Expression, ...]
) -> Expression:
    """A probe in which ``f(x)`` is the primitive of g and the other arguments."""
    text = probe.format(f=PLACE_HOLDER).replace("x", "g")

    def replaced(node: Expression) -> Expression:
        inner = tuple(replaced(each) for each in node.arguments)
        if node.primitive == PLACE_HOLDER:
            return call(primitive.name, *inner, *others)
        return Expression(node.primitive, inner, node.value)

    return replaced(parse(text))


def _sign_of_reciprocal(expression: Expression) -> Expression:
    return call("sign", call("divide", constant(1.0), expression))


def check_value_kept(before: Expression, given: Mapping[str, Array]) -> None:
    """Raise AssertionError unless simplifying keeps a rule's finite values."""
    after = simplify(before)
    assert simplify(after) == after, f"simplify is not idempotent: {before} -> {after}"
    values, found = evaluate(before, given), evaluate(after, given)
    values, found = np.broadcast_arrays(values, found)
    wrong = np.isfinite(values) & differing(values, found, zeros_alike=True)
    assert_nowhere(wrong, f"{before} -> {after} changes a value", given, values, found)


# ------------------------------------------------------------------------------- forms

Form = Callable[[Primitive, Mapping[str, Array], Array], Array]
"""(primitive, arguments by name, random bits) -> values."""

SMALLEST_NORMAL = np.finfo(np.float64).smallest_normal


def torch_values(
    primitive: Primitive, given: Mapping[str, Array], bits: Array
) -> Array:
    """The torch template on float64 tensors; bits: what the primitive draws."""
    tensors = {name: torch.tensor(each) for name, each in given.items()}
    names = {name: name for name in given}
    text = primitive.torch.format(**names, bits="bits")
    namespace = {**tensors, "bits": torch.tensor(bits)}
    return eval(text, {"torch": torch}, namespace).numpy()  # noqa: S307  our own table


def jax_values(primitive: Primitive, given: Mapping[str, Array], bits: Array) -> Array:
    """The jax template on float64 arrays; needs jax with float64."""
    import jax
    import jax.numpy as jnp

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        arrays = {name: jnp.asarray(each) for name, each in given.items()}
        names = {name: name for name in given}
        text = primitive.jax.format(**names, bits="bits")
        namespace = {**arrays, "bits": jnp.asarray(bits)}
        found = eval(text, {"jnp": jnp}, namespace)  # noqa: S307  our own table
        return np.asarray(found)
    finally:
        jax.config.update("jax_enable_x64", before)


@dataclass(frozen=True)
class Agreement:
    """How near a form of a primitive is to its scalar function, and why not nearer.

    exact: the same bits, by default as the law EXACT says. zeros_alike: exact up to the
    sign of a zero. units: of the last place, where it is not exact. comparable: tells
    of the arguments, by name, where the form promises to agree.
    """

    reason: str = ""
    exact: bool | None = None
    zeros_alike: bool = False
    units: float = 4.0
    comparable: Callable[..., npt.NDArray] | None = None


def check_form(
    primitive: Primitive, values: Form, agreement: Agreement, subnormal: bool = True
) -> None:
    """Raise AssertionError where a form of the primitive is not its scalar function.

    values: of the form, for arguments and the bits that it draws. subnormal: whether
    the form computes with subnormal numbers; one that takes them as 0 is compared
    where there are none.
    """
    seed = zlib.crc32(primitive.name.encode())
    exact = agreement.exact
    if exact is None:
        exact = Law.EXACT in primitive.laws
    for given in arguments(primitive, seed):
        shape = next(iter(given.values())).shape
        bits = np.random.default_rng(seed).uniform(size=shape)
        expected = reference(primitive, given, bits)
        found = values(primitive, given, bits)
        assert found.dtype == np.float64, f"{primitive.name}: {found.dtype}"
        if exact:
            wrong = differing(expected, found, agreement.zeros_alike)
        else:
            wrong = units_apart(expected, found) > agreement.units
        if agreement.comparable is not None:
            wrong &= agreement.comparable(**given)
        if not subnormal:
            for each in (expected, *given.values()):
                wrong &= (each == 0) | ~(np.abs(each) < SMALLEST_NORMAL)
        what = f"{primitive.name}: the scalar function and another form differ"
        assert_nowhere(wrong, what, given, expected, found)


def reference(primitive: Primitive, given: Mapping[str, Array], bits: Array) -> Array:
    """Values by the scalar function; of a draw, which has none, by its torch form."""
    if primitive.draw:
        return torch_values(primitive, given, bits)
    return value_of(primitive, given)


def check_program(name: str) -> None:
    """Raise AssertionError where the torch program of a primitive's example rule is
    not what the table says, over several steps.
    """
    expression = EXAMPLE_RULES[name]
    program = compile_rule(expression)
    assert not program.draws
    rng = np.random.default_rng(1)
    g, w = rng.normal(size=(2, STEPS, 50))
    g[0, :3] = 0.0, -0.0, 1e-300
    expected = stepwise(expression, {"g": g, "w": w})
    states = program.initial_states(torch.zeros(50, dtype=torch.float64))
    for step in range(STEPS):
        scalars = program.clock(step, TOTAL_STEPS)
        value, states = program.step(
            torch.tensor(g[step]), torch.tensor(w[step]), scalars, states, no_draw
        )
        found = value.expand(50).numpy()
        wrong = units_apart(expected[step], found) > 64  # a few operations, rounded
        given = {"g": g[step][None], "w": w[step][None]}
        assert_nowhere(wrong[None], f"{expression}", given, expected[step], found)


def stepwise(expression: Expression, given: Mapping[str, Array]) -> Array:
    """Values of a rule that may use its own past: ``update``, or ``s`` in a fold."""
    shape = np.broadcast_shapes(*(each.shape for each in given.values()))
    if expression.primitive == "fold":
        past, inner = "s", expression.arguments[0]
    else:
        past, inner = "update", expression
    if not inner.contains(past):
        return np.broadcast_to(evaluate(inner, {**clock(), **given}), shape)
    values, last = np.empty(shape), np.zeros(shape[1:])
    for step in range(len(values)):
        last = evaluate(inner, {**_at(step, given), past: last[None]})[0]
        values[step] = last
    return values


def no_draw(kind: str, stream: int) -> torch.Tensor:
    raise AssertionError(f"a rule without draws draws {kind} {stream}")


# ---------------------------------------------------------------------------- notation


def check_notation(primitive: Primitive, rule: Expression) -> None:
    """Raise AssertionError unless the primitive has a meaning and its rule reads back
    from its text and is rendered in every form.
    """
    assert primitive.meaning.strip(), f"{primitive.name}: no meaning"
    assert "\n" not in primitive.meaning
    assert primitive.source, f"{primitive.name}: no source"
    assert rule.contains(primitive.name), f"{rule} does not use {primitive.name}"
    assert parse(str(rule)) == rule, f"{rule} reads as {parse(str(rule))}"
    assert parse(render(rule)) == rule, f"{rule} shows as {render(rule)}"
    latex = render(rule, "latex")
    depth = 0
    for brace in (character for character in latex if character in "{}"):
        depth += 1 if brace == "{" else -1
        assert depth >= 0, f"{primitive.name}: braces of {latex!r}"
    assert depth == 0, f"{primitive.name}: braces of {latex!r}"
    assert latex.count(r"\left(") == latex.count(r"\right)"), latex
    for parameter in primitive.parameters:
        assert f"{{{parameter.name}}}" in primitive.latex, (
            f"{primitive.name}: LaTeX leaves out {parameter.name}"
        )
