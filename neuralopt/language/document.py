"""Write `docs/LANGUAGE.md`, the reference of the language, from its table.

Run after a change of the table, in a checkout:

    python -m neuralopt.language.document
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import fill

from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.language.expression import MAXIMUM_DEPTH, MAXIMUM_SIZE
from neuralopt.language.grammar import MAXIMUM_LENGTH, MAXIMUM_NESTING
from neuralopt.language.primitive import Extent, Law, Parameter, Primitive
from neuralopt.language.primitives import (
    FUNCTIONS,
    LANGUAGE_VERSION,
    LEAVES,
    MEMORIES,
    OPERATORS,
)
from neuralopt.language.tensor_primitives import TENSORS

DOCUMENT = Path(__file__).parents[2] / "docs" / "LANGUAGE.md"

LAWS = {
    Law.COMMUTATIVE: ("commutative", "f(x, y) = f(y, x)"),
    Law.ODD: ("odd", "f(-x) = -f(x), in the first argument"),
    Law.EVEN: ("even", "f(-x) = f(x), in the first argument"),
    Law.IDEMPOTENT: ("idempotent", "f(f(x)) = f(x); of two arguments, f(x, x) = x"),
    Law.NONNEGATIVE: ("nonnegative", "every value that is not NaN is 0 or more"),
    Law.EXACT: ("exact", "correctly rounded on every engine"),
    Law.REDEFINED: ("redefined", "the canonical form has its formula instead"),
}

ONE_VALUE_FOR: Mapping[Extent, str] = {
    "tensor": "the tensor",
    "rows": "each row",
    "columns": "each column",
    "element": "each element",
}

BEGINNING = """\
# The language of update rules

A rule is one line of text in Python's expression syntax. An optimizer that runs it
takes, at every step and for every parameter,

    w <- w - lr * (rule + weight_decay * w)

where `lr` is the learning rate and `weight_decay` is decoupled (Loshchilov and Hutter
2019). For example, `g` is stochastic gradient descent, `trace(g, 0.9)` is momentum and
`sign(0.9 * previous(ema(g, 0.99)) + 0.1 * g)` is Lion. [ZOO.md](ZOO.md) lists the named
rules of the field.

This page describes version {version} of the language. It is generated from the table in
`neuralopt/language/primitives.py` by `python -m neuralopt.language.document`.

