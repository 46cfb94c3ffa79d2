"""A tree-walking float64 interpreter of update rules, written from the definitions.

It walks the tree once a step, occurrence by occurrence, and shares no code with the
package, which simplifies and compiles rules.

Every function here depends only on the values of its arguments: transcendental ones
go through the C library one element at a time, so a result never depends on the
position in an array, nor on whether it was computed as a scalar or as an array.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

Value = Any  # np.float64 (depends on t alone) or float64 array of the shape of g
Array = np.ndarray[Any, np.dtype[np.float64]]


class Node(Protocol):
    """What the interpreter asks of an expression."""

    @property
    def primitive(self) -> str: ...
    @property
    def arguments(self) -> Sequence[Node]: ...
    @property
    def value(self) -> float | None: ...


Draw = Callable[[str, tuple[Node, int], tuple[int, ...]], Array]
"""draw(kind, (node, t), shape): standard normals for kind "noise", uniforms in [0, 1)
for kind "drop" (an element is dropped where its uniform is below p). It must return
the same numbers for equal keys: equal subexpressions are one draw."""


def draws_by_text(text_of: Callable[[Any], str] = str) -> Draw:
    """Draws that are a function of (kind, text_of(node), t, element) and nothing else.

    >>> draw = draws_by_text()
    >>> bool((draw("drop", ("g", 0), (3,)) == draw("drop", ("g", 0), (3,))).all())
    True
    """
    texts: dict[Any, str] = {}

    def draw(kind: str, key: tuple[Node, int], shape: tuple[int, ...]) -> Array:
        node, t = key
        if node not in texts:
            texts[node] = text_of(node)
        digest = hashlib.sha256(f"{kind}|{texts[node]}|{t}".encode()).digest()
        generator = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        if kind == "noise":
            return generator.standard_normal(shape)
        return generator.random(shape)

    return draw


def no_draws(kind: str, key: tuple[Node, int], shape: tuple[int, ...]) -> Array:
    """Refuse to draw: for rules that promise to be deterministic."""
    raise ValueError(f"{kind} {key[0]}: this rule was run without random numbers")


# ---------------------------------------------------------------- element functions


def _elementwise(scalar: Callable[..., float]) -> Callable[..., Value]:
    """Apply a function of floats to each element, bit for bit as to a scalar."""

    def apply(*arguments: Value) -> Value:
        if all(np.ndim(argument) == 0 for argument in arguments):
            return np.float64(scalar(*map(float, arguments)))
        arrays = np.broadcast_arrays(*arguments)
        columns = (array.ravel().tolist() for array in arrays)
        values = [scalar(*row) for row in zip(*columns, strict=True)]
        return np.array(values, dtype=np.float64).reshape(arrays[0].shape)

    return apply


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _exp2(x: float) -> float:
    try:
        return math.exp2(x)
    except OverflowError:
        return math.inf


def _cos(x: float) -> float:
    return math.nan if math.isinf(x) else math.cos(x)


def _log(x: float) -> float:
    return -math.inf if x == 0.0 else math.log(abs(x))


def power(x: float, y: float) -> float:
    """IEEE pow(x, y); the squares and cubes are products, x * x and x * x * x.

    >>> power(-2.0, 3.0), power(0.0, -1.0), power(-1.0, 0.5)
    (-8.0, inf, nan)
    """
    if y == 2.0:
        return x * x
    if y == 3.0:
        return x * x * x
    odd = math.isfinite(y) and math.fmod(y, 2.0) in (1.0, -1.0)
    try:
        return math.pow(x, y)
    except OverflowError:
        return math.copysign(math.inf, x) if odd else math.inf
    except ValueError:  # a negative base with a fraction, or 0 to a negative power
        if x != 0.0:
            return math.nan
        return math.copysign(math.inf, x) if odd else math.inf


_power = _elementwise(power)

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "remainder": np.remainder,  # Python's sign convention: the sign of the divisor
    "negative": np.negative,
    "power": _power,
    "pow": lambda x, y: _power(np.abs(x), y),
    "sign": np.sign,
    "exp": _elementwise(_exp),
    "exp2": _elementwise(_exp2),
    "cos": _elementwise(_cos),
    "tanh": _elementwise(math.tanh),
    "abs": np.abs,
    "log": _elementwise(_log),
    "sqrt": lambda x: np.sqrt(np.abs(x)),
    "square": lambda x: x * x,
    "cube": lambda x: x * x * x,
    "reciprocal": lambda x: np.divide(1.0, x),
    "min": np.minimum,  # these two keep NaN
    "max": np.maximum,
    "clip": lambda x, c: np.minimum(np.maximum(x, np.negative(c)), c),
    "less": lambda x, y: np.float64(1.0) * (x < y),
    "less_equal": lambda x, y: np.float64(1.0) * (x <= y),
    "greater": lambda x, y: np.float64(1.0) * (x > y),
    "greater_equal": lambda x, y: np.float64(1.0) * (x >= y),
    "where": lambda c, x, y: np.where(np.not_equal(c, 0), x, y) + np.float64(0.0),
}
"""Primitives without state: the value from the arguments' values."""


