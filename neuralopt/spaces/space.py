"""A search space: which rules a search can propose, and the rows that encode them."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import NamedTuple

import numpy as np

from neuralopt.language import Expression, as_expression, simplify
from neuralopt.spaces.describing import cells_of, inputs_from
from neuralopt.spaces.encoding import Encoder
from neuralopt.spaces.skeleton import Mask, Rows, Skeleton
from neuralopt.spaces.variation import Variation
from neuralopt.spaces.vocabulary import Vocabulary

MAXIMUM_DECODED = 1 << 12
"""Rows whose rules are kept."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Which rows of a space are valid (Bello et al. 2017, section 3).

    Attributes:
        distinct_operands: The two operands of a group must differ.
        reuse_previous: Each group must use the result of the group before it.
        every_group_used: Every result must reach the rule.
        not_final: Binary templates that the last group may not use.
    """

    distinct_operands: bool = True
    reuse_previous: bool = False
    every_group_used: bool = True
    not_final: tuple[str, ...] = ()


class Decoded(NamedTuple):
    """The rule of a row.

    Attributes:
        rule: as built.
        canonical: its canonical form.
    """

    rule: Expression
    canonical: Expression


@dataclass(frozen=True, slots=True)
class Space:
    """The paper's grammar of update rules, as data.

    A rule is built in groups of five decisions: left operand, right operand, unary of
    the left, unary of the right, binary. A group's result is
    ``binary(unary1(left), unary2(right))`` and an operand of the groups after it; the
    last result is the rule. A row is the int64 vector of these decisions.

    Source: Bello et al. 2017, section 3.1 and figure 3.

    Attributes:
        name: Name of the space.
        operands: Rule texts.
        unary: Templates in x.
        binary: Templates in x and y; a template without y keeps its left side and
            ignores the right one.
        groups: Number of groups.
        constraints: Which rows are valid.

    Raises:
        ValueError: A text can't be read, a template ignores x, a list is empty or has
            duplicates, a number is out of range, or no row could be valid.

    Example:
        >>> from neuralopt.language import parse, simplify
        >>> unary, binary = ("x", "sign(x)"), ("x * y", "x")
        >>> space = Space("tiny", ("g", "m"), unary, binary, groups=2)
        >>> row = space.encode(parse("g * sign(m)"))
        >>> simplify(space.decode(row)) == simplify(parse("g * sign(m)"))
        True
    """

    name: str
    operands: tuple[str, ...]
    unary: tuple[str, ...]
    binary: tuple[str, ...]
    groups: int
    constraints: Constraints = Constraints()
    _vocabulary: Vocabulary = field(init=False, repr=False, compare=False)
    _skeleton: Skeleton = field(init=False, repr=False, compare=False)
    _encoder: Encoder = field(init=False, repr=False, compare=False)
    _variation: Variation = field(init=False, repr=False, compare=False)
    _inputs: Mapping[Expression, int] = field(init=False, repr=False, compare=False)
    _decoded: dict[bytes, Decoded] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            vocabulary = Vocabulary(self.operands, self.unary, self.binary)
            skeleton = self._build_skeleton(vocabulary)
            vocabulary.check_limits(self.groups)
        except ValueError as error:
            raise ValueError(f"space {self.name!r}: {error}") from None
        object.__setattr__(self, "_vocabulary", vocabulary)
        object.__setattr__(self, "_skeleton", skeleton)
        object.__setattr__(self, "_encoder", Encoder(vocabulary, skeleton))
        object.__setattr__(self, "_variation", Variation(skeleton))
        object.__setattr__(self, "_inputs", inputs_from(vocabulary.operands))
        object.__setattr__(self, "_decoded", {})

    def _build_skeleton(self, vocabulary: Vocabulary) -> Skeleton:
        constraints = self.constraints
        for text in constraints.not_final:
            if text not in self.binary:
                raise ValueError(
                    f"not_final: {text!r} is not one of the binary templates "
                    f"({', '.join(self.binary)}); write it as it is listed there"
                )
        return Skeleton(
            operands=len(self.operands),
            unary=len(self.unary),
            reads_right=vocabulary.reads_right,
            may_end=tuple(text not in constraints.not_final for text in self.binary),
            groups=self.groups,
            distinct_operands=constraints.distinct_operands,
            reuse_previous=constraints.reuse_previous,
            every_group_used=constraints.every_group_used,
            identity=_place("x", self.unary),
            keep_left=_place("x", self.binary),
        )

    @classmethod
    def from_mapping(cls, name: str, mapping: Mapping[str, object]) -> "Space":
        """Build a space from plain data, such as a file of ``conf/space/``.

        Args:
            name: Name of the space.
            mapping: `operands`, `unary` and `binary` (lists of texts; numbers are read
                as text), `groups` (an integer) and optionally `constraints` (a mapping
                of the fields of Constraints) and `name` (which must be equal to
                `name`).

        Raises:
            ValueError: A key is unknown or missing, a value has the wrong type, or the
                space is invalid. The message is one line and ends with the remedy.
        """
        try:
            _check_keys(mapping, known=_KEYS, required=_REQUIRED)
            if mapping.get("name", name) != name:
                raise ValueError(
                    f"name is {mapping['name']!r}; make it {name!r} or leave it out"
                )
            groups = mapping["groups"]
            if type(groups) is not int:
                raise ValueError(f"groups is {groups!r}; it must be a whole number")
            operands, unary, binary = (
                _texts(key, mapping[key]) for key in ("operands", "unary", "binary")
            )
            constraints = _constraints(mapping.get("constraints", {}))
        except ValueError as error:
            raise ValueError(f"space {name!r}: {error}") from None
        return cls(name, operands, unary, binary, groups, constraints)

    def to_mapping(self) -> dict[str, object]:
        """Return the plain data from which `from_mapping` builds this space."""
        return {
            "name": self.name,
            "operands": list(self.operands),
            "unary": list(self.unary),
            "binary": list(self.binary),
            "groups": self.groups,
            "constraints": {
                **asdict(self.constraints),
                "not_final": list(self.constraints.not_final),
            },
        }

    @property
    def choices(self) -> tuple[int, ...]:
        """Number of choices of each decision."""
        return self._skeleton.choices

    @property
    def context(self) -> tuple[tuple[int, ...], ...]:
        """For each decision, the earlier decisions that it builds on.

        A right operand follows from the left one, a unary from its operand, a binary
        from both sides, and the left operand of a group from the binary before it.
        """
        return self._skeleton.context

    @property
    def size(self) -> int:
        """Number of valid rows, exactly. Many decode to the same rule."""
        return self._skeleton.size

    @property
    def raw_size(self) -> int:
        """Number of rows without any constraint: the product of `choices`."""
        return self._skeleton.raw_size

    def rows(self, block: int = 4096) -> Iterator[Rows]:
        """Yield every valid row once, `size` of them, in lexicographic order.

        Rows are made as they are asked for, so the first ones of a large space are
        there at once.

        Args:
            block: Most rows that are made together.

        Returns:
            An iterator over blocks of rows, int64 (at most block, decisions).

        Raises:
            ValueError: block is less than 1.
        """
        if block < 1:
            raise ValueError(f"block is {block}; give 1 or more")
        return self._skeleton.rows(block)

    def masks(self, prefixes: Rows) -> Mask:
        """Return the allowed choices of decision k, given the k decisions before it.

        The mask is exact: a choice is allowed if and only if some valid row starts with
        the prefix and that choice, so there are no dead ends.

        Args:
            prefixes: int64 (batch, k), the first k decisions of valid rows.

        Returns:
            bool (batch, choices[k]).

        Raises:
            ValueError: prefixes has another shape, or no decision is left.
        """
        return self._skeleton.masks(prefixes)

    def valid(self, row: Rows) -> bool:
        """Check whether a row belongs to this space and meets every constraint.

        Args:
            row: int64 (decisions,); any other array is not valid.
        """
        return self._skeleton.valid(row)

    def sample(self, count: int, rng: np.random.Generator) -> Rows:
        """Draw random valid rows, decision by decision.

        Each decision is uniform over its allowed choices.

        Args:
            count: Number of rows, 0 or more.
            rng: Source of the random numbers.

        Returns:
            int64 (count, decisions).

        Raises:
            ValueError: count is negative.
        """
        return self._skeleton.sample(count, rng)

    def mutate(self, row: Rows, rng: np.random.Generator) -> Rows:
        """Return a valid copy of a row with one random decision changed.

        The decision is uniform over those that have another allowed choice after the
        decisions before it; its new value is uniform over these choices. Later
        decisions are kept where the change still allows them and redrawn where it
        doesn't. The copy differs from `row`
        unless that is the only valid row.

        Args:
            row: int64 (decisions,), valid; it is not modified.
            rng: Source of the random numbers.

        Returns:
            int64 (decisions,).

        Raises:
            ValueError: `row` is not a valid row of this space.
        """
        return self._variation.mutate(row, rng)

    def rearrange(self, row: Rows, rng: np.random.Generator) -> Rows:
        """Return a valid row whose parts are those of a given one in another place.

        Half of the time the sides of a group are swapped. Otherwise a group is removed,
        who used its result takes its left operand, and a random group is put around
        another result. Decisions that this forbids are redrawn. The row may come back
        as it was.

        Args:
            row: int64 (decisions,), valid; it is not modified.
            rng: Source of the random numbers.

        Returns:
            int64 (decisions,).

        Raises:
            ValueError: `row` is not a valid row of this space.
        """
        return self._variation.rearrange(row, rng)

    def crossover(self, one: Rows, other: Rows, rng: np.random.Generator) -> Rows:
        """Return a valid row whose parts come from two valid rows at random.

        A part is a side of a group (an operand and its unary) or a binary; each comes
        from either parent with probability 1/2. If there are several groups, half of
        the time a group of the other row is put around a result of the first one
        instead, in place of one of its groups. Decisions that this forbids are redrawn.

        Args:
            one: int64 (decisions,), valid; it is not modified.
            other: int64 (decisions,), valid; it is not modified.
            rng: Source of the random numbers.

        Returns:
            int64 (decisions,).
        """
        return self._variation.crossover(one, other, rng)

    def smaller(self) -> tuple["Space", ...]:
        """Return the spaces of fewer groups whose rules this space can say too.

        Returns:
            From one group on; none if this space can't pass a result on unchanged,
            for which it needs ``x`` among its unary templates, and among the binary
            ones that may end a rule.
        """
        skeleton = self._skeleton
        if min(skeleton.identity, skeleton.keep_left) < 0:
            return ()
        if not skeleton.may_end[skeleton.keep_left]:
            return ()
        return tuple(replace(self, groups=n) for n in range(1, self.groups))

    def extend(self, rows: Rows) -> Rows:
        """Return the rows of this space that say the rules of rows of a smaller one.

        Args:
            rows: int64 (batch, decisions), of one of the spaces of `smaller`.

        Returns:
            int64 (batch, decisions): those rows, continued.
        """
        longer = [self._variation.extend(row) for row in rows.tolist()]
        return np.array(longer, np.int64).reshape(-1, len(self.choices))

    def canonical(self, rows: Rows) -> list[str]:
        """Return the canonical text of the rule that each row encodes.

        Args:
            rows: int64 (batch, decisions).

        Returns:
            A text for each row, equal for rows of one rule; empty for an invalid row.
        """
        return [
            "" if each is None else str(each.canonical) for each in self.rules(rows)
        ]

    def describe(self, rows: Rows) -> Rows:
        """Return the cell of each row's rule: the operands that it reads, and its size.

        The first number holds operands as bits, the second is the place of the size
        among the sizes of `describing.SIZES`; see `describing.cells_of`.

        Args:
            rows: int64 (batch, decisions), valid.

        Returns:
            int64 (batch, 2).

        Raises:
            ValueError: A row is not valid in this space.
        """
        decoded = self.rules(rows)
        for row, each in zip(rows, decoded, strict=True):
            if each is None:
                self.decode(row)  # raises
        return cells_of([each.canonical for each in decoded if each], self._inputs)

    def rules(self, rows: Rows) -> list[Decoded | None]:
        """Return the rule that each row encodes, as built and in canonical form.

        The last rules are kept, so that searchers and the loop may ask for the same
        rows and each is decoded and simplified once.

        Args:
            rows: int64 (batch, decisions).

        Returns:
            Both forms for each row; None for an invalid row.
        """
        rows = np.ascontiguousarray(rows)
        valid = self._skeleton.which_valid(rows).tolist()
        return [
            self._rule(row) if ok else None for row, ok in zip(rows, valid, strict=True)
        ]

    def _rule(self, row: Rows) -> Decoded:
        key = row.tobytes()
        found = self._decoded.get(key)
        if found is None:
            rule = self._vocabulary.decode(row)
            found = Decoded(rule, simplify(rule))
            if len(self._decoded) >= MAXIMUM_DECODED:
                self._decoded.clear()
            self._decoded[key] = found
        return found

    def decode(self, row: Rows) -> Expression:
        """Return the rule that a row encodes, as built: not simplified.

        Args:
            row: int64 (decisions,).

        Raises:
            ValueError: The row is not valid in this space.
        """
        if not self.valid(row):
            raise ValueError(
                f"space {self.name!r}: row {np.asarray(row).tolist()} is not valid; "
                "use rows that sample, encode or mutate returned"
            )
        return self._vocabulary.decode(np.asarray(row))

    def decode_all(self, rows: Rows) -> list[Expression | None]:
        """Decode many rows, as `decode` does one.

        Args:
            rows: int64 (batch, decisions).

        Returns:
            A rule for each row; None for an invalid one.
        """
        valid = self._skeleton.which_valid(rows).tolist()
        return [
            self._vocabulary.decode(row) if ok else None
            for row, ok in zip(rows, valid, strict=True)
        ]

    def encode(self, rule: Expression | str) -> Rows:
        """Return a valid row whose rule has the same canonical form as a given one.

        Templates are matched against the canonical form, which may miss a row that
        reaches the same form in a roundabout way. The row that is returned is checked.

        Args:
            rule: The rule to encode: an expression, a text, or the name of a rule.

        Returns:
            int64 (decisions,).

        Raises:
            ValueError: The rule can't be read, or no row was found: very likely the
                space can't express it.
        """
        expression = as_expression(rule)
        row = self._encoder.encode(expression)
        if row is None:
            raise ValueError(
                f"space {self.name!r} can't say {expression} in {self.groups} groups; "
                "use a space with the operands, functions or groups that it needs"
            )
        return row


_KEYS = ("name", "operands", "unary", "binary", "groups", "constraints")
_REQUIRED = ("operands", "unary", "binary", "groups")


def _check_keys(
    mapping: object, known: Collection[str], required: Collection[str] = ()
) -> None:
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{mapping!r} is not a mapping; write keys and values")
    for key in mapping:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1)
            remedy = f"did you mean {close[0]!r}?" if close else f"use {_spell(known)}"
            raise ValueError(f"unknown key {key!r}; {remedy}")
    for key in required:
        if key not in mapping:
            raise ValueError(f"{key!r} is missing; a space needs {_spell(required)}")


def _place(text: str, texts: tuple[str, ...]) -> int:
    return texts.index(text) if text in texts else -1


def _spell(names: Collection[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"


def _texts(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ValueError(f"{key} is {value!r}; it must be a list of rule texts")
    texts = []
    for item in value:
        if not isinstance(item, str | int | float) or isinstance(item, bool):
            raise ValueError(f"{key}: {item!r} is not a rule text; put it in quotes")
        texts.append(item if isinstance(item, str) else repr(item))
    return tuple(texts)


def _constraints(value: object) -> Constraints:
    known = [each.name for each in fields(Constraints)]
    _check_keys(value, known)
    assert isinstance(value, Mapping)
    given: dict[str, bool] = {}
    for key, flag in value.items():
        if key == "not_final":
            continue
        if not isinstance(flag, bool):
            raise ValueError(f"{key} is {flag!r}; it must be true or false")
        given[key] = flag
    not_final = _texts("not_final", value.get("not_final", ()))
    return Constraints(not_final=not_final, **given)
