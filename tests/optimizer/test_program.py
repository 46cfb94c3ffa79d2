"""Compiled rules against the tree-walking interpreter.

Two halves make a whole. Random rules run with torch's transcendental kernels replaced
by those of the C library, which the interpreter uses too: then every bit must agree,
however a rule amplifies rounding. And torch's own kernels are held, one by one, to the
interpreter's functions within a few units in the last place, for special values too.
"""

import math
import random
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from neuralopt.language import RULES, Expression, ieee754, parse, simplify
from neuralopt.machine import straight_line
from neuralopt.optimizer import Program, compile_rule
from neuralopt.optimizer.draws import draw as real_draw
from tests.oracle import interpreter
from tests.oracle.interpreter import RANDOM, Array, draws_by_text, run, value_at
from tests.oracle.random_rules import CONTEXTS, IDENTITIES, RuleGenerator, fill

STEPS = 5
TOTAL_STEPS = 4  # fewer than the steps run: progress reaches 1 and stays there
SPECIAL = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 0.1, -0.3, 7.25, -100.0, 709.0),
    *(1e-8, -1e-8, 1e-160, -1e-160, 5e-324, 1e8, -1e155, 1e300, -1e308),
    *(math.inf, -math.inf, math.nan),
)
KERNELS = ("cos", "exp", "exp2", "log", "pow", "remainder", "sqrt", "tanh")
Stepper = Callable[..., tuple[torch.Tensor, tuple[torch.Tensor, ...]]]


def c_library_step(program: Program) -> Stepper:
    """`step` of a program with torch's transcendental kernels replaced."""

    def replaced(name: str) -> Callable[..., torch.Tensor]:
        function = interpreter.FUNCTIONS["power" if name == "pow" else name]

        def kernel(*arguments: Any) -> torch.Tensor:
            with np.errstate(all="ignore"):
                return torch.as_tensor(function(*(np.asarray(a) for a in arguments)))

        return kernel

    names = {name: getattr(torch, name) for name in ("where", "sign", "abs")}
    names |= {name: getattr(torch, name) for name in ("minimum", "maximum", "clamp")}
    names |= {name: getattr(torch, name) for name in ("tensor",)}
    names |= {name: replaced(name) for name in KERNELS}
    namespace: dict[str, Any] = {
        "torch": SimpleNamespace(**names),
        "functions": ieee754,
    }
    exec(program.source, namespace)  # noqa: S102  the text under test
    return namespace["step"]


def draws_in_order(expression: Expression) -> list[Expression]:
    """Random parts, each after its own arguments, equal ones once: their streams."""
    found: dict[Expression, None] = {}

    def visit(node: Expression) -> None:
        for argument in node.arguments:
            visit(argument)
        if node.primitive in RANDOM:
            found[node] = None

    visit(expression)
    return list(found)


def program_values(
    program: Program,
    step: Stepper,
    gradients: list[Array],
    weights: list[Array],
) -> list[Array]:
    """The rule's values; each stream meets the bits of its part of the rule."""
    parts = draws_in_order(program.expression)
    bits = draws_by_text()
    states = program.initial_states(torch.from_numpy(gradients[0]))
    values = []
    for t, (g, w) in enumerate(zip(gradients, weights, strict=True)):

        def draw(kind: str, stream: int, t: int = t, g: Array = g) -> torch.Tensor:
            name = {"uniform": "drop", "normal": "noise"}[kind]
            assert parts[stream].primitive == name
            return torch.as_tensor(bits(name, (parts[stream], t), g.shape))

        value, states = step(
            torch.from_numpy(g.copy()),
            torch.from_numpy(w.copy()),
            program.clock(t, TOTAL_STEPS),
            states,
            draw,
        )
        assert value.shape == g.shape
        assert all(s.shape == g.shape and s.dtype == value.dtype for s in states)
        values.append(value.numpy().copy())
    return values


