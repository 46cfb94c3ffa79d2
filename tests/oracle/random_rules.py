"""Random valid rules: their trees, and texts that say them.

Only the grammar of the language is used here, and which rules are well behaved enough
to be read (a constant must be finite), not the package's parser: a tree here is an
independent answer to what a text means.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.oracle.interpreter import FUNCTIONS, KINDS, Node, value_at


@dataclass(frozen=True)
class Tree:
    """A rule as the oracle sees it; numbers that stand in it are never negative."""

    primitive: str
    arguments: tuple[Tree, ...] = ()
    value: float | None = None

    @property
    def size(self) -> int:
        return 1 + sum(argument.size for argument in self.arguments)

    def walk(self) -> Iterator[Tree]:
        yield self
        for argument in self.arguments:
            yield from argument.walk()

    def __str__(self) -> str:
        return text_of(self)


def number(value: float) -> Tree:
    if math.copysign(1.0, value) < 0.0:
        return Tree("negative", (number(-value),))
    return Tree("constant", (), float(value))


def call(primitive: str, *arguments: Tree) -> Tree:
    return Tree(primitive, arguments)


def as_tree(node: Node) -> Tree:
    """The tree of an Expression; a negative constant is read as minus a number."""
    if node.primitive == "constant":
        assert node.value is not None
        return number(float(node.value))
    return Tree(node.primitive, tuple(as_tree(argument) for argument in node.arguments))


# --------------------------------------------------------------------------- printing

SYMBOLS = {
    "less": (" < ", 0),
    "less_equal": (" <= ", 0),
    "greater": (" > ", 0),
    "greater_equal": (" >= ", 0),
    "add": (" + ", 1),
    "subtract": (" - ", 1),
    "multiply": (" * ", 2),
    "divide": (" / ", 2),
    "remainder": (" % ", 2),
    "negative": ("-", 3),
    "power": (" ** ", 4),
}
TIGHTEST = 5


def text_of(tree: Tree, rng: random.Random | None = None) -> str:
    """A text that says this tree; with rng, one of the many that do.

    Precedence and associativity are Python's: `**` binds tighter than a minus on its
    left and looser than one on its right.
    """

    def spell(node: Tree, tightness: int) -> str:
        if rng and node in NAMES and rng.random() < 0.5:
            return NAMES[node]
        own = SYMBOLS[node.primitive][1] if node.primitive in SYMBOLS else TIGHTEST
        text = compound(node)
        if own < tightness or (rng and rng.random() < 0.1):
            return f"({text})"
        return text

    def compound(node: Tree) -> str:
        if node.value is not None:
            return literal(node.value)
        if not node.arguments:
            return node.primitive
        if node.primitive not in SYMBOLS:
            inside = ", ".join(spell(argument, 0) for argument in node.arguments)
            return f"{node.primitive}({inside})"
        symbol, own = SYMBOLS[node.primitive]
        if rng:
            symbol = rng.choice((symbol, symbol.strip()))
        if node.primitive == "negative":
            return symbol + spell(node.arguments[0], own)
        left, right = node.arguments
        if node.primitive == "power":
            return spell(left, TIGHTEST) + symbol + spell(right, own - 1)
        chained = node.primitive not in COMPARISONS
        return spell(left, own + (not chained)) + symbol + spell(right, own + 1)

    def literal(value: float) -> str:
        exact = repr(value)
        if rng and value == int(value) and value < 1e6:
            return rng.choice((exact, str(int(value))))
        return exact

    return spell(tree, 0)


# ------------------------------------------------------------------------- generating


def _g() -> Tree:
    return Tree("g")


def _squared(x: Tree) -> Tree:
    return call("power", x, number(2))


_HALF, _ONE, _TWO = number(0.5), number(1), number(2)
_M = call("ema", _g(), number(0.9))
_V = call("ema", _squared(_g()), number(0.999))
_GAMMA = call("ema", call("power", _g(), number(3)), number(0.999))
_ADAM = call(
    "divide",
    call("debiased", _g(), number(0.9)),
    call(
        "add",
        call("sqrt", call("debiased", _squared(_g()), number(0.999))),
        number(1e-8),
    ),
)
_RMSPROP = call("divide", _g(), call("add", call("sqrt", _V), number(1e-8)))
_LD = call("subtract", _ONE, Tree("progress"))


def _half_cosine(angle: Tree) -> Tree:
    return call("multiply", _HALF, call("add", _ONE, call("cos", angle)))


def cd(n: float) -> Tree:
    """0.5 * (1 + cos(2 * pi * n * progress))."""
    angle = call("multiply", _TWO, Tree("pi"))
    angle = call("multiply", angle, number(n))
    return _half_cosine(call("multiply", angle, Tree("progress")))


def rd(n: float) -> Tree:
    """0.5 * (1 + cos(pi * ((n * t) % T) / T))."""
    phase = call("remainder", call("multiply", number(n), Tree("t")), Tree("T"))
    angle = call("multiply", Tree("pi"), phase)
    return _half_cosine(call("divide", angle, Tree("T")))


ABBREVIATIONS: dict[str, Tree] = {
    "m": _M,
    "v": _V,
    "gamma": _GAMMA,
    "adam": _ADAM,
    "rmsprop": _RMSPROP,
    "ld": _LD,
    "cd": cd(0.5),
    "cd(3)": cd(3),
    "rd": rd(20),
    "rd(2)": rd(2),
}
NAMES = {tree: name for name, tree in ABBREVIATIONS.items()}
SCALAR_ABBREVIATIONS = ("ld", "cd", "cd(3)", "rd", "rd(2)")

UNARY = (
    *("negative", "sign", "exp", "exp2", "cos", "tanh", "abs", "log", "sqrt"),
    *("square", "cube", "reciprocal", "total", "peak", "previous", "fold"),
)
BINARY = (*("add", "subtract", "multiply", "divide", "remainder", "pow", "min", "max"),)
COMPARISONS = ("less", "less_equal", "greater", "greater_equal")
WHOLE = ("norm", "rms", "mean", "maximum", "rows", "columns")
DECAYING = ("ema", "debiased", "trace", "peak")
EXPONENTS = (0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 1.5, -1.0, -2.0, -0.5)
BASES = (1.0, 2.0, 10.0, 0.5, 1e-3, 3.7)
DECAYS = (0.0, 0.5, 0.9, 0.99, 0.999, 1.0, -0.5, 1.5)
PROBABILITIES = (0.0, 0.1, 0.3, 0.5, 1.0)
LIMITS = (1e-5, 1e-4, 1e-3, 0.5, 1.0, 0.0, 1e10)
CONSTANTS = (
    *(0.0, 1.0, 2.0, 3.0, 0.5, 0.1, 10.0, 1e-8, 1e-4, 0.9, 1e10),
    *(-1.0, -2.0, -0.1, 1e-300, 5e-324, 1e200),
)

IDENTITIES = (
    *("X + 0", "0 + X", "X - 0", "0 - X", "X * 0", "X * 1", "1 * X", "X / 1"),
    *("0 / X", "X * -1", "X / -1", "-X + X", "X - X", "X / X", "X + X", "X * X"),
    *("2 * X", "X / 2", "X % 1", "X % X", "-(-X)", "-(X * Y)", "-X * -Y", "X - -Y"),
    *("X + -Y", "-X - Y", "-X + Y", "-(X - Y)", "-(X + Y)", "X * Y - Y * X"),
    *("(X + Y) + 1", "1 + (X + 2)", "2 * (3 * X)", "(X / 2) / 3", "X / (1 / Y)"),
    *("(X + Y) - Y", "X * Y / Y", "X / Y * Y", "X * (1 / Y)", "1 / (X / Y)"),
    *("X ** 0", "X ** 1", "X ** 2", "X ** 3", "X ** -1", "X ** 0.5", "(-X) ** 2"),
    *("(-X) ** 3", "(-X) ** 0.5", "(X ** 2) ** 0.5", "(X ** 2) ** 3", "abs(X) ** 2"),
    *("1 ** X", "2 ** X", "e ** X", "2 ** -X", "0.5 ** X", "pow(X, 0)", "pow(X, 1)"),
    *("pow(X, 2)", "pow(1, X)", "pow(-X, Y)", "pow(X, -1)", "pow(X, 0.5)"),
    *("sign(sign(X))", "sign(-X)", "sign(abs(X))", "sign(exp(X))", "sign(X) * X"),
    *("sign(X) * abs(X)", "sign(X) * sign(Y)", "sign(X * Y)", "sign(2 * X)"),
    *("sign(X ** 2)", "sign(X / Y)", "sign(sqrt(X))", "sign(X) ** 2", "abs(sign(X))"),
    *("abs(abs(X))", "abs(-X)", "abs(X * Y)", "abs(exp(X))", "abs(X ** 2)"),
    *("abs(X - Y) - abs(Y - X)", "sqrt(X ** 2)", "sqrt(X) ** 2", "sqrt(-X)"),
    *("square(X)", "square(-X)", "square(sqrt(X))", "cube(X)", "cube(-X)"),
    *("reciprocal(X)", "reciprocal(reciprocal(X))", "reciprocal(-X)", "1 / X"),
    *("exp(log(X))", "log(exp(X))", "log(abs(X))", "log(-X)", "log(X ** 2)"),
    *("exp(X) * exp(Y)", "exp(-X)", "1 / exp(X)", "exp(0 * X)", "exp2(X)"),
    *("cos(-X)", "cos(abs(X))", "tanh(-X)", "-tanh(-X)", "max(X, X)", "min(X, X)"),
    *("max(X, Y) - max(Y, X)", "max(-X, -Y)", "min(-X, -Y)", "max(X, -X)"),
    *("min(max(X, Y), Y)", "max(abs(X), 0)", "min(X, 1e308)", "max(exp(X), 0)"),
    *("clip(clip(X, 1), 2)", "clip(clip(X, 2), 1)", "clip(-X, 1)", "clip(X, 0)"),
    *("clip(sign(X), 1)", "clip(tanh(X), 2)", "clip(cos(X), 1)", "clip(X, 1e308)"),
    *("drop(X, 0)", "drop(X, 1)", "drop(drop(X, 0.5), 0.5)", "-drop(-X, 0.5)"),
    *("drop(X, 0.5) - drop(X, 0.5)", "drop(X + Y, 0.5) - drop(Y + X, 0.5)"),
    *("abs(drop(-X, 0.5)) + drop(-X, 0.5)", "drop(X - Y, 0.5) / drop(X - Y, 0.5)"),
    *("drop(-(X - Y), 0.5) + 1 / drop(-(X - Y), 0.5)", "noise(0.1) ** 2 * noise(0.1)"),
    *("drop(0 * X, 0.5)", "drop(X, 0.5) + drop(-X, 0.5)", "noise(0)", "noise(0) * X"),
    *("noise(0.1) - noise(0.1)", "noise(0.1) + noise(0.1)", "noise(0.5 * 0.2)"),
    *("ema(X, 0)", "ema(X, 1)", "ema(-X, 0.9)", "ema(2 * X, 0.9)", "ema(0, 0.9)"),
    *("ema(X, 0.9) - ema(X, 0.9)", "ema(1, 0.9)", "ema(ema(X, 0.9), 0.9)"),
    *("debiased(X, 0)", "debiased(X, 1)", "debiased(1, 0.9)", "debiased(-X, 0.5)"),
    *("trace(X, 0)", "trace(X, 1)", "trace(-X, 0.9)", "total(X)", "total(-X)"),
    *("total(0)", "total(1)", "total(X) - trace(X, 1)", "peak(X)", "peak(X, 0)"),
    *("peak(X, 1)", "peak(-X)", "peak(abs(X))", "peak(peak(X))", "peak(X, -1)"),
    *("previous(X)", "previous(-X)", "previous(1)", "previous(t)", "previous(0)"),
    *("previous(previous(X))", "previous(X + Y) - previous(X) - previous(Y)"),
    *("previous(ema(X, 0.5))", "ema(previous(X), 0.5)", "previous(exp(X))"),
    *("fold(X)", "fold(s)", "fold(0 * s + X)", "fold(s + X)", "fold(0.5 * s + X)"),
    *("fold(-s)", "fold(-s + X)", "fold(max(s, X))", "fold(fold(s + X) + s)"),
    *("fold(X + fold(s))", "fold(s - s + X)", "fold(fold(X))", "fold(previous(s))"),
    *("fold(previous(s) + X)", "fold(0.9 * s + (1 - 0.9) * X)", "update - update"),
    *("update", "0 * update", "previous(update)", "X + 0 * progress", "progress * 1"),
    *("t - t", "t % 1", "0 * t", "t ** 0", "sign(t)", "abs(t)", "max(t, 0)"),
    *("abs(progress)", "clip(progress, 1)", "min(progress, 1)", "T / T", "X * T / T"),
    *("2 + 3", "2 * 3 + X", "X + 1 + 2", "0.1 + 0.2 + X", "exp(0.1) * X", "2 ** 0.5"),
    *("1 / 3 * X", "cos(pi) * X", "pi * 2 * X", "-0.0 * X", "X + -0.0", "-(0 * X)"),
    *("X - (Y - X)", "X * (Y + 1)", "X * Y + X", "(X + 1) ** 2", "X / X ** 2"),
)
"""Texts that algebra is tempted to rewrite; X and Y stand for expressions."""

CONTEXTS = (
    *("X", "-X", "1 / X", "exp(1 / X)", "exp(-1 / X)", "exp(X)", "exp(-X)", "sign(X)"),
    *("tanh(1 / X)", "1 / (1 / X)", "sign(1 / X)", "1 / (1 + X ** 2)", "X ** 0"),
    *("pow(X, 0)", "1 ** X", "2 ** X", "max(X, 0)", "min(X, 0.5)", "clip(X, 1)"),
    *("clip(1 / X, 1)", "max(1 / X, -1)", "min(1 / X, 1)", "drop(X, 0.5)", "X - X"),
    *("ema(X, 0.9)", "previous(X)", "previous(1 / X)", "total(X)", "peak(X)"),
    *("peak(1 / X)", "fold(s + X)", "fold(X / (1 + s ** 2))", "log(X)", "sqrt(X)"),
    *("X * g", "g / X", "w + X", "cos(X)", "X % 1", "1 % X", "abs(X)", "X + update"),
)
"""Texts that let the eye see a difference: signs of zeros, NaN, infinities."""


def is_constant(tree: Tree) -> bool:
    """Whether the tree is made of numbers alone."""
    if not tree.arguments:
        return tree.primitive in ("constant", "pi", "e")
    pure = tree.primitive in FUNCTIONS
    return pure and all(is_constant(argument) for argument in tree.arguments)


def arguments_are_in_range(tree: Tree) -> bool:
    """Whether every probability that is made of numbers alone is one."""
    return all(
        0.0 <= value_at(node.arguments[1], 0) <= 1.0
        for node in tree.walk()
        if node.primitive == "drop" and is_constant(node.arguments[1])
    )


def constants_are_finite(tree: Tree) -> bool:
    """Whether no part made of numbers alone is infinite or NaN (9 ** 400 is)."""
    return all(
        np.isfinite(value_at(node, 0))
        for node in tree.walk()
        if node.arguments and is_constant(node)
    )


class RuleGenerator:
    """Random rules from a seed.

    rule(size): a tree of about `size` nodes that the language accepts.

    Args:
        seed: of the rules.
        tensors: whether they have operations of tensor scope, conditions and
            comparisons too.
    """

    def __init__(self, seed: int, tensors: bool = False) -> None:
        self._rng = random.Random(seed)
        self._tensors = tensors
        self._pools: list[list[Tree]] = [[]]  # what can be shared, by enclosing fold

    def rule(self, size: int | None = None) -> Tree:
        """A tree; without a size, of 1 to 40 nodes, small ones being likelier."""
        if size is None:
            size = min(self._rng.randint(1, 40), self._rng.randint(1, 40))
        while True:
            self._pools = [[]]
            tree = self._element(size)
            if constants_are_finite(tree) and arguments_are_in_range(tree):
                return tree

    def text(self, tree: Tree) -> str:
        """One of the texts that say this tree, its spaces and brackets random."""
        return text_of(tree, self._rng)

    # An element is anything; a scalar is made of numbers, t, T and progress.

    def _element(self, size: int) -> Tree:
        tree = self._shared(size) or self._fresh(size)
        self._pools[-1].append(tree)
        return tree

    def _shared(self, size: int) -> Tree | None:
        """Something that stands in this rule already, outside other folds."""
        if self._rng.random() > 0.15:
            return None
        fitting = [tree for tree in self._pools[-1] if size // 2 <= tree.size <= size]
        return self._rng.choice(fitting) if fitting else None

    def _fresh(self, size: int) -> Tree:
        rng = self._rng
        if size <= 1:
            return self._leaf()
        if rng.random() < 0.08:
            fitting = [tree for tree in ABBREVIATIONS.values() if tree.size <= size]
            if fitting:
                return rng.choice(fitting)
        if self._tensors and rng.random() < 0.3:
            return self._tensor(size)
        if size == 2 or rng.random() < 0.35:
            return self._unary(size)
        kind = rng.random()
        if kind < 0.45:
            left, right = self._split(size - 1)
            name = rng.choice(BINARY)
            return call(name, self._element(left), self._element(right))
        if kind < 0.6:
            exponent = number(rng.choice(EXPONENTS))
            return call("power", self._element(size - 2), exponent)
        if kind < 0.66:
            base = rng.choice((number(rng.choice(BASES)), Tree("e"), Tree("pi")))
            return call("power", base, self._element(size - 2))
        return self._with_scalar(size)

    def _tensor(self, size: int) -> Tree:
        rng = self._rng
        if size >= 4 and rng.random() < 0.3:
            third = max(1, (size - 1) // 3)
            condition = rng.choice((Tree(rng.choice(KINDS)), self._element(third)))
            return call("where", condition, self._element(third), self._element(third))
        if size >= 3 and rng.random() < 0.4:
            left, right = self._split(size - 1)
            name = rng.choice(COMPARISONS)
            return call(name, self._element(left), self._element(right))
        name = rng.choice((*WHOLE, "orthogonalize"))
        inside = self._element(size - 1)
        if name == "orthogonalize":
            return call(name, inside, number(rng.choice((1, 5))))
        return call(name, inside)

    def _unary(self, size: int) -> Tree:
        name = self._rng.choice((*UNARY, "noise"))
        if name == "noise":
            return call("noise", self._argument((0.01, 0.1, 1.0, 0.0), size - 1))
        if name == "peak":
            return call("peak", self._element(max(1, size - 2)), number(1))
        if name != "fold":
            return call(name, self._element(size - 1))
        self._pools.append([])
        inside = self._element(size - 1)
        self._pools.pop()
        return call("fold", inside)

    def _with_scalar(self, size: int) -> Tree:
        name = self._rng.choice((*DECAYING, "clip", "drop"))
        choices = {"clip": LIMITS, "drop": PROBABILITIES}.get(name, DECAYS)
        scalar = self._argument(choices, size // 3)
        if name == "clip" and scalar.value is None:
            scalar = call("abs", scalar)
        return call(name, self._element(max(1, size - 1 - scalar.size)), scalar)

    def _argument(self, choices: Sequence[float], size: int) -> Tree:
        if size <= 1 or self._rng.random() < 0.6:
            value = self._rng.choice(choices)
            return number(value)
        return self._scalar(size)

    def _scalar(self, size: int) -> Tree:
        rng = self._rng
        if size <= 1:
            name = rng.choice(("t", "T", "progress", "constant", "pi"))
            return number(rng.choice(CONSTANTS)) if name == "constant" else Tree(name)
        if rng.random() < 0.2:
            fitting = [ABBREVIATIONS[name] for name in SCALAR_ABBREVIATIONS]
            fitting = [tree for tree in fitting if tree.size <= size]
            if fitting:
                return rng.choice(fitting)
        if size == 2 or rng.random() < 0.3:
            name = rng.choice(("negative", "cos", "exp", "sqrt", "tanh", "reciprocal"))
            return call(name, self._scalar(size - 1))
        if rng.random() < 0.15:
            base = number(rng.choice(BASES))
            return call("power", base, self._scalar(size - 2))
        if rng.random() < 0.15:
            exponent = number(rng.choice(EXPONENTS))
            return call("power", self._scalar(size - 2), exponent)
        left, right = self._split(size - 1)
        name = rng.choice(BINARY)
        return call(name, self._scalar(left), self._scalar(right))

    def _leaf(self) -> Tree:
        rng = self._rng
        if len(self._pools) > 1 and rng.random() < 0.35:
            return Tree("s")
        if self._tensors and rng.random() < 0.15:
            return Tree(rng.choice((*KINDS, "loss", "fan_in", "fan_out")))
        kind = rng.random()
        if kind < 0.45:
            return Tree("g")
        if kind < 0.55:
            return Tree("w")
        if kind < 0.8:
            value = rng.choice(CONSTANTS) if rng.random() < 0.8 else rng.gauss(0, 1)
            return number(value)
        return Tree(rng.choice(("t", "T", "progress", "update", "pi", "e")))

    def _split(self, size: int) -> tuple[int, int]:
        """Two sizes that add to this one (2 or more)."""
        left = self._rng.randint(1, max(1, size - 1))
        return left, max(1, size - left)


def fill(template: str, **parts: str) -> str:
    """The template with its letters X and Y replaced, in brackets.

    >>> fill("X + -Y", X="g", Y="w * 2")
    '(g) + -(w * 2)'
    """
    for letter, part in parts.items():
        template = template.replace(letter, f"({part})")
    return template
