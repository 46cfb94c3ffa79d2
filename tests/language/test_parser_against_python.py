"""Precedence, associativity and calls: Python's own parser is the oracle."""

import random

import pytest

from neuralopt.language import parse
from tests.oracle.python_reading import tree_of_text
from tests.oracle.random_rules import (
    ABBREVIATIONS,
    RuleGenerator,
    as_tree,
    constants_are_finite,
)


class Typist:
    """Types arithmetic without thinking about what binds tighter."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def text(self, depth: int) -> str:
        words = [self._operand(depth)]
        for _ in range(self._rng.randint(0, 4)):
            words += [self._rng.choice("+-*/%+-*/"), self._operand(depth)]
        return self._rng.choice(("", " ")).join(words)

    def _operand(self, depth: int) -> str:
        minus = self._rng.choice(("", "", "", "-", "--", "- "))
        return minus + self._powers(depth)

    def _powers(self, depth: int) -> str:
        kind = self._rng.random()
        if kind < 0.2:
            exponent = self._rng.choice(("2", "3", "0.5", "-1", "-2.5", "- 1"))
            return f"{self._atom(depth)}**{exponent}"
        if kind < 0.35:
            base = self._rng.choice(("2", "0.5", "e", "pi", "1e-3"))
            return f"{base} ** {self._operand(depth)}"
        return self._atom(depth)

    def _atom(self, depth: int) -> str:
        kind = self._rng.random()
        if depth > 0 and kind < 0.25:
            return f"({self.text(depth - 1)})"
        if depth > 0 and kind < 0.4:
            name = self._rng.choice(("exp", "sign", "sqrt", "previous", "fold"))
            return f"{name}( {self.text(depth - 1)} )"
        if depth > 0 and kind < 0.5:
            name = self._rng.choice(("min", "max", "pow"))
            return f"{name}({self.text(depth - 1)},{self.text(depth - 1)})"
        if kind < 0.75:
            words = ("g", "w", "t", "T", "progress", "update", "m", "v", "ld", "adam")
            return self._rng.choice(words)
        return self._rng.choice(("1", "2", "0.5", "1e-8", ".25", "3.", "1E2", "007.5"))


@pytest.mark.parametrize("seed", range(5))
def test_operators_bind_as_in_python(seed: int) -> None:
    typist = Typist(seed)
    checked = 0
    for _ in range(600):
        text = typist.text(depth=2)
        expected = tree_of_text(text)
        if constants_are_finite(expected):
            assert as_tree(parse(text)) == expected, text
            checked += 1
    assert checked > 400


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("g - w - t", "(g - w) - t"),
        ("g / w / t", "(g / w) / t"),
        ("g / w * t", "(g / w) * t"),
        ("g % w * t", "(g % w) * t"),
        ("g * w % t", "(g * w) % t"),
        ("g - w + t", "(g - w) + t"),
        ("g + w * t", "g + (w * t)"),
        ("-g ** 2", "-(g ** 2)"),
        ("-2 ** g", "-(2 ** g)"),
        ("2 ** -g", "2 ** (-g)"),
        ("2 ** 3 ** g", "2 ** (3 ** g)"),
        ("2 ** g ** 3", "2 ** (g ** 3)"),
        ("2 ** -g ** 2", "2 ** (-(g ** 2))"),
        ("-g * w", "(-g) * w"),
        ("-g % w", "(-g) % w"),
        ("g - -w", "g - (-w)"),
        ("g * -w ** 2", "g * (-(w ** 2))"),
        ("g ** -2 * w", "(g ** -2) * w"),
        ("--g", "-(-g)"),
    ],
)
def test_brackets_that_python_would_imply_change_nothing(text: str, same: str) -> None:
    assert parse(text) == parse(same)
    assert as_tree(parse(text)) == tree_of_text(text)


@pytest.mark.parametrize("seed", range(3))
def test_a_text_is_read_as_the_tree_it_was_printed_from(seed: int) -> None:
    generator = RuleGenerator(seed)
    for _ in range(1_000):
        tree = generator.rule()
        text = generator.text(tree)
        assert as_tree(parse(text)) == tree, text


@pytest.mark.parametrize("name", ABBREVIATIONS)
def test_abbreviations_mean_what_the_paper_says(name: str) -> None:
    assert as_tree(parse(name)) == ABBREVIATIONS[name]


def test_spaces_mean_nothing() -> None:
    assert parse("ema( g,0.9 )*w") == parse("ema(g, 0.9)  *  w")
