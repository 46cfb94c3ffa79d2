"""A space: which rules a search can propose, as rows of decisions.

Knows the two halves of a space, what its choices mean and which are allowed, and how to
read it from a plain mapping; refuses to know files, networks and scores.
"""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from neuralopt.language import Expression
from neuralopt.spaces.encoding import Encoder
from neuralopt.spaces.skeleton import Mask, Rows, Skeleton
from neuralopt.spaces.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Constraints:
    """Which rows of a space are valid (Bello et al. 2017, section 3).

    distinct_operands: the two operands of a group must differ.
    reuse_previous: each group must use the result of the group before it.
    every_group_used: every result must reach the rule.
    not_final: binary templates that the last group may not use.
    """

    distinct_operands: bool = True
    reuse_previous: bool = False
    every_group_used: bool = True
    not_final: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """The paper's grammar of update rules, as data.

    A rule is built in groups of five decisions: left operand, right operand, unary of
    the left, unary of the right, binary. A group's result is
    ``binary(unary1(left), unary2(right))`` and an operand of the groups after it; the
    last result is the rule. A row is the int64 vector of these decisions.

    Attributes:
        name: what people call this space.
        operands: rules. unary: templates in x. binary: templates in x and y; one
            that leaves out y keeps its left side and doesn't use the right one.
        groups: number of groups.
        constraints: which rows are valid.

    Raises:
        ValueError: a text can't be read, a template ignores x, a list is empty or has
            duplicates, a number is out of range, or no row could be valid.

    >>> from neuralopt.language import parse, simplify
    >>> space = Space("tiny", ("g", "m"), ("x", "sign(x)"), ("x * y", "x"), groups=2)
    >>> row = space.encode(parse("g * sign(m)"))
    >>> simplify(space.decode(row)) == simplify(parse("g * sign(m)"))
    True

    Source: Bello et al. 2017, section 3.1 and figure 3.
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
        )

    @classmethod
    def from_mapping(cls, name: str, mapping: Mapping[str, object]) -> "Space":
        """A space from plain data, such as a file of ``conf/space/``.

        mapping: `operands`, `unary`, `binary` (lists of text; numbers are taken as
        text), `groups` (int) and, if wanted, `constraints` (mapping of the fields of
        Constraints) and `name` (which must be `name`).

        Raises:
            ValueError: a key is unknown or missing, a value has another type, or the
                space itself is refused. One line, with the remedy.
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
        """Return the plain data that `from_mapping` makes this space from."""
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
    def size(self) -> int:
        """Number of valid rows, exactly. Many decode to the same rule."""
        return self._skeleton.size

    @property
    def raw_size(self) -> int:
        """Number of rows without any constraint: the product of `choices`."""
        return self._skeleton.raw_size

    def masks(self, prefixes: Rows) -> Mask:
        """Bool (batch, choices[k]): allowed choices of decision k after k decisions.

        prefixes: int64 (batch, k), beginnings of valid rows. Exact: a choice is allowed
        if and only if some valid row begins so; there are no dead ends.
        """
        return self._skeleton.masks(prefixes)

    def valid(self, row: Rows) -> bool:
        """Whether this is a row of this space that meets every constraint."""
        return self._skeleton.valid(row)

    def sample(self, count: int, rng: np.random.Generator) -> Rows:
        """Random valid rows, int64 (count, decisions), drawn decision by decision.

        Each decision is uniform over its allowed choices.
        """
        return self._skeleton.sample(count, rng)

    def mutate(self, row: Rows, rng: np.random.Generator) -> Rows:
        """A valid copy of a row with one random decision changed.

        Later decisions that the change forbids are drawn anew. The copy differs from
        `row`, unless that is the only valid row. Raises ValueError on an invalid row.
        """
        return self._skeleton.mutate(row, rng)

    def decode(self, row: Rows) -> Expression:
        """The rule that a row stands for, as built: not simplified.

        Raises:
            ValueError: the row is not valid in this space.
        """
        if not self.valid(row):
            raise ValueError(
                f"space {self.name!r}: row {np.asarray(row).tolist()} is not valid; "
                "use rows that sample, encode or mutate returned"
            )
        return self._vocabulary.decode(np.asarray(row))

    def decode_all(self, rows: Rows) -> list[Expression | None]:
        """As `decode`, of int64 (batch, decisions); None for an invalid row."""
        valid = self._skeleton.which_valid(rows).tolist()
        return [
            self._vocabulary.decode(row) if ok else None
            for row, ok in zip(rows, valid, strict=True)
        ]

    def encode(self, expression: Expression) -> Rows:
        """A valid row whose rule has the same canonical form as `expression`.

        Found by matching templates against the canonical form, so it may miss a row
        that reaches the same canonical form by detours; what it returns is checked.

        Raises:
            ValueError: no row was found; the space very likely can't say this rule.
        """
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
