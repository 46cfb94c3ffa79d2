"""A file of trainings: a line of JSON each, appended as they are done."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

KIND = "neuralopt trainings"
VERSION = 1


class TrainingFile:
    """An append-only file of lines, the first of which says what they depend on.

    A process that is killed may leave a last line that is cut off: it is removed.

    Args:
        path: of the file, which is made with its folder if there is none.
        context: what all lines depend on, as plain data.

    Attributes:
        lines: what the file held when it was opened, in the order of writing.

    Raises:
        ValueError: the file is another one, its context differs, or a line is broken.
        OSError: the file can't be read or written.
    """

    def __init__(self, path: Path, context: Mapping[str, Any]) -> None:
        self._path = path
        self.lines: list[dict[str, Any]] = []
        header = {"kind": KIND, "version": VERSION, **context}
        path.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and data and not data.startswith(b"{"):
            raise ValueError(f"{path} is not a file of trainings: name another folder")
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        if not whole:
            self.append([json.dumps(header)])
            return
        first, *rest = whole.splitlines()
        self._check(_object(first), header)
        for number, line in enumerate(rest, 2):
            found = _object(line)
            if found is None:
                raise ValueError(
                    f"{path}: line {number} is not a training: remove that line, and "
                    "it is trained again"
                )
            self.lines.append(found)

    def append(self, lines: Sequence[str]) -> None:
        """Append lines, all of them in one write.

        Args:
            lines: without their ends.

        Raises:
            OSError: the file can't be written.
        """
        with self._path.open("ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())

    def _check(
        self, found: Mapping[str, Any] | None, expected: Mapping[str, Any]
    ) -> None:
        if found is None or found.get("kind") != KIND:
            raise ValueError(
                f"{self._path} is not a file of trainings: name another folder"
            )
        for key, value in expected.items():
            if found.get(key) != value:
                raise ValueError(
                    f"{self._path} holds trainings of {key} {found.get(key)}, not "
                    f"{value}: name another folder"
                )


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