Most primitives work element by element: a value depends on the same element of the
gradient, the parameter and the state. Those of [tensor scope](#tensor-scope) see a
whole parameter. Arithmetic follows IEEE 754, so infinities and NaN are values. An
argument named in *italics* must be a number or an expression of `t`, `T`, `progress`
and constants.
"""

ENDING = """\
## Limits

- A text has at most {length:,} characters and at most {nesting} brackets, signs and
  powers open at once.
- An expression has at most {size:,} nodes and {depth} levels.
- In `x ** n` the exponent is a constant; in `c ** x` the base is a positive constant;
  otherwise both are expressions of `t`, `T`, `progress` and constants. For other powers
  there is `pow(x, y)`.
- Literals are finite. Operations on constants follow IEEE 754: `1 / 0` and `9 ** 400`
  are infinite.
- A comparison is between two values: `a < b < c` is an error, as are an equality, an
  attribute, an index, a string and a line break.
"""

TENSOR_SCOPE = """\
A value depends on all elements of one parameter, as a matrix: its first dimension is
the rows, all others together are the columns, as for a convolution's (out, in, height,
width). A vector is one column, so that rows(x) is x there. Values that are the same for
a tensor, a row or a column take that much memory as a state. Every parameter is of one
kind; a rule such as `where(matrix, orthogonalize(m), adam)` keeps for each kind only
the states that it needs."""


def document() -> str:
    """The text of `docs/LANGUAGE.md`."""
    draws = [primitive for primitive in FUNCTIONS if primitive.draw]
    plain = [primitive for primitive in FUNCTIONS if not primitive.draw]
    sections = [
        BEGINNING.format(version=LANGUAGE_VERSION),
        _section("Values", "Numbers and tensors that a rule starts from.", _leaves()),
        _section(
            "Operators",
            "From the loosest to the tightest; `-x` is looser than `x ** y`, as in "
            "Python.",
            _operations(OPERATORS),
        ),
        _section("Functions", "", _operations(plain)),
        _section(
            "Random draws",
            "The bits are a function of seed, replicate, step and element. Equal draws "
            "in one rule are the same draw.",
            _operations(draws),
        ),
        _section(
            "Memories",
            "Each keeps a state `s` for every element, 0 before the first step. Equal "
            "memories in one rule share their state.",
            _memories(),
        ),
        _section("Tensor scope", TENSOR_SCOPE, _tensors()),
        _section(
            "Abbreviations",
            "Expanded when a rule is read, and put back when it is shown.",
            _abbreviations(),
        ),
        _section(
            "Laws",
            "What the canonical form of a rule may use. Each holds for every float, "
            "infinities and NaN included; a law of signs holds up to the sign of a "
            "zero.",
            _laws(),
        ),
        ENDING.format(
            length=MAXIMUM_LENGTH,
            nesting=MAXIMUM_NESTING,
            size=MAXIMUM_SIZE,
            depth=MAXIMUM_DEPTH,
        ),
    ]
    return "\n".join(sections)


def _section(title: str, text: str, table: Iterable[str]) -> str:
    lines = [f"## {title}", "", *([fill(text, 88), ""] if text else []), *table, ""]
    return "\n".join(lines)


def _table(*titles: str) -> list[str]:
    return [_row(*titles), "|---" * len(titles) + "|"]


def _row(*cells: str) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _tensors() -> Iterator[str]:
    yield from _table("text", "meaning", "one value for", "formula", "laws", "source")
    for each in TENSORS:
        text = f"`{each.name}`" if each.is_leaf else _usage(each)
        formula = f"`{each.formula}`" if each.formula else ""
        extent = "" if each.formula else ONE_VALUE_FOR[each.extent]
        yield _row(text, each.meaning, extent, formula, _laws_of(each), each.source)


def _leaves() -> Iterator[str]:
    yield from _table("text", "meaning", "source")
    for leaf in LEAVES:
        text = "0.9, 1e-8" if leaf.name == "constant" else leaf.name
        yield _row(f"`{text}`", leaf.meaning, leaf.source)


def _operations(primitives: Iterable[Primitive]) -> Iterator[str]:
    yield from _table("text", "meaning", "formula", "laws", "source")
    for each in primitives:
        formula = f"`{each.formula}`" if each.formula else ""
        yield _row(_usage(each), each.meaning, formula, _laws_of(each), each.source)


def _memories() -> Iterator[str]:
    yield from _table("text", "meaning", "state or formula", "value", "laws", "source")
    for each in MEMORIES:
        state = f"`s <- {each.memory}`" if each.memory else f"`{each.formula}`"
        value = f"the {each.value} state" if each.memory else ""
        yield _row(
            _usage(each), each.meaning, state, value, _laws_of(each), each.source
        )


def _abbreviations() -> Iterator[str]:
    yield from _table("text", "stands for")
    for each in ABBREVIATIONS.values():
        usage = _call(each.name, each.parameters) if each.parameters else each.name
        yield _row(f"`{usage}`", f"`{each.text}`")


def _laws() -> Iterator[str]:
    yield from _table("law", "meaning")
    for name, meaning in LAWS.values():
        yield _row(name, meaning)


def _usage(primitive: Primitive) -> str:
    """How an operation is typed, with the arguments that must be numbers."""
    names = [parameter.name for parameter in primitive.parameters]
    if primitive.symbol and primitive.arity == 2:
        return f"`{names[0]} {primitive.symbol} {names[1]}`"
    if primitive.symbol:
        return f"`{primitive.symbol}{names[0]}`"
    usage = f"`{_call(primitive.name, primitive.parameters)}`"
    for parameter in primitive.parameters:
        if parameter.role == "scalar":
            usage += f" *{parameter.name}*{_bounds(parameter)}"
    return usage


def _call(name: str, parameters: Iterable[Parameter]) -> str:
    """With the values that arguments have if they are left out."""
    arguments = (
        each.name if each.default is None else f"{each.name}={each.default:g}"
        for each in parameters
    )
    return f"{name}({', '.join(arguments)})"


def _bounds(parameter: Parameter) -> str:
    low, high = parameter.lowest, parameter.highest
    if low is None:
        return ""
    return f" >= {low:g}" if high is None else f" in [{low:g}, {high:g}]"


def _laws_of(primitive: Primitive) -> str:
    return ", ".join(name for law, (name, _) in LAWS.items() if law in primitive.laws)


def main() -> None:
    """Write the file."""
    DOCUMENT.write_text(document(), "utf-8")


if __name__ == "__main__":
    main()
