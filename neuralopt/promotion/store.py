"""Keep the measurements of a promotion in a file, from which it is continued.

The file has a line of JSON for what the measurements depend on, and one for each
measurement, in the order of their coming. A line that a killed process left unfinished
is dropped.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from neuralopt.promotion.funnel import Measurement

FORM = 1
"""Of the file; another number is another form."""

Key = tuple[int, str, int]
"""Of a measurement: the stage's place, the rule's canonical text, and the replicate."""


class MeasurementFile:
    """The file of one promotion, which one process at a time may have open.

    Args:
        path: made if it is not there; its folder exists.
        context: what measurements depend on, as plain data.

    Raises:
        ValueError: the file holds measurements that depend on something else, is not
            such a file, or another process has it open.
    """

    def __init__(self, path: Path, context: Mapping[str, Any]) -> None:
        self._path = path
        self._file: BinaryIO = path.open("a+b")
        try:
            self.known = self._read(context)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, measured: Iterable[tuple[Key, Measurement]]) -> None:
        """Append measurements; they are on the disk when this returns.

        Args:
            measured: with their keys.
        """
        lines = []
        for key, each in measured:
            self.known[key] = each
            stage, rule, replicate = key
            entry = {
                "stage": stage,
                "rule": rule,
                "replicate": replicate,
                "qualities": list(each.qualities),
                "seconds": each.seconds,
            }
            lines.append(json.dumps(entry) + "\n")
        self._write("".join(lines))

    def _read(self, context: Mapping[str, Any]) -> dict[Key, Measurement]:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"another process is writing {self._path}: stop it, or wait for its end"
            ) from None
        self._file.seek(0)
        data = self._file.read()
        whole, _, rest = data.rpartition(b"\n")
        expected = json.loads(json.dumps({"promotion": FORM, **context}))
        first = json.dumps(expected) + "\n"
        if not whole:
            if not first.encode().startswith(data):
                raise self._other()
            self._file.truncate(0)
            self._write(first)
            return {}
        try:
            header, *lines = map(json.loads, whole.decode().split("\n"))
            found = {
                (each["stage"], each["rule"], each["replicate"]): Measurement(
                    tuple(map(float, each["qualities"])), float(each["seconds"])
                )
                for each in lines
            }
            different = _difference(header, expected)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._other() from None
        if different:
            raise ValueError(
                f"{self._path} is of a promotion that differs in its {different}: name "
                "another folder by --into, or give the same rules and settings"
            )
        if rest:
            self._file.truncate(len(whole) + 1)
        return found

    def _other(self) -> ValueError:
        return ValueError(
            f"{self._path} is not the file of a promotion: move it, or name another "
            "folder by --into"
        )

    def _write(self, text: str) -> None:
        self._file.write(text.encode())
        self._file.flush()
        os.fsync(self._file.fileno())


def _difference(header: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """The first key in which two contexts differ; empty if they are equal."""
    return next(
        (key for key in (*expected, *header) if header.get(key) != expected.get(key)),
        "",
    )
