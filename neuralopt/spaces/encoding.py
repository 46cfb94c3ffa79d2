"""Find a row of decisions that encodes a given rule.

The canonical form is taken apart with the templates of a vocabulary, group by group,
from the last to the first. Every row is decoded, simplified and compared before it is
returned.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from neuralopt.language import Expression, simplify
from neuralopt.spaces.matching import NOTHING_BOUND, VARIABLES, unify, views
from neuralopt.spaces.skeleton import Rows, Skeleton
from neuralopt.spaces.vocabulary import Vocabulary

MAXIMUM_STEPS = 5_000
"""Most groups tried for one rule before the search ends, which takes a few seconds."""

X = Expression("x")

# Names of copies: negative numbers, counted downwards, of three ranges.
BEFORE, BETWEEN, AFTER = -1, -1_000, -2_000


Source = int | Expression
"""An operand's index, or an earlier group's result: its canonical form, or the name of
a copy."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a group: a unary and the source that it is applied to.

    Attributes:
        unary: Index of the unary template.
        source: The operand or earlier result that it is applied to.
    """

    unary: int
    source: Source


@dataclass(frozen=True, slots=True)
class Step:
    """One group of a plan.

    Attributes:
        result: What the group computes.
        binary: Index of the binary template.
        left: The left side; None if any operand will do.
        right: The right side; None if any operand will do.
    """

    result: Source
    binary: int
    left: Side | None
    right: Side | None


@dataclass(frozen=True, slots=True)
class Form:
    """The canonical form of a binary template, with one side constant or none.

    Attributes:
        pattern: The canonical form, with variables x and y.
        binary: Index of the binary template.
        left: The constant left side, if it is given.
        right: The constant right side, if it is given.
    """

    pattern: Expression
    binary: int
    left: Side | None = None
    right: Side | None = None


class Encoder:
    """Finds rows for rules in one space; its tables are built at the first use.

    Args:
        vocabulary: The templates of the space.
        skeleton: Which rows are valid.
    """

    def __init__(self, vocabulary: Vocabulary, skeleton: Skeleton) -> None:
        self._vocabulary = vocabulary
        self._skeleton = skeleton

    def encode(self, expression: Expression) -> Rows | None:
        """Find a valid row whose rule has the canonical form of `expression`.

        Args:
            expression: The rule to encode.

        Returns:
            The row, int64 (decisions,), or None if none was found.
        """
        target = simplify(expression)
        budget = iter(range(MAXIMUM_STEPS))
        for groups in range(1, self._skeleton.groups + 1):
            for plan in self._plans([target], groups, budget):
                for row in self._rows(target, plan):
                    if self._says(row, target):
                        return row
        return None

    def _says(self, row: Rows, target: Expression) -> bool:
        if not self._skeleton.valid(row):
            return False
        return simplify(self._vocabulary.decode(row)) == target

    # Taking a rule apart

    def _plans(
        self, goals: Sequence[Expression], groups: int, budget: Iterator[int]
    ) -> Iterator[tuple[Step, ...]]:
        """Ways to compute all goals with at most `groups` groups, in execution order.

        Args:
            goals: Expressions to compute, largest first. What a goal is made of is
                smaller and joins the other goals, so that a shared part is computed
                once.
            groups: Most groups to use.
            budget: Yields one item for each group that may still be tried.
        """
        if not goals:
            yield ()
        elif len(goals) <= groups:
            first, *others = goals
            for step in self._steps(first):
                if next(budget, None) is None:
                    return
                parts = {*others, *_parts(step)}
                ordered = sorted(parts, key=_bulk, reverse=True)
                for plan in self._plans(ordered, groups - 1, budget):
                    yield (*plan, step)

    def _steps(self, goal: Expression) -> Iterator[Step]:
        """Groups whose result may be this goal."""
        names = {*VARIABLES, *(view.primitive for view in views(goal))}
        for form in self._forms:
            if form.pattern.primitive in names or not form.pattern.contains(*VARIABLES):
                for binding in unify(form.pattern, goal):
                    lefts: Iterable[Side | None] = [form.left]
                    rights: Iterable[Side | None] = [form.right]
                    if "x" in binding:
                        lefts = self._sides(binding["x"], goal)
                    if "y" in binding:
                        rights = self._sides(binding["y"], goal)
                    for left, right in product(lefts, rights):
                        yield Step(goal, form.binary, left, right)
        if goal.is_closed_constant:
            yield from self._constant_steps.get(goal, ())

    def _sides(self, value: Expression, goal: Expression) -> list[Side]:
        """Sides that may have this value: operands if any, else smaller results."""
        known = self._operand_sides.get(value)
        if known:
            return known
        return [
            Side(unary, binding["x"])
            for unary, pattern in enumerate(self._unary_patterns)
            for binding in unify(pattern, value, NOTHING_BOUND)
            if "x" in binding and _bulk(binding["x"]) < _bulk(goal)
        ]

    @cached_property
    def _unary_patterns(self) -> list[Expression]:
        return [simplify(template) for template in self._vocabulary.unary]

    @cached_property
    def _operand_sides(self) -> dict[Expression, list[Side]]:
        """Map each canonical form to the sides of one operand that have it."""
        sides: dict[Expression, dict[int, Side]] = {}
        for unary, template in enumerate(self._vocabulary.unary):
            for index, operand in enumerate(self._vocabulary.operands):
                value = simplify(template.substitute({"x": operand}))
                sides.setdefault(value, {}).setdefault(index, Side(unary, index))
        return {value: list(found.values()) for value, found in sides.items()}

    @cached_property
    def _constants(self) -> list[tuple[Expression, Side]]:
        return [
            (value, sides[0])
            for value, sides in self._operand_sides.items()
            if value.is_closed_constant
        ]

    @cached_property
    def _forms(self) -> list[Form]:
        """Each binary over x and y, then with a constant on one side."""
        forms = []
        for binary, template in enumerate(self._vocabulary.binary):
            forms.append(Form(simplify(template), binary))
            if not template.contains("y"):
                continue
            for value, side in self._constants:
                on_left = simplify(template.substitute({"x": value}))
                on_right = simplify(template.substitute({"y": value}))
                forms.append(Form(on_left, binary, left=side))
                forms.append(Form(on_right, binary, right=side))
        return forms

    @cached_property
    def _constant_steps(self) -> dict[Expression, list[Step]]:
        """Constants that one group computes from two constants."""
        steps: dict[Expression, list[Step]] = {}
        for binary, template in enumerate(self._vocabulary.binary):
            for (x, left), (y, right) in product(self._constants, repeat=2):
                value = simplify(template.substitute({"x": x, "y": y}))
                step = Step(value, binary, left, right)
                steps.setdefault(value, []).append(step)
        return steps

    # Laying a plan out as a row

    def _rows(self, target: Expression, plan: tuple[Step, ...]) -> Iterator[Rows]:
        """Lay a plan out as rows, with copies before and after it to fill all groups.

        Some of these rows may break a constraint.
        """
        groups = self._skeleton.groups
        for before, after in product(range(groups), repeat=2):
            for on_left in (True, False) if before else (True,):
                steps = self._with_copies_before(list(plan), before, on_left)
                steps = self._with_clashes_copied(steps)
                steps += self._copies(target, after, AFTER, ends=True)
                row = self._row(steps) if len(steps) == groups else None
                if row is not None:
                    yield row

    def _copies(
        self, source: Source, count: int, first: int, ends: bool = False
    ) -> list[Step]:
        """Groups that pass a value on, with results `first`, `first` - 1 and so on.

        Args:
            source: The value to copy.
            count: Number of copies.
            first: Name of the first copy.
            ends: Whether the last copy is the last group of the row.

        Returns:
            The groups; empty if the space can't express one of them.
        """
        copies: list[Step] = []
        for number in range(count):
            final = ends and number == count - 1
            form = self._passing(source, final)
            if form is None:
                return []
            identity = Side(self._unary_patterns.index(X), source)
            source = first - number
            copies.append(Step(source, form.binary, identity, form.right))
        return copies

    def _passing(self, source: Source, final: bool) -> Form | None:
        """A form equal to x whose constant, if it has one, is not `source`."""
        if X not in self._unary_patterns:
            return None
        for form in self._forms:
            allowed = self._skeleton.may_end[form.binary] or not final
            clash = form.right is not None and form.right.source == source
            if form.pattern == X and allowed and not clash:
                return form
        return None

    def _with_copies_before(
        self, steps: list[Step], count: int, on_left: bool
    ) -> list[Step]:
        """Insert copies of an operand of the first group, which uses the last one."""
        first = steps[0]
        side = first.left if on_left else first.right
        if side is None or not count:
            return steps
        moved = replace(side, source=BEFORE - count + 1)
        first = replace(first, left=moved) if on_left else replace(first, right=moved)
        return [*self._copies(side.source, count, BEFORE), first, *steps[1:]]

    def _with_clashes_copied(self, steps: list[Step]) -> list[Step]:
        """Copy the right source where both sides use one and the space forbids that."""
        if not self._skeleton.distinct_operands:
            return steps
        laid: list[Step] = []
        for number, step in enumerate(steps):
            left, right = step.left, step.right
            if left and right and left.source == right.source:
                copied = replace(right, source=BETWEEN - number)
                laid += self._copies(left.source, 1, BETWEEN - number)
                step = replace(step, right=copied)
            laid.append(step)
        return laid

    def _row(self, steps: list[Step]) -> Rows | None:
        """The decisions of these groups; None if a group uses an uncomputed value."""
        known: dict[Source, int] = {n: n for n in range(self._skeleton.operands)}
        decisions: list[int] = []
        for group, step in enumerate(steps):
            sources = [side.source for side in (step.left, step.right) if side]
            if not all(source in known for source in sources):
                return None
            # A side that doesn't matter takes an operand that the other one isn't.
            taken = {known[source] for source in sources}
            others = (n for n in range(self._skeleton.operands) if n not in taken)
            free = next(others, 0)
            left, right = (
                known[side.source] if side else free for side in (step.left, step.right)
            )
            unaries = (side.unary if side else 0 for side in (step.left, step.right))
            decisions += [left, right, *unaries, step.binary]
            known[step.result] = self._skeleton.operands + group
        return np.array(decisions, dtype=np.int64)


def _parts(step: Step) -> Iterator[Expression]:
    """Values that other groups must compute before this one."""
    for side in (step.left, step.right):
        if side and isinstance(side.source, Expression):
            yield side.source


def _bulk(expression: Expression) -> tuple[int, str]:
    """Sort key, a total order, that puts a part before the whole."""
    return expression.size, str(expression)
