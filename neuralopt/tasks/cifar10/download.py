"""Locate or download CIFAR-10 (atomic, verified by its checksum)."""

import hashlib
import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO

PYTHON, BINARY = "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{BINARY}"
"""The binary form, which needs no pickle."""
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
"""As published with the file, at https://www.cs.toronto.edu/~kriz/cifar.html."""

PATIENCE = 30.0
"""Seconds without data after which a download fails."""
SILENCE = 5.0
"""Seconds between two lines of progress."""

LOGGER = logging.getLogger("neuralopt")


def cache_folder() -> Path:
    """Return the cache folder: $XDG_CACHE_HOME/neuralopt, or ~/.cache/neuralopt."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says that a relative path is invalid and to be ignored.
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return home / "neuralopt"


def copy_of_cifar10(path: str, download: bool) -> Path:
    """Return the user's path if one is given, else an archive in the cache folder.

    Args:
        path: A copy of CIFAR-10; empty for the cache folder.
        download: Whether to download an archive if the cache has none.

    Raises:
        ValueError: No copy was found, or the download failed.
    """
    try:
        if path:
            return Path(path).expanduser()
        folder = cache_folder()
        for name in (BINARY, PYTHON):
            if (folder / name).is_file():
                return folder / name
    except (OSError, RuntimeError) as error:  # a forbidden folder; no home folder
        raise ValueError(
            f"no copy of CIFAR-10 can be looked for ({error}): give task.path=FILE"
        ) from None
    if download:
        return fetch(folder / BINARY)
    raise ValueError(
        f"there is no copy of CIFAR-10 in {folder}: get {URL} and give task.path=FILE, "
        "or let it be fetched with task.download=true"
    )


def fetch(target: Path) -> Path:
    """Download the official archive, unless another process has done so.

    The file gets its name only when its checksum is right, so a file with that name is
    complete. Processes that want the same file take turns, and only one downloads it.

    Args:
        target: Where the archive is to be.

    Returns:
        `target`.

    Raises:
        ValueError: The network or the disk fails, or the checksum is wrong.
    """
    split = target.with_name(f"{target.name}.split")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(split) as file:
            try:
                if not target.is_file():
                    _receive(file)
                    split.replace(target)
            finally:
                # Our file; or, once the target exists, one that nobody needs any more.
                split.unlink(missing_ok=True)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds a response with an open connection
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{URL} can't be fetched to {target.parent} ({reason}): get it by other "
            "means and give task.path=FILE"
        ) from error
    return target


def _locked(path: Path) -> BinaryIO:
    """Open the file, empty and locked until it is closed."""
    import fcntl  # POSIX only: on other systems files must be downloaded by hand

    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                file.truncate(0)
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # while we waited, its owner renamed or removed it


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _receive(file: BinaryIO) -> None:
    """Download the URL's content; raises ValueError if its checksum is wrong."""
    digest, received = hashlib.md5(usedforsecurity=False), 0
    told = time.monotonic()
    with urllib.request.urlopen(URL, timeout=PATIENCE) as response:
        size = int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(2**18):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            if time.monotonic() - told > SILENCE:
                told = time.monotonic()
                LOGGER.warning("%s", _progress(received, size))
    if digest.hexdigest() != MD5:
        cut = f" and broke off after {received} of {size} bytes" * (received < size)
        raise ValueError(
            f"{URL} gave a file of MD5 {digest.hexdigest()}, not {MD5}{cut}; it was "
            "removed: try again, or get it by other means and give task.path=FILE"
        )
    file.flush()
    os.fsync(file.fileno())


def _progress(received: int, size: int) -> str:
    whole = f" of {size / 1e6:.0f}" if size else ""
    return f"fetching CIFAR-10, once: {received / 1e6:.0f}{whole} MB"
