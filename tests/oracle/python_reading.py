"""Rule text as Python's own parser reads it.

This is an independent check of the package's parser, which is not used here.
"""

from __future__ import annotations

import ast

from tests.oracle.random_rules import ABBREVIATIONS, Tree, call, number

OPERATORS = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Mod: "remainder",
    ast.Pow: "power",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}
DEFAULTS = {"peak": 1, "orthogonalize": 5}
"""Of the second argument."""


def tree_of_python(node: ast.expr) -> Tree:
    """The tree of a Python expression, defaults written out."""
    match node:
        case ast.BinOp(left, operator, right):
            name = OPERATORS[type(operator)]
            return call(name, tree_of_python(left), tree_of_python(right))
        case ast.Compare(left, [operator], [right]):
            name = OPERATORS[type(operator)]
            return call(name, tree_of_python(left), tree_of_python(right))
        case ast.UnaryOp(ast.USub(), operand):
            return call("negative", tree_of_python(operand))
        case ast.Constant(int() | float() as value):
            return number(float(value))
        case ast.Name(name):
            return ABBREVIATIONS.get(name) or Tree(name)
        case ast.Call(ast.Name(name), arguments, []):
            trees = [tree_of_python(argument) for argument in arguments]
            if name in DEFAULTS and len(trees) == 1:
                trees.append(number(DEFAULTS[name]))
            return call(name, *trees)
    raise AssertionError(ast.dump(node))


def tree_of_text(text: str) -> Tree:
    """The tree of a text; SyntaxError where Python can't read it."""
    return tree_of_python(ast.parse(text, mode="eval").body)
