"""Straight-line code: equal expressions, states and draws are computed once."""

import pytest

from neuralopt.language import RULES, parse, simplify
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine import StraightLine, straight_line
from tests.oracle.random_rules import RuleGenerator

SOURCES = ("constant", "load", "g", "w", "t", "T", "progress")


def code_of(text: str) -> StraightLine:
    return straight_line(simplify(parse(text)))


def operations(code: StraightLine, element: bool) -> list[str]:
    """What is computed for each element, or once a step, in order."""
    return [
        i.operation
        for i in code.instructions
        if i.element == element and i.operation not in SOURCES
    ]


STATES_OF_NAMED = {
    0: ("sgd", "signsgd"),
    1: (
        *("momentum", "momentum_ema", "nesterov", "adagrad", "rmsprop"),
        *("rmsprop_torch", "lion", "powersign", "addsign", "powersign_cd"),
        "addsign_ld",
    ),
    2: ("adam", "adamw"),
    3: ("amsgrad",),
}


@pytest.mark.parametrize(
    ("name", "states"),
    [(name, states) for states, names in STATES_OF_NAMED.items() for name in names],
)
def test_named_rules_remember_no_more_than_they_must(name: str, states: int) -> None:
    code = straight_line(simplify(RULES[name].expression))
    assert len(code.states) == states


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("previous(g)", 1),
        ("previous(previous(g))", 2),
        ("previous(g) - previous(previous(g))", 2),
        ("m + previous(m)", 1),
        ("previous(m) + m", 1),
        ("m * m * sign(m)", 1),
        ("ema(g, 0.9) + ema(g, 0.99)", 2),
        ("ema(m, 0.9) + m", 2),
        ("m + adam", 2),
        ("debiased(g, 0.9) + ema(g, 0.9)", 1),
        ("update + g", 1),
        ("previous(g + update) + g", 2),
        ("fold(s + g) + fold(s + g)", 1),
        ("fold(s + fold(s * 0.5 + g))", 2),
        ("fold(s + fold(s * 0.5 + g)) + fold(s * 0.5 + g)", 2),
        ("trace(g, 0.9) + previous(trace(g, 0.9)) + trace(g, 0.5)", 2),
    ],
)
def test_equal_memories_are_one(text: str, states: int) -> None:
    assert len(code_of(text).states) == states


def test_shared_parts_are_computed_once() -> None:
    assert operations(code_of("exp(g) * exp(g) + exp(g)"), element=True) == [
        "exp",
        "multiply",  # x ** 2 of the canonical form
        "add",
    ]
    # Adam: two averages of three operations and a square, two corrections, root,
    # epsilon, quotient; once a step 1 - b and 1 - b ** (t + 1) of both.
    adam = code_of("adam")
    assert len(operations(adam, element=True)) == 3 + 1 + 3 + 2 + 3
    assert len(operations(adam, element=False)) == 2 + 1 + 2 + 2
    assert operations(code_of("g * exp(sign(g) * sign(m))"), element=True) == (
        ["sign", "multiply", "multiply", "add", "sign", "multiply", "exp", "multiply"]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g ** 2", ["multiply"]),
        ("g ** 3", ["multiply", "multiply"]),
        ("square(g) + cube(g)", ["multiply", "multiply", "add"]),
        ("g ** 4", ["power"]),
    ],
)
def test_squares_and_cubes_are_products(text: str, expected: list[str]) -> None:
    code = straight_line(parse(text))
    assert operations(code, element=True) == expected
    assert operations(straight_line(parse(text.replace("g", "t"))), False) == expected


def test_multiplying_by_one_costs_nothing() -> None:
    peak = code_of("peak(g)")
    assert operations(peak, element=True) == ["max"]
    assert operations(code_of("peak(g, 0.9)"), element=True) == ["multiply", "max"]


def test_what_depends_only_on_the_clock_is_computed_once_a_step() -> None:
    code = code_of("g * rd * exp(-t / T) + cos(progress)")
    assert operations(code, element=True) == ["multiply", "multiply", "add"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("noise(1) - noise(1) * g", ["noise"]),
        ("noise(1) + noise(2)", ["noise", "noise"]),
        ("drop(g, 0.1) * drop(g, 0.1) / drop(g, 0.3)", ["drop", "drop"]),
        ("drop(drop(g, 0.5), 0.5)", ["drop", "drop"]),
        ("noise(0.1) + fold(noise(0.1) + s)", ["noise"]),
    ],
)
def test_equal_draws_are_one_and_streams_are_numbered(
    text: str, kinds: list[str]
) -> None:
    draws = code_of(text).draws
    assert [draw.operation for draw in draws] == kinds
    assert [draw.index for draw in draws] == list(range(len(kinds)))


@pytest.mark.parametrize(
    ("text", "needed"),
    [("g", False), ("g * t", False), ("g * T", True), ("ema(g, progress)", True)],
)
def test_need_of_total_steps_is_known(text: str, needed: bool) -> None:
    assert code_of(text).needs_total_steps == needed


def test_free_variable_is_refused() -> None:
    with pytest.raises(ValueError, match=r"variable 'x' has no value .* substitute"):
        straight_line(parse("exp(x) + g", ("x",)))


def test_every_random_rule_is_well_formed() -> None:
    generator = RuleGenerator(5)
    for _ in range(1_500):
        expression = simplify(parse(generator.text(generator.rule())))
        code = straight_line(expression)
        assert 0 <= code.result < len(code.instructions)
        assert all(0 <= state < len(code.instructions) for state in code.states)
        seen = set()
        for target, instruction in enumerate(code.instructions):
            assert instruction.target == target
            assert all(argument < target for argument in instruction.arguments)
            what = (
                instruction.operation,
                instruction.arguments,
                repr(instruction.value),
                instruction.index,
            )
            assert what not in seen, f"{what} is computed twice in {expression}"
            seen.add(what)
            check_kind(code, target)


def check_kind(code: StraightLine, target: int) -> None:
    """Core operations only; per element exactly where an argument is."""
    instruction = code.instructions[target]
    if instruction.operation in SOURCES:
        assert not instruction.arguments
        assert instruction.element == (instruction.operation in ("load", "g", "w"))
        return
    primitive = PRIMITIVES[instruction.operation]
    assert not primitive.formula
    assert not primitive.memory
    assert len(instruction.arguments) == primitive.arity
    below = any(code.instructions[number].element for number in instruction.arguments)
    assert instruction.element == (below or bool(primitive.draw))
