"""A table: every canonical rule of a space, with its scores on one objective."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.language import Expression, as_expression, simplify
from neuralopt.scoring.score import STATUSES, Score, Status

NO_RATE = 255
"""Code of a part that has no learning rate."""

SHOWN = 60
"""Characters of a value in a message."""


@dataclass(frozen=True, eq=False)
class Table:
    """Every canonical rule of a space, with its scores on one objective.

    A rule that is rejected before training is in the table too, with quality 0.

    Attributes:
        name: for messages.
        rules: canonical texts, sorted.
        rows: int32 (rules,), rows of the space that decode to each rule.
        statuses: uint8 (rules, seeds), indices into `STATUSES`.
        reasons: int32 (rules, seeds), indices into ``metadata["reasons"]``.
        qualities: float64 (rules, seeds), as a search is told them.
        part_qualities: float32 (rules, parts, seeds), on each part of the objective;
            NaN where a rule was not trained.
        rates: uint8 (rules, parts, seeds), indices of the chosen learning rates in
            ``metadata["rates"]``, or NO_RATE.
        metadata: plain data: ``objective`` (what scores depend on), ``parts`` (names),
            ``seeds``, ``statuses``, ``reasons``, ``rates``, ``adam`` (for each seed,
            Adam's quality on each part), ``references`` (for rules outside the space,
            their qualities for each seed) and ``made`` (when, with what).
    """

    name: str
    rules: tuple[str, ...]
    rows: NDArray[np.int32]
    statuses: NDArray[np.uint8]
    reasons: NDArray[np.int32]
    qualities: NDArray[np.float64]
    part_qualities: NDArray[np.float32]
    rates: NDArray[np.uint8]
    metadata: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.rules)

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} rules, seeds {self.seeds})"

    @property
    def seeds(self) -> list[int]:
        """Seeds of the trainings: one column each."""
        return list(self.metadata["seeds"])

    @property
    def parts(self) -> list[str]:
        """Names of the objective's parts, such as its tasks."""
        return list(self.metadata["parts"])

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Quality of each rule, mean over seeds."""
        found: NDArray[np.float64] = self.qualities.mean(axis=1)
        return found

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """Rank of each rule by `mean`: 1 is the best, equals share the smaller rank."""
        falling = np.sort(-self.mean)
        return np.searchsorted(falling, -self.mean, side="left") + 1

    @cached_property
    def trained(self) -> NDArray[np.bool_]:
        """Which rules were trained: those that were not rejected before."""
        kept: NDArray[np.bool_] = self.statuses[:, 0] != STATUSES.index("rejected")
        return kept

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {rule: number for number, rule in enumerate(self.rules)}

    def __contains__(self, rule: object) -> bool:
        return isinstance(rule, str | Expression) and self._find(rule) is not None

    def number(self, rule: str | Expression) -> int:
        """Return the place of a rule in `rules`.

        Args:
            rule: a name, a text or an expression, in any form.

        Raises:
            ValueError: the rule can't be read, or the table does not have it.
        """
        found = self._find(rule)
        if found is None:
            raise ValueError(
                f"table {self.name} does not have the rule {rule}: its space can't "
                "say it"
            )
        return found

    def _find(self, rule: str | Expression) -> int | None:
        found = self._numbers.get(str(rule))
        if found is None:
            found = self._numbers.get(str(simplify(as_expression(rule))))
        return found

    def column(self, seed: int) -> int:
        """Return the place of a seed in `seeds`.

        Raises:
            ValueError: the table does not have it.
        """
        if seed not in self.seeds:
            known = ", ".join(map(str, self.seeds))
            raise ValueError(f"table {self.name} has no seed {seed}: known: {known}")
        return self.seeds.index(seed)

    def quality(self, rule: str | Expression, seed: int | None = 0) -> float:
        """Return the quality of a rule.

        Args:
            rule: a name, a text or an expression, in any form.
            seed: of the trainings; None for the mean over all.

        Returns:
            A number in [0, 1]; 0 for a rule that was rejected.

        Raises:
            ValueError: the rule can't be read, or the table does not have it or the
                seed.
        """
        number = self.number(rule)
        if seed is None:
            return float(self.mean[number])
        return float(self.qualities[number, self.column(seed)])

    def lookup(self, rule: str | Expression, seed: int | None = 0) -> Score:
        """Return the score of a rule.

        Args:
            rule: a name, a text or an expression, in any form.
            seed: of the trainings; None for the mean over all, whose status and parts
                are those of the first seed for which the rule was scored, if there is
                one.

        Returns:
            Status, quality, reason, and the learning rate and quality of each part that
            was trained; losses, accuracies and curves are not kept.

        Raises:
            ValueError: the rule can't be read, or the table does not have it or the
                seed.
        """
        number = self.number(rule)
        if seed is not None:
            column = self.column(seed)
            return self._score(number, column, self.qualities[number, column])
        scored = self.statuses[number] == STATUSES.index("scored")
        return self._score(number, int(scored.argmax()), self.mean[number])

    def _score(self, number: int, column: int, quality: float) -> Score:
        tasks = tuple(self._tasks(number, column))
        alone = len(self.parts) == 1
        return Score(
            STATUSES[self.statuses[number, column]],
            float(quality),
            lr=tasks[0].lr if alone and tasks else None,
            reason=self.metadata["reasons"][self.reasons[number, column]],
            tasks=() if alone else tasks,
        )

    def _tasks(self, number: int, column: int) -> Iterator[Score]:
        for part, name in enumerate(self.parts):
            quality = float(self.part_qualities[number, part, column])
            if np.isnan(quality):
                continue
            code = int(self.rates[number, part, column])
            rate = None if code == NO_RATE else self.metadata["rates"][code]
            status: Status = "scored" if quality > 0 else "diverged"
            yield Score(status, quality, lr=rate, task=name)

    def check(self, objective: Mapping[str, Any]) -> None:
        """Check that a search has the space and the objective of this table.

        Args:
            objective: nested plain data, as ``metadata["objective"]``.

        Raises:
            ValueError: something differs, in one line with the remedy.
        """
        mine, others = dict(_flat(self.metadata["objective"])), dict(_flat(objective))
        for key in sorted(mine.keys() | others.keys(), key=_importance):
            stored, given = mine.get(key), others.get(key)
            if stored != given:
                raise ValueError(
                    f"table {self.name} does not fit: this search has "
                    f"{key}={_short(given)}, {_remedy(key, stored)}"
                )


def _importance(key: str) -> tuple[bool, str]:
    """Sort key: what people set before what follows from it."""
    return key not in ("space.groups", "task.name"), key


def _remedy(key: str, stored: object) -> str:
    if key == "task.name":
        return f"give task={stored}"
    if key.startswith(("space.", "budget.")):
        return f"give {key}={stored}"
    return f"the table {_short(stored)}: build the table again with this version"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested plain data; tuples become lists."""
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", list(value) if isinstance(value, tuple) else value
