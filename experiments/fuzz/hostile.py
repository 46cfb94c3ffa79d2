"""Hostile texts: what a parser and an exporter must refuse in one line or survive."""

import ast
import random
import string
from pathlib import Path

from neuralopt.export.export import export_rule
from neuralopt.language import RULES, parse, render, simplify
from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine import straight_line

WORDS = [*PRIMITIVES, *ABBREVIATIONS, *(p.symbol for p in PRIMITIVES.values())]
WORDS += ["(", ")", ",", "**", "//", "1e400", "9**400", "1e-400", "0x10", "1_0", "1j"]
WORDS += ["True", "None", "lambda", "__import__('os')", "g.__class__", "g[0]", "\n"]
WORDS += ["\0", "'", '"', "#", "\\", ";", "=", "==", ":=", "@", "\u202e", "\u221e"]
WORDS += ["\uff47", "\u0435", "\u00e9"]  # look-alikes of g and e, and a letter
NUMBERS = ["0", "-0", "0.1", "1e308", "5e-324", "123456789" * 40, "." * 5, "1e", "1.e5"]


def hostile(rng: random.Random) -> str:
    """A random text of one of five kinds."""
    kind = rng.randrange(5)
    if kind == 0:  # noise
        alphabet = string.printable + "\u03b1\xdf\xe9\uff10\xb2\u2028\ud7ff\U0001f600"
        return "".join(rng.choices(alphabet, k=rng.randrange(60)))
    if kind == 1:  # words of the language in any order
        return " ".join(rng.choices(WORDS + NUMBERS, k=rng.randrange(1, 25)))
    if kind == 2:  # a rule with some characters changed
        text = list(str(rng.choice(list(RULES.values())).expression))
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(text) + 1)
            text[place : place + rng.randrange(2)] = rng.choice(WORDS)
        return "".join(text)
    if kind == 3:  # deep, long or wide
        depth = rng.choice([10, 60, 70, 500, 5000])
        piece = rng.choice(
            ["(", "-", "sqrt(", "ema(", "2 ** ", "g + ", "g * (", "fold("]
        )
        closing = ")" * (depth if rng.random() < 0.7 else 0)
        return piece * depth + rng.choice(["g", "", "1"]) + closing
    function = rng.choice([p for p in PRIMITIVES.values() if p.parameters])
    arguments = rng.choices([*WORDS, *NUMBERS, "g", "w", "m"], k=rng.randrange(5))
    return f"{function.name}({', '.join(arguments)})"


def try_text(text: str) -> str:
    """Parse a text, and check what was parsed; returns ``refused`` or ``read``."""
    try:
        expression = parse(text)
    except ValueError as error:
        message = str(error)
        if not message or "\n" in message or len(message) > 1000:
            raise AssertionError(f"not one line: {message[:200]!r}") from None
        return "refused"
    assert parse(str(expression)) == expression
    assert parse(render(expression)) == expression
    canonical = simplify(expression)
    assert simplify(canonical) == canonical
    render(expression, "latex")
    straight_line(canonical)
    return "read"


def try_export(text: str, rng: random.Random, folder: Path) -> str:
    """Export a named rule with hostile names; returns ``exported`` or why not."""
    try:
        path = export_rule(
            rng.choice(list(RULES.values())),
            folder / "rule.py",
            class_name=text if rng.random() < 0.5 else "Fine",
            origin=text,
            tests=False,
        )
    except ValueError as error:
        if "\n" in str(error):
            raise AssertionError(f"not one line: {error}") from None
        return "export refused"
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    for node in ast.parse(path.read_text("utf-8")).body:
        assert isinstance(node, (*allowed, ast.Expr)), ast.dump(node)[:200]
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant)
    path.unlink()
    return "exported"
