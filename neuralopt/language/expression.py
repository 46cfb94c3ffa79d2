"""An immutable tree of primitives: what a rule is."""

import math
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import cast

from neuralopt.language.latex import latex_of
from neuralopt.language.notation import precedence_of, text_of
from neuralopt.language.primitives import CONSTANT_NAMES, PRIMITIVES, SCALAR_NAMES

MAXIMUM_DEPTH = 64
MAXIMUM_SIZE = 2_000


class _Node:
    """The attributes of an expression while it is made."""

    __slots__ = (
        "_hash",
        "_names",
        "_text",
        "arguments",
        "depth",
        "primitive",
        "size",
        "value",
    )

    primitive: str
    arguments: "tuple[Expression, ...]"
    value: float | None
    size: int
    depth: int
    _hash: int
    _names: int  # a bit for each name in the tree
    _text: str | None


class Expression(_Node):
    """One node of a rule: a primitive and its arguments.

    Equality is structural; 0.0 and -0.0 differ.

    Attributes:
        primitive: a name of the table, or that of a free variable of a template.
        arguments: one Expression for each parameter of the primitive.
        value: the number, if the primitive is ``constant``; else None.
        size: nodes of the tree.
        depth: nodes on its longest branch.

    Raises:
        ValueError: the tree is deeper than 64 or larger than 2,000 nodes, or a constant
            is not finite.
    """

    __slots__ = ()

    def __new__(
        cls,
        primitive: str,
        arguments: "tuple[Expression, ...]" = (),
        value: float | None = None,
    ) -> "Expression":
        # Many expressions are made in a search. The class forbids assignment, so a node
        # of another class gets the attributes, and then this one: that is twice as
        # quick as to write slots by their descriptors.
        node = _Node()
        node.primitive, node.arguments, node.value = primitive, arguments, value
        node._text = None
        if len(arguments) == 2:
            left, right = arguments
            size = 1 + left.size + right.size
            deepest = left.depth if left.depth > right.depth else right.depth
            names = left._names | right._names
            node._hash = hash((primitive, left._hash, right._hash))
        elif arguments:
            size = 1 + sum([each.size for each in arguments])
            deepest = max([each.depth for each in arguments])
            names = 0
            for each in arguments:
                names |= each._names
            node._hash = hash((primitive, *[each._hash for each in arguments]))
        else:
            size, deepest, names = 1, 0, 0
            sign = None
            if value is not None:
                if not math.isfinite(value):
                    raise ValueError(f"{value} is not finite: use a finite constant")
                sign = math.copysign(1.0, value)
            node._hash = hash((primitive, value, sign))
        if deepest >= MAXIMUM_DEPTH:
            raise ValueError(
                f"a rule may nest at most {MAXIMUM_DEPTH} levels: simplify it"
            )
        if size > MAXIMUM_SIZE:
            raise ValueError(
                f"a rule may have at most {MAXIMUM_SIZE} nodes: simplify it"
            )
        node.size, node.depth = size, deepest + 1
        node._names = names | (_bits.get(primitive) or _new_bit(primitive))
        node.__class__ = Expression
        return cast(Expression, node)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} can't be set: an Expression is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name} can't be deleted: an Expression is immutable")

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Expression):
            return NotImplemented
        return (
            self._hash == other._hash
            and self.primitive == other.primitive
            and self.value == other.value
            and self.arguments == other.arguments
        )

    def __str__(self) -> str:
        """The expanded text, which parses back to an equal Expression."""
        text = self._text
        if text is None:
            parts = [
                (each._text or str(each), precedence_of(each))
                for each in self.arguments
            ]
            text = text_of(self, parts)
            set_text(self, text)
        return text

    def __repr__(self) -> str:
        return f"parse({str(self)!r})"

    def _repr_latex_(self) -> str:
        """By which notebooks show an expression."""
        return f"${latex_of(self)}$"

    @property
    def is_constant(self) -> bool:
        """Whether this node is a number (not whether its value is one)."""
        return self.value is not None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names that stand free in a template, sorted; none in a rule."""
        free = self._names & ~bits_of(PRIMITIVES)
        return tuple(sorted(name for name, bit in _bits.items() if bit & free))

    @property
    def is_scalar(self) -> bool:
        """Whether it depends on nothing but constants, t, T and progress."""
        return not self._names & ~SCALAR_BITS

    @property
    def is_closed_constant(self) -> bool:
        """Whether it depends on constants alone."""
        return not self._names & ~CONSTANT_BITS

    def contains(self, *primitives: str) -> bool:
        """Whether any node of the tree is one of these primitives."""
        return bool(self._names & bits_of(primitives))

    def contains_bits(self, bits: int) -> bool:
        """`contains` for names whose `bits_of` is known, which is quicker."""
        return bool(self._names & bits)

    def walk(self) -> Iterator["Expression"]:
        """All nodes, a node before its arguments."""
        pending: list[Expression] = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.arguments))

    def substitute(self, replacements: Mapping[str, "Expression"]) -> "Expression":
        """The tree with every leaf of these names replaced."""
        return self._substitute(replacements, bits_of(replacements))

    def _substitute(
        self, replacements: Mapping[str, "Expression"], bits: int
    ) -> "Expression":
        if not self._names & bits:
            return self
        if not self.arguments:
            return replacements[self.primitive]
        arguments = [each._substitute(replacements, bits) for each in self.arguments]
        return Expression(self.primitive, tuple(arguments))


set_text = vars(_Node)["_text"].__set__


_bits = {name: 1 << number for number, name in enumerate(PRIMITIVES)}
"""A bit for each primitive, and for each free variable that was ever used."""


_naming = Lock()


def _new_bit(name: str) -> int:
    with _naming:
        return _bits.setdefault(name, 1 << len(_bits))


def bits_of(names: Iterable[str]) -> int:
    """Names as a number, a bit for each: what `Expression.contains_bits` takes."""
    bits = 0
    for name in names:
        bits |= _bits.get(name, 0)
    return bits


SCALAR_BITS, CONSTANT_BITS = bits_of(SCALAR_NAMES), bits_of(CONSTANT_NAMES)


def constant(value: float) -> Expression:
    """A number as an expression. Raises ValueError unless it is finite."""
    return Expression("constant", (), float(value))


def call(primitive: str, *arguments: Expression) -> Expression:
    """A primitive of these arguments."""
    return Expression(primitive, arguments)
