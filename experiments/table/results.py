"""Scores on disk as they come, for a build that may be interrupted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neuralopt import Score

UNUSED: Mapping[str, Any] = {"screening": (), "curve": ()}


class Results:
    """The scores of one seed, in a file that a killed process leaves readable.

    The first line holds what the scores depend on, each other line one score.

    Args:
        path: of the file; it is begun or continued.
        objective: as `SearchParts.objective` returns it.

    Raises:
        ValueError: the file's scores depend on something else.
    """

    def __init__(self, path: Path, objective: Mapping[str, object]) -> None:
        self.scores: dict[str, Score] = {}
        self.adam: dict[str, float] = {}
        self._begun = False
        self._objective = json.loads(json.dumps(objective))
        self._path = path
        text = path.read_text("utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # the last line may have been cut off
        for line in whole.splitlines():
            self._take(json.loads(line))
        if whole != text:
            path.write_text(whole, "utf-8")

    def _take(self, line: dict[str, Any]) -> None:
        if self._begun:
            self.scores[line["rule"]] = _score(line["score"])
        elif line["objective"] != self._objective:
            raise ValueError(
                f"{self._path} holds scores of another objective: remove it"
            )
        else:
            self.adam, self._begun = line["adam"], True

    def begin(self, adam: Mapping[str, float]) -> None:
        """Write the first line, unless the file has it.

        Args:
            adam: Adam's quality on each part of the objective.
        """
        if not self._begun:
            self.adam, self._begun = dict(adam), True
            self._write([{"objective": self._objective, "adam": self.adam}])

    def add(self, found: Mapping[str, Score]) -> None:
        """Keep scores, on disk too.

        Args:
            found: by text of the rule.
        """
        self.scores |= found
        self._write([{"rule": r, "score": _plain(s)} for r, s in found.items()])

    def _write(self, lines: Sequence[Mapping[str, object]]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)


def _plain(score: Score) -> dict[str, Any]:
    """A score without the numbers that a table does not keep."""
    kept = {**asdict(score), **UNUSED}
    return {**kept, "tasks": [{**each, **UNUSED} for each in kept["tasks"]]}


def _score(plain: dict[str, Any]) -> Score:
    tasks = tuple(Score(**{**each, **UNUSED, "tasks": ()}) for each in plain["tasks"])
    return Score(**{**plain, **UNUSED, "tasks": tasks})
