"""Files of tables: ``NAME.npz``, and its SHA-256 in ``NAME.npz.sha256``."""

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralopt.catalog import hint
from neuralopt.scoring.score import STATUSES
from neuralopt.tables.table import Table

SUFFIX, CHECKSUM = ".npz", ".sha256"
FORMAT = 1
ARRAYS = ("rows", "statuses", "reasons", "qualities", "part_qualities", "rates")


def names() -> list[str]:
    """Return the names of the tables that come with the package."""
    folder = resources.files("neuralopt.tables").joinpath("data")
    if not folder.is_dir():
        return []
    files = [entry.name for entry in folder.iterdir()]
    return sorted(f.removesuffix(SUFFIX) for f in files if f.endswith(SUFFIX))


def load(table: str | Path) -> Table:
    """Open a table, once its checksum is verified. A table is read once a process.

    Args:
        table: the name of one that comes with the package, or the path of a file,
            which ends in ``.npz``.

    Raises:
        ValueError: there is no such table, its checksum is missing or another one, or
            the file holds no table that this version reads.
    """
    if str(table).endswith(SUFFIX):
        path = Path(table)
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        return _read(path, path.stat().st_mtime_ns)
    if table not in names():
        known = hint(str(table), names()) if names() else "none is installed"
        raise ValueError(
            f"there is no table {str(table)!r}: {known}, or give the path of a file "
            f"that ends in {SUFFIX}"
        )
    found = resources.files("neuralopt.tables").joinpath("data", f"{table}{SUFFIX}")
    with resources.as_file(found) as path:
        return _read(path, path.stat().st_mtime_ns)


def checksum(table: str | Path) -> str:
    """Return the SHA-256 of a table's file, in hexadecimal digits.

    Args:
        table: as for `load`, which checks that it is the file's.

    Raises:
        ValueError: see `load`.
    """
    load(table)
    if str(table).endswith(SUFFIX):
        return Path(f"{table}{CHECKSUM}").read_text("utf-8").split()[0]
    folder = resources.files("neuralopt.tables").joinpath("data")
    kept = folder.joinpath(f"{table}{SUFFIX}{CHECKSUM}").read_text("utf-8")
    return kept.split()[0]


@cache
def _read(path: Path, _changed: int) -> Table:
    """The table of a file, by path and time of its last change."""
    content = path.read_bytes()
    beside = path.with_name(path.name + CHECKSUM)
    if not beside.is_file():
        raise ValueError(f"{path} has no checksum beside it: {beside.name} is missing")
    expected = beside.read_text("utf-8").split()[:1]
    if [hashlib.sha256(content).hexdigest()] != expected:
        raise ValueError(
            f"{path} is damaged: its SHA-256 is not the one in {beside.name}; fetch or "
            "build it again"
        )
    return _table(path, content)


def _table(path: Path, content: bytes) -> Table:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            metadata: dict[str, Any] = json.loads(bytes(file["metadata"]))
            if metadata["format"] != FORMAT:
                raise ValueError(f"its format is {metadata['format']}, not {FORMAT}")
            rules = tuple(bytes(file["texts"]).decode("utf-8").split("\n"))
            arrays = {name: file[name] for name in ARRAYS}
            table = Table(
                path.name.removesuffix(SUFFIX), rules, **arrays, metadata=metadata
            )
            _check_shapes(table)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        cause = " ".join(str(error).split())
        raise ValueError(f"{path} holds no table: {cause}") from None
    # Numbers of statuses are those of the version that wrote the file.
    ours = np.array([STATUSES.index(each) for each in metadata["statuses"]], np.uint8)
    return replace(table, statuses=ours[table.statuses])


def _check_shapes(table: Table) -> None:
    pair = len(table.rules), len(table.seeds)
    triple = len(table.rules), len(table.parts), len(table.seeds)
    expected = dict(
        zip(ARRAYS, (pair[:1], pair, pair, pair, triple, triple), strict=True)
    )
    for name, shape in expected.items():
        array: NDArray[Any] = getattr(table, name)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, not {shape}")


def save(table: Table, path: Path) -> None:
    """Write a table and its checksum. Equal tables make equal files.

    Args:
        table: to be written.
        path: ends in ``.npz``; the checksum's path is the same with ``.sha256`` added.

    Raises:
        ValueError: the path does not end in ``.npz``.
        OSError: a file can't be written.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"{path} does not end in {SUFFIX}")
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        texts=_bytes("\n".join(table.rules)),
        metadata=_bytes(json.dumps({**table.metadata, "format": FORMAT})),
        **{name: getattr(table, name) for name in ARRAYS},
    )
    content = buffer.getvalue()
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    path.with_name(path.name + CHECKSUM).write_text(f"{digest}  {path.name}\n", "utf-8")


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), np.uint8)
