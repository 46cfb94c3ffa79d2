"""Feed hostile text to the parser and the exporter.

    python experiments/fuzz/fuzz.py --seconds 60

Every input must be parsed, or refused with a ValueError of one line, within a second. A
parsed expression must print, parse back, simplify and compile. An exported file must
hold nothing except imports, functions, constants and one class, for any names given.
"""

import argparse
import ast
import random
import string
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
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
LIMIT = 1.0
"""Seconds for one input."""


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    add_json_option(parser)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    counts: Counter[str] = Counter()
    slowest, failures = (0.0, ""), []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        while time.perf_counter() - began < arguments.seconds:
            text = hostile(rng)
            started = time.perf_counter()
            try:
                counts[try_text(text)] += 1
                if rng.random() < 0.1:
                    counts[try_export(text, rng, Path(folder))] += 1
            except Exception as error:  # noqa: BLE001  any exception is a finding
                failures.append(f"{type(error).__name__}: {error}: {text!r}"[:300])
            slowest = max(slowest, (time.perf_counter() - started, text[:60]))
    print(f"{sum(counts.values()):,} inputs, seed {arguments.seed}: {dict(counts)}")
    print(f"slowest {slowest[0]:.3f} s: {slowest[1]!r}")
    print(f"{len(failures)} failures")
    print("\n".join(failures[:20]))
    write_results(
        arguments.json,
        {
            "seed": arguments.seed,
            "inputs": counts,
            "slowest seconds": slowest[0],
            "failures": failures,
        },
    )
    if failures or slowest[0] > LIMIT:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