def _orthogonal(x: Array, steps: float) -> Array:
    """Newton and Schulz as Jordan et al. 2024 write it, on the wide matrix."""
    found = x / max(float(np.sqrt((x**2).sum())), 1e-7)
    if x.shape[0] > x.shape[1]:
        found = found.T
    for _ in range(int(steps)):
        gram = found @ found.T
        polynomial = -4.775 * gram + 2.0315 * gram @ gram
        found = 3.4445 * found + polynomial @ found
    return found.T if x.shape[0] > x.shape[1] else found


TENSORS: dict[str, Callable[..., Value]] = {
    "norm": lambda x: np.sqrt((x**2).sum()),
    "rms": lambda x: np.sqrt((x**2).mean()),
    "mean": lambda x: x.mean(),
    "maximum": lambda x: x.max(),  # keeps NaN
    "rows": lambda x: x.mean(1, keepdims=True),
    "columns": lambda x: x.mean(0, keepdims=True),
    "orthogonalize": lambda x, steps: _orthogonal(x, float(steps.flat[0])),
    "cosine": lambda x, y: (
        (x * y).mean() / (np.sqrt((x**2).mean() * 1.0) * np.sqrt((y**2).mean()) + 1e-30)
    ),
}
"""Of a whole matrix (rows, columns)."""

KINDS = ("matrix", "vector", "embedding", "head")

STATEFUL = (
    *("ema", "debiased", "trace", "total", "peak"),
    *("previous", "fold"),
)
LEAVES = (
    *("g", "w", "t", "T", "progress", "update", "s", "pi", "e", "constant"),
    *("loss", "fan_in", "fan_out", *KINDS),
)
RANDOM = ("noise", "drop")


class _Occurrence:
    """One place in the tree, with the state that belongs to it."""

    __slots__ = ("arguments", "node", "primitive", "state")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.primitive = node.primitive
        self.arguments = [_Occurrence(argument) for argument in node.arguments]
        self.state: Value = np.float64(0.0)


