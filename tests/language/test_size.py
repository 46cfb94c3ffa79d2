"""The size of a rule, counted again in its shown text by Python's own parser."""

import ast

import pytest

from neuralopt.language import RULES, parse, render, simplify, size_of
from neuralopt.language.folding import fold
from neuralopt.scoring.random_rules import random_rules
from neuralopt.spaces import SPACES


def nodes(tree: ast.AST) -> int:
    """Operations, numbers and names of a Python expression."""
    match tree:
        case ast.Expression(body=body):
            return nodes(body)
        case ast.BinOp(left=left, right=right):
            return 1 + nodes(left) + nodes(right)
        case ast.Compare(left=left, comparators=[right]):
            return 1 + nodes(left) + nodes(right)
        case ast.UnaryOp(operand=ast.Constant()):
            return 1
        case ast.UnaryOp(operand=operand):
            return 1 + nodes(operand)
        case ast.Call(args=args):
            return 1 + sum(map(nodes, args))
        case ast.Name() | ast.Constant():
            return 1
    raise AssertionError(ast.dump(tree))


def counted(text: str) -> int:
    return nodes(ast.parse(text, mode="eval"))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("g", 1),
        ("adam", 1),
        ("rmsprop", 1),
        ("1e-4 * w + g", 5),
        ("g * exp(sign(g) * sign(m))", 8),
        ("cd * g", 3),
        ("peak(g)", 2),  # a default is not shown
        ("peak(g, 0.9)", 3),
        ("square(g)", 3),  # canonical: g ** 2
        ("ema(g, 0.9)", 1),  # m
        ("g * 1", 1),
    ],
)
def test_sizes_of_known_rules(text: str, size: int) -> None:
    assert size_of(parse(text)) == size


def test_abbreviations_with_arguments_are_folded() -> None:
    folded = fold(parse("cd(3) * g"))
    assert str(folded) == "cd(3) * g"
    assert sum(1 for _ in folded.walk()) == 4


@pytest.mark.parametrize("space", ["bello2017", "sign_agreement", "temporal"])
def test_size_is_what_is_shown_of_random_rules(space: str) -> None:
    for rule in random_rules(SPACES[space], 300, seed=3):
        assert size_of(rule) == counted(render(rule)), render(rule)


@pytest.mark.parametrize("name", RULES)
def test_size_is_what_is_shown_of_named_rules(name: str) -> None:
    rule = RULES[name].expression
    assert size_of(rule) == counted(render(simplify(rule)))
