"""Printed rules can be read back: text, folded text, Python, every bit of a number."""

import copy
import copyreg
import math
import pickle
import random
import re
import struct
from collections.abc import Callable

import pytest

from neuralopt.language import RULES, Expression, parse, render, simplify
from neuralopt.language.definitions import formula_of, memory_of
from neuralopt.language.expression import call
from neuralopt.language.primitives import PRIMITIVES
from tests.oracle.python_reading import tree_of_text
from tests.oracle.random_rules import ABBREVIATIONS, RuleGenerator, Tree, as_tree


def expressions(seed: int, count: int) -> list[Expression]:
    """Random rules and their canonical forms."""
    generator = RuleGenerator(seed)
    read = [parse(generator.text(generator.rule())) for _ in range(count)]
    return read + [simplify(expression) for expression in read]


def is_balanced(latex: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def check_round_trips(found: list[Expression]) -> None:
    for expression in found:
        text = str(expression)
        assert parse(text) == expression, text
        assert str(parse(text)) == text
        folded = render(expression, "text")
        if simplify(expression) == expression:
            # A canonical form is shown by the name of the rule it is the form of.
            assert simplify(parse(folded)) == expression, (text, folded)
        else:
            assert parse(folded) == expression, (text, folded)
        python = render(expression, "python")
        assert tree_of_text(python) == as_tree(expression), (text, python)
        latex = render(expression, "latex")
        assert latex.strip(), text
        assert is_balanced(latex), (text, latex)
        assert latex.count(r"\left") == latex.count(r"\right"), (text, latex)


@pytest.mark.parametrize("seed", range(4))
def test_every_rule_and_canonical_form_round_trips(seed: int) -> None:
    check_round_trips(expressions(seed, 300))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_rules_and_canonical_forms_round_trip(seed: int) -> None:
    check_round_trips(expressions(seed, 2_000))


@pytest.mark.parametrize("name", RULES)
def test_every_named_rule_round_trips(name: str) -> None:
    rule = RULES[name].expression
    check_round_trips([rule, simplify(rule)])


BORDERLINE = (
    *("log(g ** 0) ** -1", "(log(g ** 0) ** 2) ** -0.5", "(g ** 0 - 1) ** -1"),
    *("(g ** 0 * 10) ** 309", "exp(g ** 0 * 1000) ** 2", "pow(0, -1 * g ** 0) * g"),
    *("drop(g, 10 * t ** 0)", "drop(g, -(t ** 0))", "clip(g, -1 * t ** 0)"),
    *("ema(g, 1 / (t ** 0 - 1))", "ema(g, log(0 * t ** 0))", "noise(1 / log(t ** 0))"),
    *("peak(g, 1e300 * (10 ** 300) ** t ** 0)", "g * 1e300 * 1e300", "1e308 + 1e308"),
    *("1 / 0", "g / (1 - 1)", "exp(1000) * g", "0 * log(0)", "-(1e308 * 10) * g"),
    *("(g ** 0 - 2) ** 0.5", "(0 * t) ** -1 * g", "1e-200 ** 2 * g", "(1 / 0) ** -1"),
)
"""A careless rewriting of these has a part that can't be read back."""


@pytest.mark.parametrize("text", BORDERLINE)
def test_canonical_form_of_a_borderline_rule_can_be_read(text: str) -> None:
    try:
        expression = parse(text)
    except ValueError:  # to refuse it at once is right too
        return
    check_round_trips([expression, simplify(expression)])


INFINITE = (
    *("drop(0, 0) ** -0.5", "square(1e300)", "cube(-1e200) * g", "(1 / 0) ** 2 * g"),
    *("2 ** drop(exp(1000), 0)", "0 ** -0.5 * g", "9 ** 400 + g"),
    *("square(reciprocal(0))", "log(0) ** 3 / g", "9 ** 9 ** 9 ** 9"),
)
"""Rules whose canonical form has a part of numbers that is not finite."""


@pytest.mark.parametrize("text", INFINITE)
def test_an_infinite_part_can_be_read_again(text: str) -> None:
    expression = parse(text)
    check_round_trips([expression, simplify(expression)])


def test_the_longest_text_of_a_rule_can_be_read_again() -> None:
    leaves = [Expression("constant", (), -1.2345678901234567e-300)] * 1_000
    while len(leaves) > 1:
        pairs = zip(leaves[::2], leaves[1::2], strict=False)
        paired = [call("divide", *pair) for pair in pairs]
        leaves = paired + leaves[len(paired) * 2 :]
    assert len(str(leaves[0])) > 27_000
    assert parse(str(leaves[0])) == leaves[0]


def built(tree: Tree, rng: random.Random) -> Expression:
    """The tree made by hand; minus a number is a negative constant, or a sign."""
    arguments = tuple(built(argument, rng) for argument in tree.arguments)
    if tree.primitive == "negative" and rng.random() < 0.5:
        value = tree.arguments[0].value
        if value is not None:
            return Expression("constant", (), -value)
    return Expression(tree.primitive, arguments, tree.value)


def test_expressions_made_by_hand_round_trip() -> None:
    generator, rng = RuleGenerator(seed=7), random.Random(7)
    check_round_trips([built(generator.rule(), rng) for _ in range(500)])


def test_expressions_made_by_substitution_round_trip() -> None:
    templates = ("-x", "--x", "x - x", "g ** 2 - x", "-x ** 2", "g / x", "2 ** x")
    parts = ("-2", "2", "-g", "g + w", "g - w", "-0.0", "g * w", "g ** 2", "2 ** g")
    found = []
    for template in templates:
        for part in parts:
            outer = parse(template, ("x",))
            found.append(outer.substitute({"x": parse(part)}))
    check_round_trips(found)


NUMBERS = (
    *(0.0, 1.0, 0.1, 0.2 + 0.1, 1 / 3, 2.0**53, 2.0**53 + 2, 1e15, 1e16, 1e17, 1e22),
    *(1e23, 123456789012345678.0, 1e308, 1.7976931348623157e308, 5e-324, 1e-310),
    *(2.2250738585072014e-308, 2.225073858507201e-308, 1e-5, 1e-4, 0.0001, 1e100),
    *(math.pi, math.e, math.nextafter(1.0, 2.0), math.nextafter(0.1, 0.0)),
)


def bits(value: float | None) -> bytes:
    assert value is not None
    return struct.pack("<d", value)


@pytest.mark.parametrize("value", NUMBERS)
def test_constants_keep_every_bit(value: float) -> None:
    for number in (value, -value):
        made = Expression("constant", (), number)
        for form in ("text", "python"):
            again = parse(render(made, form))
            assert bits(again.value) == bits(number), form
        assert parse(str(made)) == made
    read = parse(repr(value))
    assert bits(read.value) == bits(value)
    assert bits(parse(str(read)).value) == bits(value)
    inside = parse(f"g * {value!r}").arguments[1]
    assert bits(inside.value) == bits(value)


def test_random_constants_keep_every_bit() -> None:
    rng = random.Random(0)
    for _ in range(3_000):
        [value] = struct.unpack("<d", rng.randbytes(8))
        if math.isfinite(value):
            made = Expression("constant", (), value)
            assert bits(parse(str(made)).value) == bits(value)
            scaled = Expression("multiply", (parse("g"), made))
            assert parse(str(scaled)) == scaled
            assert simplify(simplify(scaled)) == simplify(scaled)


@pytest.mark.parametrize("name", ABBREVIATIONS)
def test_abbreviations_are_shown_folded_and_kept_expanded(name: str) -> None:
    expression = parse(name)
    assert render(expression, "text") == name
    assert as_tree(expression) == tree_of_text(str(expression))
    assert str(expression) != name


def test_equal_text_means_equal_expression_and_hash() -> None:
    for expression in expressions(seed=11, count=200):
        again = parse(str(expression))
        assert hash(again) == hash(expression)


def test_zeros_of_both_signs_are_told_apart() -> None:
    positive = Expression("constant", (), 0.0)
    negative = Expression("constant", (), -0.0)
    assert positive != negative
    assert str(positive) != str(negative)


def test_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="latex"):
        render(parse("g"), "html")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda rule: pickle.loads(pickle.dumps(rule))]
)
def test_expressions_are_pickled_as_their_text(
    again: Callable[[Expression], Expression],
) -> None:
    rules = [simplify(rule.expression) for rule in RULES.values()]
    for expression in [*rules, *expressions(seed=5, count=200)]:
        assert again(expression) == expression
        assert str(again(expression)) == str(expression)
    template = parse("exp(x) * g", ("x",))
    assert again(template) == template
    reduce = copyreg.dispatch_table[Expression]
    assert reduce(template)[1] == ("exp(x) * g", ("x",))
    assert reduce(rules[0]) == (parse, (str(rules[0]),))


@pytest.mark.parametrize("name", PRIMITIVES)
def test_formulas_of_the_table_are_pickled(name: str) -> None:
    primitive = PRIMITIVES[name]
    formulas = [formula_of(name)] if primitive.formula else []
    if primitive.memory:
        memory = memory_of(name)
        formulas += [memory, call("fold", memory), call("add", call("s"), memory)]
    for formula in formulas:
        assert pickle.loads(pickle.dumps(formula)) == formula
