"""Scores on disk as they come, for a build that may be interrupted."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from neuralopt import Score


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
        self._file: IO[str] = path.open("a+", encoding="utf-8")
        self._file.seek(0)
        text = self._file.read()
        whole = text[: text.rfind("\n") + 1]  # the last line may have been cut off
        self._file.truncate(len(whole.encode("utf-8")))
        for line in whole.splitlines():
            self._take(path, json.loads(line))

    def _take(self, path: Path, line: dict[str, Any]) -> None:
        if self._begun:
            self.scores[line["rule"]] = _score(line["score"])
        elif line["objective"] != self._objective:
            raise ValueError(f"{path} holds scores of another objective: remove it")
        else:
            self.adam, self._begun = line["adam"], True

    def begin(self, adam: Mapping[str, float]) -> None:
        """Write the first line, unless the file has it.

        Args:
            adam: Adam's quality on each part of the objective.
        """
        if not self._begun:
            self.adam, self._begun = dict(adam), True
            self._write({"objective": self._objective, "adam": self.adam})

    def add(self, found: Mapping[str, Score]) -> None:
        """Keep scores, on disk too.

        Args:
            found: by text of the rule.
        """
        self.scores |= found
        for rule, score in found.items():
            kept = {**asdict(score), "screening": (), "curve": ()}
            kept["tasks"] = [{**t, "screening": (), "curve": ()} for t in kept["tasks"]]
            self._write({"rule": rule, "score": kept})
        self._file.flush()

    def _write(self, line: Mapping[str, object]) -> None:
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _score(plain: dict[str, Any]) -> Score:
    fixed = {"screening": (), "curve": ()}
    tasks = tuple(Score(**{**each, **fixed, "tasks": ()}) for each in plain["tasks"])
    return Score(**{**plain, **fixed, "tasks": tasks})
