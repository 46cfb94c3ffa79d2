"""Choose rules by size, memory and behaviour, as the options of `top` say."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from neuralopt.archive.ranking import RankedRule
from neuralopt.behaviour.description import LIKE
from neuralopt.catalog import hint
from neuralopt.language import RULES, Expression, parse
from neuralopt.report.counting import Count, counting

TOGETHER = 256
"""Rules whose behaviours are computed together."""

NEARLY = 0.01
"""More than the recorded similarity to the nearest rule can be below the highest."""


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """What rules must be like to be listed; of pruned ones, their plainer forms.

    Attributes:
        max_size: nodes at most.
        max_memory: values per parameter at most.
        like: named rules, to one of which it must be alike; none asks for nothing.
        not_like: named rules to none of which it may be alike.
        families: all of which it must belong to.
    """

    max_size: int | None = None
    max_memory: int | None = None
    like: frozenset[str] = frozenset()
    not_like: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether anything is asked for."""
        return self != RuleFilter()

    def __call__(self, rules: Sequence[RankedRule]) -> list[bool]:
        """Return which rules have what is asked for.

        A text that this version's language can't read has nothing of it.

        Args:
            rules: any number; behaviours are computed where no record says enough.

        Returns:
            Whether each is to be listed.
        """
        passing = [self._is_small(rule) for rule in rules]
        if not (self.like or self.not_like or self.families):
            return passing
        unclear: list[tuple[int, Expression]] = []
        for place, rule in enumerate(rules):
            if not passing[place]:
                continue
            known = self._by_record(rule)
            if known is not None:
                passing[place] = known
            elif (expression := _parsed(rule.rule)) is not None:
                unclear.append((place, expression))
            else:
                passing[place] = False
        with counting("behaviours", show=len(unclear) > TOGETHER) as count:
            self._by_behaviour(unclear, passing, count)
        return passing

    def _is_small(self, rule: RankedRule) -> bool:
        size = rule.size if self.max_size is not None else None
        if self.max_size is not None and (size is None or size > self.max_size):
            return False
        if self.max_memory is None:
            return True
        memory = rule.memory
        return memory is not None and memory <= self.max_memory

    def _by_record(self, rule: RankedRule) -> bool | None:
        """What the record of a rule's behaviour says; None if that is not enough.

        It names the nearest rule only. Nothing is alike where that one is not.
        """
        record = rule.behaviour
        if record is None or rule.pruned:
            return None
        if not self.families <= set(record.families):
            return False
        if not (self.like or self.not_like):
            return True
        if record.similarity < LIKE - NEARLY:
            return not self.like
        if record.similarity >= LIKE and record.nearest in self.not_like:
            return False
        return None

    def _by_behaviour(
        self,
        rules: Sequence[tuple[int, Expression]],
        passing: list[bool],
        count: Count,
    ) -> None:
        if not rules:
            return
        from neuralopt.behaviour.likeness import likenesses  # loads numpy

        for start in range(0, len(rules), TOGETHER):
            count(start, len(rules))
            some = rules[start : start + TOGETHER]
            found = likenesses([expression for _, expression in some])
            for (place, _), each in zip(some, found, strict=True):
                passing[place] = (
                    self.families <= set(each.families)
                    and not self.not_like & each.names
                    and (not self.like or bool(self.like & each.names))
                )


def filter_of(options: argparse.Namespace) -> RuleFilter:
    """Return the filter that options of the command top ask for.

    Args:
        options: parsed arguments: max_size, max_memory, like, not_like, family.

    Returns:
        The filter; a false one if they ask for nothing.

    Raises:
        ValueError: a number is too small, or a name is not known.
    """
    if options.max_size is not None and options.max_size < 1:
        raise ValueError(f"--max-size is {options.max_size}: give 1 or more")
    if options.max_memory is not None and options.max_memory < 0:
        raise ValueError(f"--max-memory is {options.max_memory}: give 0 or more")
    for option, names in (("--like", options.like), ("--not-like", options.not_like)):
        for name in names:
            if name not in RULES:
                raise ValueError(
                    f"{option} {name}: not a named rule: {hint(name, RULES)}"
                )
    if both := set(options.like) & set(options.not_like):
        name = min(both)
        raise ValueError(f"no rule is both --like {name} and --not-like {name}")
    return RuleFilter(
        options.max_size,
        options.max_memory,
        frozenset(options.like),
        frozenset(options.not_like),
        frozenset(map(_family, options.family)),
    )


def _family(name: str) -> str:
    """The family of that name, which may have hyphens in place of spaces."""
    from neuralopt.behaviour.families import FAMILIES  # loads numpy

    known = {family.replace(" ", "-"): family for family in FAMILIES}
    found = known.get(name.strip().replace(" ", "-"))
    if found is None:
        raise ValueError(f"--family {name}: not a family: {hint(name, known)}")
    return found


def _parsed(text: str) -> Expression | None:
    try:
        return parse(text)
    except ValueError:
        return None
