"""Searches against an exact table: rewards are looked up, nothing is trained.

What a search charges is charged here too: an evaluation is a rule that is trained. A
rule that was told before is told the same reward again, and a rejected one 0; neither
is charged.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.searchers import make_searcher
from neuralopt.searchers.searcher import Rows
from neuralopt.spaces import Space
from neuralopt.tables import Table, load

ASK = 64
"""Rows that are asked for at once, as a search does by default."""

PROPOSALS_PER_EVALUATION = 4
"""A run ends after so many proposals for each evaluation that it may have."""

Settings = Mapping[str, Any]
Step = tuple[int, float, int]
"""Evaluations, seconds of the searcher, and number of the rule that is the best now."""


class TableSpace:
    """The space of a table, whose canonical texts are looked up.

    Args:
        space: of one group.
        rules: number of the rule that each row says, by the row's mixed-radix key; -1
            for a row that is not valid.
        texts: canonical text of each rule.
    """

    def __init__(
        self, space: Space, rules: NDArray[np.int32], texts: Sequence[str]
    ) -> None:
        self._space, self._rules, self._texts = space, rules, texts
        self._factors = _factors(space)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._space, name)

    def numbers(self, rows: Rows) -> NDArray[np.int32]:
        """Return the number of each row's rule.

        Args:
            rows: int64 (count, D).
        """
        found: NDArray[np.int32] = self._rules[rows @ self._factors]
        return found

    def canonical(self, rows: Rows) -> list[str]:
        """Return each row's canonical text; empty for an invalid row.

        Args:
            rows: int64 (count, D).
        """
        numbers = self.numbers(np.asarray(rows, np.int64)).tolist()
        return [self._texts[number] if number >= 0 else "" for number in numbers]


def _factors(space: Space) -> NDArray[np.int64]:
    return np.cumprod([1, *space.choices[:-1]]).astype(np.int64)


@cache
def table_space(table: str | Path, folder: Path) -> tuple[Table, TableSpace]:
    """Return a table and its space; the rows' rules are kept in a file of the folder.

    Args:
        table: a name or a file, as for `tables.load`.
        folder: for the file, which is made if it is missing: half a minute.
    """
    found = load(table)
    mapping = dict(found.metadata["objective"]["space"])
    space = Space.from_mapping(found.name, mapping)
    path = folder / "rows.npz"
    if path.exists():
        kept = np.load(path)
        texts, rules = tuple(kept["texts"].tolist()), kept["rules"]
        if texts == found.rules and len(rules) == space.raw_size:
            return found, TableSpace(space, rules, found.rules)
    number = {text: place for place, text in enumerate(found.rules)}
    rules = np.full(space.raw_size, -1, np.int32)
    for rows in space.rows():
        rules[rows @ _factors(space)] = [number[t] for t in space.canonical(rows)]
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, texts=np.array(found.rules), rules=rules)
    return found, TableSpace(space, rules, found.rules)


@dataclass(frozen=True, slots=True)
class Run:
    """One search against a table.

    Attributes:
        seed: of the searcher; the table's seed is this one modulo their number.
        evaluations: charged.
        proposals: asked for.
        seconds: of a processor, that the searcher took.
        trace: whenever another rule became the best by the reward told.
        reached: for each target, evaluations until the first of its rules was trained;
            None if none was.
    """

    seed: int
    evaluations: int
    proposals: int
    seconds: float
    trace: tuple[Step, ...]
    reached: Mapping[str, int | None]


def simulate(
    table: Table,
    space: TableSpace,
    searcher: str,
    settings: Settings,
    seed: int,
    evaluations: int,
    targets: Mapping[str, Sequence[int]],
) -> Run:
    """Run a search until it has so many evaluations, or made too many proposals.

    Args:
        table: gives the rewards.
        space: of the table.
        searcher: its name.
        settings: its options.
        seed: of the searcher.
        evaluations: to be charged.
        targets: numbers of rules to look for, by name.

    Raises:
        ValueError: an option is wrong.
    """
    rewards = table.qualities[:, seed % len(table.seeds)]
    made: Any = make_searcher(searcher, space, seed, settings)
    place = np.full(len(table), -1, np.int64)  # of each rule among the evaluations
    trace: list[Step] = []
    charged = proposals = 0
    best, seconds = -1.0, 0.0
    while charged < evaluations and proposals < PROPOSALS_PER_EVALUATION * evaluations:
        began = time.thread_time()
        rows = made.ask(ASK)
        seconds += time.thread_time() - began
        numbers = space.numbers(rows)
        proposals += len(rows)
        for number in numbers.tolist():
            if place[number] >= 0 or not table.trained[number]:
                continue
            if charged == evaluations:
                break
            charged += 1
            place[number] = charged
            if rewards[number] > best:
                best = float(rewards[number])
                trace.append((charged, seconds, number))
        told = rewards[numbers]
        began = time.thread_time()
        made.tell(rows, told)
        seconds += time.thread_time() - began
    reached = {}
    for name, wanted in targets.items():
        found = place[np.asarray(wanted)]
        reached[name] = int(found[found >= 0].min()) if (found >= 0).any() else None
    return Run(seed, charged, proposals, seconds, tuple(trace), reached)
