"""A file of trainings: a line of JSON each, appended as they are done."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

Made = TypeVar("Made")

KIND = "neuralopt trainings"
VERSION = 1


class TrainingFile:
    """An append-only file of lines, the first of which says what they depend on.

    A process that is killed may leave a last line that is cut off: it is removed.
    Several processes may append to one file.

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
        first = f"{json.dumps(header)}\n".encode()
        with self._locked() as file:
            file.seek(0)
            line = file.readline()
            if line.endswith(b"\n"):
                self._check(line, header)
                _end_whole(file)
            elif first.startswith(line):
                file.truncate(0)
                file.write(first)
            else:
                raise ValueError(
                    f"{path} is not a file of trainings: name another folder"
                )

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
        with self._locked() as file:
            _end_whole(file)
            file.seek(0)
            lines = file.read().splitlines()
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
        with self._locked() as file:
            _end_whole(file)
            file.write("".join(f"{line}\n" for line in lines).encode())

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """The file, which no other process changes meanwhile."""
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

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


def _end_whole(file: BinaryIO) -> None:
    """Remove a last line that a killed process left cut off."""
    size = file.seek(0, os.SEEK_END)
    back = min(size, 1)
    file.seek(size - back)
    if file.read(back) == b"\n":
        return
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)


def _told(header: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {x}" for key, x in header.items() if key != "kind")
