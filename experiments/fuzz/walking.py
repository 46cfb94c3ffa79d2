"""An independent evaluation of rules in float64: a walk over the tree at each step.

It shares the meaning of single operations with the table (`tests/oracle` checks that),
and nothing with the canonical form, straight-line code, generated source or kernels.
It can disturb what is not rounded correctly everywhere, which shows how far rounding
alone may move a result.
"""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from neuralopt.counter_hash import counter_key, counter_uniform
from neuralopt.language import Expression
from neuralopt.language.definitions import formula_of, memory_of
from neuralopt.language.primitive import Law, Primitive
from neuralopt.language.primitives import NAMED_CONSTANTS, PRIMITIVES
from neuralopt.language.tensors import Place

ROUNDING = 2e-15
"""Relative disturbance: several units in the last place of float64."""

SMALLEST = 2.2250738585072014e-308
"""Of normal numbers; some machines take smaller ones for 0."""

Values = list[float]


class Walker:
    """One rule on one parameter.

    Args:
        rule: without free variables.
        shape: of the parameter.
        seed: of random bits.
        total_steps: value of T.
        noise: if given, what is rounded differently on other machines is disturbed by
            it, and half of the walkers flush subnormal numbers.
    """

    def __init__(
        self,
        rule: Expression,
        shape: Sequence[int],
        seed: int,
        total_steps: int,
        noise: random.Random | None = None,
    ) -> None:
        self.rule, self.seed, self.total_steps = rule, seed, total_steps
        self.noise = noise
        self.flush = noise is not None and noise.random() < 0.5
        self.count = math.prod(shape)
        height = shape[0] if shape else 1
        kind = "matrix" if len(shape) > 1 else "vector"
        self.place = Place(height, self.count // max(height, 1), kind, math.nan)
        self.states: dict[object, Values] = {}
        self.next: dict[object, Values] = {}
        self.known: dict[object, Values] = {}
        self.streams: dict[object, int] = {}
        self.t = 0

    def step(self, g: Values, w: Values, loss: float) -> Values:
        """Return the rule's values at the next step."""
        self.g, self.w, self.known = g, w, {}
        self.place = self.place._replace(loss=loss)
        value = self.value(self.rule, None, {})
        self.states, self.next = {**self.states, **self.next, "update": value}, {}
        self.t += 1
        return value

    def value(
        self, node: Expression, fold: Expression | None, names: Mapping[str, Values]
    ) -> Values:
        """Return an expression's values.

        Args:
            node: of the tree, or of a formula of the table.
            fold: the innermost one around it.
            names: values of a formula's parameters.
        """
        key = node, fold
        if not names and key in self.known:
            return self.known[key]
        found = self.computed(node, fold, names)
        if self.flush:
            found = [0.0 if abs(x) < SMALLEST else x for x in found]
        if not names:
            self.known[key] = found
        return found

    def computed(
        self, node: Expression, fold: Expression | None, names: Mapping[str, Values]
    ) -> Values:
        """Return an expression's values, which are not known yet."""
        name = node.primitive
        if name in names:
            return names[name]
        if node.value is not None:
            return [node.value] * self.count
        if name == "s":
            return self.state(("fold", fold))
        if name == "fold":
            found = self.value(node.arguments[0], node, {})
            self.next["fold", node] = found
            return found
        primitive = PRIMITIVES[name]
        if primitive.is_leaf and primitive.whole is None:
            return self.leaf(name)
        arguments = [self.value(each, fold, names) for each in node.arguments]
        if primitive.has_state:
            state = self.state((node, fold))
            inside = {**primitive.bind(arguments), "s": state}
            new = self.next[node, fold] = self.value(memory_of(name), fold, inside)
            return new if primitive.value == "new" else state
        if primitive.formula and names:
            return self.value(formula_of(name), fold, primitive.bind(arguments))
        if primitive.formula:  # which may hold memories of its own
            whole = formula_of(name).substitute(primitive.bind(node.arguments))
            return self.value(whole, fold, {})
        place = node, fold if _has_free_state(node) else None
        exact = Law.EXACT in primitive.laws
        if not exact:  # literals are: (-1) ** 2 is 1, but (-1) ** 2.000001 is NaN
            arguments = [
                values if each.value is not None else self.disturbed(values)
                for each, values in zip(node.arguments, arguments, strict=True)
            ]
        found = self.operation(place, primitive, arguments)
        return found if exact else self.disturbed(found)

    def operation(
        self, place: object, primitive: Primitive, arguments: list[Values]
    ) -> Values:
        """Return the values of a core operation; equal places share random bits."""
        if primitive.whole is not None:
            return list(primitive.whole(*arguments, self.place))
        given: list[Any] = list(arguments)
        function = primitive.scalar
        if primitive.draw:
            stream = self.streams.setdefault(place, len(self.streams))
            given.append(self.bits(primitive.draw, stream))
            function = primitive.drawn
        assert function is not None, primitive.name
        found = list(map(function, *given))
        if self.noise is not None and _may_return_either_zero(primitive):
            found = [self.noise.choice((0.0, -0.0)) if x == 0 else x for x in found]
        return found

    def state(self, key: object) -> Values:
        return self.states.get(key, [0.0] * self.count)

    def leaf(self, name: str) -> Values:
        """Return a name's values, each element's own or the same for all."""
        if name in ("g", "w"):
            return self.g if name == "g" else self.w
        if name == "update":
            return self.state("update")
        total = float(self.total_steps)
        clock = {"t": float(self.t), "T": total, "progress": min(1.0, self.t / total)}
        return [{**NAMED_CONSTANTS, **clock}[name]] * self.count

    def bits(self, kind: str, stream: int) -> Values:
        """Return the random numbers of a stream at this step."""
        keys = [counter_key(self.seed, 0, self.t, stream, lane) for lane in range(2)]
        first, second = (counter_uniform(key, self.count).tolist() for key in keys)
        if kind == "uniform":
            return list(first)
        return [
            math.sqrt(-2.0 * math.log(radius + 2.0**-25))
            * math.cos(2.0 * math.pi * angle)
            for radius, angle in zip(first, second, strict=True)
        ]

    def disturbed(self, values: Values) -> Values:
        """Return values that are a little off, if there is noise."""
        if self.noise is None:
            return values
        return [x * (1.0 + self.noise.uniform(-ROUNDING, ROUNDING)) for x in values]


def _may_return_either_zero(primitive: Primitive) -> bool:
    """Return whether it chooses between its arguments, as min(0, -0) does.

    Which zero that is, neither torch nor processors say.
    """
    return primitive.arity > 1 and not primitive.symbol and not primitive.draw


def _has_free_state(node: Expression) -> bool:
    """Return whether ``s`` is that of a fold around the expression."""
    if node.primitive == "fold" or not node.contains("s"):
        return False
    return node.primitive == "s" or any(map(_has_free_state, node.arguments))
