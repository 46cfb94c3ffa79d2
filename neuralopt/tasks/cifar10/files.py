"""Read CIFAR-10 from a copy in any of its official forms.

Archives are not unpacked to disk, and no pickled code is run.
"""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuralopt.tasks.cifar10.pickle_form import Bytes, pixels_and_labels

SHAPE = (3, 32, 32)
"""Shape of an image: red, green and blue, each row by row."""
PIXELS, CLASSES = 3 * 32 * 32, 10

TRAINING = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"

LARGEST = 2**26
"""Largest size of a batch file, bytes; an official file has about half of it."""

PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
AGAIN = f"get CIFAR-10 again from {PAGE}"


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images and their classes.

    Attributes:
        pixels: uint8 (count, 3, 32, 32).
        classes: uint8 (count,), 0 to 9.
    """

    pixels: Bytes
    classes: Bytes

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True, slots=True, eq=False)
class Cifar10:
    """All images of a copy of CIFAR-10.

    Attributes:
        training: Images of the five training files, in their order.
        test: Images of the test file.
    """

    training: Images
    test: Images

    @property
    def sha256(self) -> str:
        """Hash of pixels and classes, the same for both forms of the same images."""
        digest = hashlib.sha256()
        for images in (self.training, self.test):
            digest.update(f"{len(images)} images".encode())
            digest.update(images.pixels.data)
            digest.update(images.classes.data)
        return digest.hexdigest()


def _binary_rows(content: bytes) -> tuple[Bytes, Bytes]:
    """Pixels (count, 3072) and classes, from rows of one class and 3,072 pixels."""
    row = 1 + PIXELS
    if len(content) % row:
        raise ValueError(
            f"it has {len(content)} bytes, not a multiple of {row}: truncated?"
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, row)
    _check_classes(rows[:, 0].tolist())
    return rows[:, 1:], rows[:, 0]


def _pickled_rows(content: bytes) -> tuple[Bytes, Bytes]:
    pixels, labels = pixels_and_labels(content)
    if pixels.shape[1] != PIXELS:
        raise ValueError(f"its images have {pixels.shape[1]} pixels, not {PIXELS}")
    if len(labels) != len(pixels):
        raise ValueError(f"it has {len(labels)} labels for {len(pixels)} images")
    _check_classes(labels)
    return pixels, np.array(labels, np.uint8)


def _check_classes(labels: Iterable[object]) -> None:
    for number, label in enumerate(labels):
        if not isinstance(label, int) or not 0 <= label < CLASSES:
            raise ValueError(f"label {number} is {label!r:.40}: labels are 0 to 9")


@dataclass(frozen=True, slots=True)
class _Form:
    folder: str
    suffix: str
    rows: Callable[[bytes], tuple[Bytes, Bytes]]

    def place(self, name: str) -> str:
        return f"{self.folder}/{name}{self.suffix}"


FORMS = (
    _Form("cifar-10-batches-bin", ".bin", _binary_rows),
    _Form("cifar-10-batches-py", "", _pickled_rows),
)
NAMES = (*TRAINING, TEST)

Contents = Mapping[str, bytes | Path]
"""Batch files, by their paths in an official archive."""


def read_cifar10(path: Path) -> Cifar10:
    """Read the images of a copy of CIFAR-10.

    Args:
        path: cifar-10-python.tar.gz or cifar-10-binary.tar.gz as published, or a folder
            that holds, or is, cifar-10-batches-py or cifar-10-batches-bin. A batch file
            may hold fewer images than the official 10,000.

    Raises:
        ValueError: A file is missing or has another layout; the message names it.
    """
    try:
        contents = _in_folder(path) if path.is_dir() else _in_archive(path)
        # If both forms are complete, take the binary one, which needs no pickle.
        form = max(FORMS, key=lambda form: _count(form, contents))
        if not _count(form, contents):
            raise ValueError(
                f"{path} holds no CIFAR-10: give cifar-10-python.tar.gz, "
                "cifar-10-binary.tar.gz, or a folder with cifar-10-batches-py or "
                "cifar-10-batches-bin"
            )
        for name in NAMES:
            if form.place(name) not in contents:
                raise ValueError(f"{path} has no {form.place(name)}: {AGAIN}")
        training = [_batch(path, form, name, contents) for name in TRAINING]
        test = [_batch(path, form, TEST, contents)]
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(
            f"{error.filename or path} can't be read ({reason}): give another "
            "copy of CIFAR-10"
        ) from error
    return Cifar10(_joined(training), _joined(test))


def _count(form: _Form, contents: Contents) -> int:
    return sum(form.place(name) in contents for name in NAMES)


def _batch(
    path: Path, form: _Form, name: str, contents: Contents
) -> tuple[Bytes, Bytes]:
    place = form.place(name)
    held = contents[place]
    try:
        if isinstance(held, Path):
            _check_size(held.stat().st_size)
            held = held.read_bytes()
        pixels, classes = form.rows(held)
        if not len(classes):
            raise ValueError("it holds no images")
    except ValueError as error:
        raise ValueError(f"{path}: {place}: {error}: {AGAIN}") from None
    return pixels, classes


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise ValueError(f"it has {size} bytes, more than any batch of CIFAR-10")


def _joined(batches: Iterable[tuple[Bytes, Bytes]]) -> Images:
    pixels, classes = zip(*batches, strict=True)
    return Images(np.concatenate(pixels).reshape(-1, *SHAPE), np.concatenate(classes))


def _in_folder(path: Path) -> Contents:
    return {
        form.place(name): file
        for form in FORMS
        for name in NAMES
        for folder in (path, path / form.folder)
        if (file := folder / f"{name}{form.suffix}").is_file()
    }


def _in_archive(path: Path) -> Contents:
    """Read the members with the official names, in one pass."""
    wanted = {form.place(name) for form in FORMS for name in NAMES}
    found: dict[str, bytes] = {}
    try:
        with gzip.open(path) as whole:
            with tarfile.open(fileobj=whole, mode="r|") as members:
                for member in members:
                    if member.name not in wanted:
                        continue
                    if member.name in found:
                        raise ValueError(f"{member.name} is there twice")
                    found[member.name] = _content(members, member)
            while whole.read(2**20):  # to the end, where gzip checks its checksum
                pass
    except (
        *(tarfile.TarError, gzip.BadGzipFile, zlib.error),
        *(EOFError, ValueError, OverflowError),
    ) as error:
        what = " ".join(str(error).split())
        raise ValueError(f"{path} is not a valid .tar.gz: {what}: {AGAIN}") from None
    return found


def _content(members: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = members.extractfile(member) if member.isreg() else None
    if file is None:
        raise ValueError(f"{member.name} is not a regular file")
    try:
        _check_size(member.size)
    except ValueError as error:
        raise ValueError(f"{member.name}: {error}") from None
    content = file.read()
    if len(content) != member.size:
        raise ValueError(f"{member.name} is cut off")
    return content