def streams(seed: int) -> tuple[list[Array], list[Array]]:
    """Gradients and parameters of a few steps, special numbers meeting others."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(2):
        rows = [[rng.choice(SPECIAL) for _ in range(12)] for _ in range(STEPS)]
        for row in rows:
            row += [rng.gauss(0.0, 1.0) for _ in range(4)]
        pairs.append([np.array(row) for row in rows])
    return pairs[0], pairs[1]


def clips_to_zero(expression: Expression) -> bool:
    """Whether it says clip(x, 0): which zero that is, IEEE 754 leaves open."""
    return any(
        value_at(node.arguments[1], t, TOTAL_STEPS) == 0.0
        for node in expression.walk()
        if node.primitive == "clip"
        for t in range(STEPS)
    )


def complaint(expression: Expression, seed: int) -> str | None:
    """Where the program and the oracle differ by a bit, None if nowhere."""
    program = compile_rule(expression)
    canonical = program.expression
    assert canonical == simplify(expression)
    gradients, weights = streams(seed)
    oracle = run(
        canonical, gradients, weights, total_steps=TOTAL_STEPS, draw=draws_by_text()
    )
    values = program_values(program, c_library_step(program), gradients, weights)
    for t in range(STEPS):
        same = (values[t] == oracle[t]) | (np.isnan(values[t]) & np.isnan(oracle[t]))
        if not same.all():
            i = int(np.argmin(same))
            pairs = zip(gradients[: t + 1], weights[: t + 1], strict=True)
            met = [(float(g[i]), float(w[i])) for g, w in pairs]
            return (
                f"{canonical}: at t={t} {float(values[t][i])!r}, the oracle says "
                f"{float(oracle[t][i])!r}, (g, w) = {met}"
            )
    return None


def check(expressions: Iterable[Expression]) -> None:
    found, checked = [], 0
    for seed, expression in enumerate(expressions):
        if clips_to_zero(simplify(expression)):
            continue
        checked += 1
        if (wrong := complaint(expression, seed)) is not None:
            found.append(wrong)
    shortest = "\n".join(sorted(found, key=len)[:12])
    assert not found, f"{len(found)} of {checked} rules differ:\n{shortest}"
    assert checked > 0.9 * (seed + 1), "too many rules are left out"


def random_expressions(seed: int, count: int) -> Iterable[Expression]:
    generator = RuleGenerator(seed)
    return (parse(generator.text(generator.rule())) for _ in range(count))


@pytest.mark.parametrize("chunk", range(5))
def test_random_rules_agree_with_the_interpreter_bit_for_bit(chunk: int) -> None:
    check(random_expressions(chunk, count=1_200))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("chunk", range(100, 102))
def test_many_random_rules_agree_with_the_interpreter_bit_for_bit(chunk: int) -> None:
    check(random_expressions(chunk, count=5_000))


def test_tempting_rules_agree_with_the_interpreter_bit_for_bit() -> None:
    texts = [fill(text, X="g", Y="w") for text in IDENTITIES]
    texts += [fill(text, X="previous(g)") for text in CONTEXTS]
    texts += [fill("fold(X + s)", X=text) for text in texts if "fold" not in text]
    check(parse(text) for text in texts)


PLAIN = [n for n, r in RULES.items() if not r.expression.contains("noise", "drop")]


@pytest.mark.parametrize("name", PLAIN)
def test_named_rules_with_torch_kernels_follow_the_interpreter(name: str) -> None:
    # Relative 1e-12: torch's functions are off by 2 units in the last place (4e-16) at
    # most, and no named rule subtracts nearly equal results of them. Sums over tensors
    # and their products round more.
    rng = np.random.default_rng(1)
    whole = RULES[name].scope == "tensor"
    shape, tolerance = ((60, 3, 4), 1e-8) if whole else ((60, 7), 1e-12)
    gradients, weights = list(rng.normal(size=shape)), list(rng.normal(size=shape))
    program = compile_rule(RULES[name].expression)
    oracle = run(RULES[name].expression, gradients, weights, total_steps=50)
    states = program.initial_states(torch.from_numpy(gradients[0]))
    for t in range(60):
        value, states = program.step(
            torch.from_numpy(gradients[t]),
            torch.from_numpy(weights[t]),
            program.clock(t, 50),
            states,
            pytest.fail,
        )
        np.testing.assert_allclose(value.numpy(), oracle[t], rtol=tolerance, atol=0)


def many_numbers() -> Array:
    rng = np.random.default_rng(2)
    wide = rng.normal(size=2_000) * 10.0 ** rng.uniform(-300, 300, 2_000)
    parts = (rng.normal(size=2_000), wide, rng.uniform(-800, 800, 2_000), SPECIAL)
    return rng.permutation(np.concatenate(parts))


def torch_values(text: str, x: Array, y: Array) -> Array:
    program = compile_rule(parse(text))
    g, w = torch.from_numpy(x), torch.from_numpy(y)
    return program.step(g, w, program.clock(0, 1), (), pytest.fail)[0].numpy()


POWERS = (0, 1, 2, 3, 4, 0.5, 1.5, -1, -0.5, 0.3, -3.7)
KERNEL_TEXTS = (
    *("cos(g)", "exp(g)", "exp2(g)", "log(g)", "sqrt(g)", "tanh(g)", "sign(g)"),
    *("abs(g)", "-g", "g + w", "g - w", "g * w", "g / w", "min(g, w)", "max(g, w)"),
    *("0.1 + g", "g - 0.1", "0.1 - g", "0.1 * g", "g / 0.1", "0.1 / g", "1e300 / g"),
    *("min(g, 0.1)", "max(0.1, g)", "clip(g, 1e-3)", "pow(g, w)", "reciprocal(g)"),
    *(f"g ** {power}" for power in POWERS),
    *(f"pow(g, {power})" for power in POWERS),
    *(f"{base} ** g" for base in ("1", "2", "e", "10", "0.5", "3.7", "1e-3")),
)


@pytest.mark.parametrize("text", KERNEL_TEXTS)
def test_torch_kernels_are_those_of_the_language(text: str) -> None:
    x, y = many_numbers(), many_numbers()[::-1].copy()
    if text in ("g ** 0.5", "g ** -0.5"):
        # torch takes the square root here: NaN at -inf, and -0.0 keeps its sign.
        x = x[~np.isneginf(x) & ~((x == 0.0) & np.signbit(x))]
        y = y[: len(x)]
    value = torch_values(text, x, y)
    with np.errstate(all="ignore"):
        expected = run(parse(text), [x], [y], total_steps=1)[0]
    assert np.array_equal(np.isnan(value), np.isnan(expected))
    assert np.array_equal(np.isinf(value), np.isinf(expected))
    finite = np.isfinite(expected)
    arithmetic_alone = not any(name in text for name in (*KERNELS, "**", "g /"))
    # Transcendental kernels promise 1 or 2 units in the last place (4.5e-16). Near
    # overflow a negative power may underflow early, into numbers that aren't normal.
    np.testing.assert_allclose(
        value[finite],
        expected[finite],
        rtol=0 if arithmetic_alone else 1e-15,
        atol=0 if arithmetic_alone else 3e-308,
    )


def test_remainders_are_exact() -> None:
    # Up to 2**53 times the divisor: beyond, torch's vector code may answer NaN.
    x, y = many_numbers(), many_numbers()[::-1].copy()
    with np.errstate(all="ignore"):
        usual = ~(np.abs(x / y) > 2.0**53)
        expected = np.remainder(x, y)[usual]
    np.testing.assert_array_equal(torch_values("g % w", x[usual], y[usual]), expected)


def test_clock_is_computed_in_floats_as_ieee_754_has_it() -> None:
    huge = "t"
    for _ in range(40):
        huge = f"({huge}) ** 3"
    assert compile_rule(parse(f"g * {huge}")).clock(1000, None) == (math.inf,)
    assert all(type(x) is float for x in compile_rule(parse("g * t * T")).clock(1, 2))
    (third,) = compile_rule(parse("g * (t / T)")).clock(1, 3)
    assert third == 1 / 3


@pytest.mark.parametrize("text", ["g * T", "ema(g, progress)", "ld", "rd(2) * g"])
def test_rule_that_needs_total_steps_says_so_in_one_line(text: str) -> None:
    program = compile_rule(parse(text))
    assert program.needs_total_steps
    with pytest.raises(ValueError, match=r"\A[^\n]*give total_steps[^\n]*\Z"):
        program.clock(0, None)


@pytest.mark.parametrize(("text", "variables"), [("exp(x)", "x"), ("s + g", "s")])
def test_template_is_refused(text: str, variables: str) -> None:
    with pytest.raises(ValueError, match=f"{variables!r} has no value"):
        compile_rule(parse(text, tuple(variables)))


def test_program_keeps_dtype_and_shares_no_memory_with_g_and_w() -> None:
    generator = RuleGenerator(7)
    texts = [*("g", "w", "previous(g)", "previous(w)", "fold(g)", "t", "update + g")]
    texts += ["g ** 70000", "w ** -1e300", "g ** (1 / 0)", "clip(g, 1e300)"]
    texts += ["min(v, -0 / w)", "max(fold(-0), -0 / w)", "min(w, -(0 * pi)) - fold(t)"]
    texts += [generator.text(generator.rule()) for _ in range(200)]
    for text in texts:
        program = compile_rule(parse(text))
        for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
            g, w = torch.ones(2, 3, dtype=dtype), torch.ones(2, 3, dtype=dtype)

            def draw(kind: str, stream: int, g: torch.Tensor = g) -> torch.Tensor:
                return real_draw(kind, (0, 0, 0, stream), g)

            value, states = program.step(
                g, w, program.clock(1, 9), program.initial_states(w), draw
            )
            assert value.dtype == dtype, text
            assert value.shape == g.shape, text
            for state in states:
                assert state.dtype == dtype, text
                assert state.shape == g.shape, text
                assert state.data_ptr() not in (g.data_ptr(), w.data_ptr()), text
                state.add_(1)  # refused where elements share memory


def test_source_is_readable() -> None:
    long = []
    for expression in random_expressions(11, count=500):
        program = compile_rule(expression)
        long += [line for line in program.source.splitlines() if len(line) > 88]
        assert len(straight_line(program.expression).states) == program.states
    assert not long