class Interpreter:
    """Runs one rule on one parameter, a step at a time.

    Args:
        expression: the rule.
        total_steps: T, steps; needed by rules that say T or progress.
        draw: source of random numbers, see `Draw`.
        t: index of the first step.
        kind: of the parameter.

    `step` raises ValueError where the rule needs T and none was given, where it says
    `s` outside a fold, or where a primitive is unknown.
    """

    def __init__(
        self,
        expression: Node,
        *,
        total_steps: int | None = None,
        draw: Draw = no_draws,
        t: int = 0,
        kind: str = "matrix",
    ) -> None:
        self._root = _Occurrence(expression)
        self._total_steps = total_steps
        self._draw = draw
        self._t = t
        self._kind = kind
        self._loss = np.float64(math.nan)
        self._update: Value = np.float64(0.0)
        self._fold_states: list[Value] = []
        self._g: Array = np.zeros(())
        self._w: Array = np.zeros(())

    def step(self, g: Array, w: Array, loss: float = math.nan) -> Array:
        """The rule's value for gradient g and parameter w, all of one shape.

        It is (rows, columns) for rules of tensor scope.
        """
        self._loss = np.float64(loss)
        self._g = np.asarray(g, dtype=np.float64)
        self._w = np.asarray(w, dtype=np.float64)
        with np.errstate(all="ignore"):
            value = self._value(self._root)
        self._update = value
        self._t += 1
        return np.array(np.broadcast_to(value, self._g.shape))

    def _value(self, place: _Occurrence) -> Value:
        function = FUNCTIONS.get(place.primitive)
        if function is not None:
            return function(*map(self._value, place.arguments))
        whole = TENSORS.get(place.primitive)
        if whole is not None:
            values = map(self._value, place.arguments)
            return whole(*(np.broadcast_to(each, self._g.shape) for each in values))
        if place.primitive in LEAVES:
            return self._leaf(place.node)
        if place.primitive == "fold":
            self._fold_states.append(place.state)
            place.state = self._value(place.arguments[0])
            self._fold_states.pop()
            return place.state
        values = [self._value(argument) for argument in place.arguments]
        if place.primitive in RANDOM:
            return self._random(place.node, values)
        return self._stateful(place, values)

    def _leaf(self, node: Node) -> Value:
        match node.primitive:
            case "g":
                return self._g
            case "w":
                return self._w
            case "t":
                return np.float64(self._t)
            case "T":
                return self._planned_steps()
            case "progress":
                return np.minimum(1.0, np.float64(self._t) / self._planned_steps())
            case "update":
                return self._update
            case "pi":
                return np.float64(math.pi)
            case "e":
                return np.float64(math.e)
            case "loss":
                return self._loss
            case "fan_out":
                return np.float64(self._g.shape[0])
            case "fan_in":
                return np.float64(self._g.shape[1])
            case name if name in KINDS:
                return np.float64(name == self._kind)
            case "constant":
                assert node.value is not None
                return np.float64(node.value)
            case "s" if self._fold_states:
                return self._fold_states[-1]
        raise ValueError("s outside fold: s is the previous value of a fold")

    def _planned_steps(self) -> np.float64:
        if self._total_steps is None:
            raise ValueError("this rule says T or progress: give total_steps")
        return np.float64(self._total_steps)

    def _random(self, node: Node, values: list[Value]) -> Value:
        drawn = self._draw(node.primitive, (node, self._t), self._g.shape)
        if node.primitive == "noise":
            return values[0] * drawn
        x, probability = values
        dropped = (drawn < probability) & ~np.isnan(x)
        return np.where(dropped, 0.0, x)

    def _stateful(self, place: _Occurrence, values: list[Value]) -> Value:
        s, x = place.state, values[0]
        b = values[1] if len(values) > 1 else np.float64(1.0)
        match place.primitive:
            case "ema" | "debiased":
                place.state = b * s + (1.0 - b) * x
            case "trace":
                place.state = b * s + x
            case "total":
                place.state = s + x
            case "peak":
                place.state = np.maximum(b * s, x)
            case "previous":
                place.state = x
                return s
            case unknown:
                raise ValueError(f"the oracle has no meaning for {unknown!r}")
        if place.primitive == "debiased":
            return place.state / (1.0 - _power(b, np.float64(self._t + 1)))
        return place.state


# ------------------------------------------------------------------- ways to run it


def run(
    expression: Node,
    gradients: Iterable[Array],
    weights: Iterable[Array],
    *,
    total_steps: int | None = None,
    draw: Draw = no_draws,
) -> list[Array]:
    """The rule's value at each step, for given gradients and parameters."""
    machine = Interpreter(expression, total_steps=total_steps, draw=draw)
    pairs = zip(gradients, weights, strict=True)
    return [machine.step(g, w) for g, w in pairs]


def train(
    expression: Node,
    start: Sequence[float],
    gradients: Iterable[Sequence[float]],
    *,
    lr: float,
    total_steps: int | None = None,
    draw: Draw = no_draws,
) -> list[Array]:
    """The parameter after each step w <- w - lr * rule."""
    machine = Interpreter(expression, total_steps=total_steps, draw=draw)
    w = np.array(start, dtype=np.float64)
    path = []
    for g in gradients:
        w = w - lr * machine.step(np.array(g, dtype=np.float64), w)
        path.append(w)
    return path


def value_at(expression: Node, t: int, total_steps: int | None = None) -> float:
    """The value at step t of an expression without state, g and w being 0."""
    machine = Interpreter(expression, total_steps=total_steps, t=t)
    return float(machine.step(np.zeros(()), np.zeros(())))
