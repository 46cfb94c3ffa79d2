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
"""Of the form that needs no pickle."""
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
"""As published beside the file, at https://www.cs.toronto.edu/~kriz/cifar.html."""

PATIENCE = 30.0
"""Seconds without a byte until the network is given up."""
SILENCE = 5.0
"""Seconds between two lines that say how far it is."""

LOGGER = logging.getLogger("neuralopt")


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/neuralopt, or ~/.cache/neuralopt."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path is invalid there and to be ignored, says the specification.
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return home / "neuralopt"


def copy_of_cifar10(path: str, download: bool) -> Path:
    """The user's path if one is given, else an archive in the cache folder.

    download: whether one may be fetched if there is none yet.
    Raises ValueError if there is none, or if it can't be had.
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
    """Fetch the official archive, unless somebody else did meanwhile.

    It gets its name only when its checksum is right: what has that name is whole.
    Processes that want the same file take turns, so that one of them fetches it.
    Raises ValueError if the network or the disk fails or the checksum is wrong.
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
                # Ours; or, once the target is there, of one who needs it no longer.
                split.unlink(missing_ok=True)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # an answer too, on an open connection
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{URL} can't be fetched to {target.parent} ({reason}): get it by other "
            "means and give task.path=FILE"
        ) from error
    return target


def _locked(path: Path) -> BinaryIO:
    """The file, open and empty, and nobody else's until it is closed."""
    import fcntl  # of POSIX: elsewhere files must be fetched by hand

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
    """Write what the URL gives; raises ValueError if that is another file."""
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
