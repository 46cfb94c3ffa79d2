"""A file of trainings: a line of JSON each, appended as they are done."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

Made = TypeVar("Made")

KIND = "neuralopt trainings"
VERSION = 1


class TrainingFile:
    """An append-only file of lines, the first of which says what they depend on.

    A process that is killed may leave a last line that is cut off: it is removed.

    Args:
        path: of the file, which is made with its folder if there is none.
        context: what all lines depend on, as plain data.

    Raises:
        ValueError: the file is another one, or its context differs.
        OSError: the file can't be read or written.
    """

    def __init__(self, path: Path, context: Mapping[str, Any]) -> None:
        self._path = path
        header = {"kind": KIND, "version": VERSION, **context}
        path.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        first = json.dumps(header)
        if whole:
            self._check(whole.splitlines()[0], header)
        elif not f"{first}\n".encode().startswith(data):
            raise ValueError(f"{path} is not a file of trainings: name another folder")
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        if not whole:
            self.append([first])

    def read(self, made: Callable[[Any], Made]) -> list[Made]:
        """Return what the lines hold.

        Args:
            made: makes it of a line's content; it raises KeyError, TypeError,
                ValueError or AttributeError if the line does not hold that.

        Returns:
            One for each line but the first, in the order of writing.

        Raises:
            ValueError: a line is broken.
        """
        found = []
        lines = self._path.read_bytes().splitlines()
        for number, line in enumerate(lines[1:], 2):
            try:
                found.append(made(json.loads(line)))
            except (KeyError, TypeError, ValueError, AttributeError):
                raise ValueError(
                    f"{self._path}: line {number} is not a training: remove that line, "
                    "and it is trained again"
                ) from None
        return found

    def append(self, lines: Sequence[str]) -> None:
        """Append lines, all of them in one write.

        Args:
            lines: without their ends.

        Raises:
            OSError: the file can't be written.
        """
        with self._path.open("ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())

    def _check(self, line: bytes, expected: Mapping[str, Any]) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("kind") != KIND:
            raise ValueError(
                f"{self._path} is not a file of trainings: name another folder"
            )
        if found != expected:
            raise ValueError(
                f"{self._path} holds trainings of {_told(found)}, not of "
                f"{_told(expected)}: name another folder"
            )


def _told(header: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {x}" for key, x in header.items() if key != "kind")
