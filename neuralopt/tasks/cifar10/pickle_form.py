"""Read a batch file of CIFAR-10's Python form without running pickled code.

The few names that such a pickle refers to have stand-ins; nothing is imported.
"""

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


class _Array:
    """An array, as its pickle describes it."""

    __slots__ = ("state",)

    def __init__(self, *arguments: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


class _Type:
    """A number type: its name, such as u1. The other fields do not matter for uint8."""

    __slots__ = ("name",)

    def __init__(self, name: object = None, *arguments: object) -> None:
        self.name = _text(name)

    def __setstate__(self, state: object) -> None:
        pass


class _Encoded:
    """Bytes, which Python 3 writes as text in pickles that Python 2 could read."""

    __slots__ = ()

    def __new__(cls, text: str, encoding: str) -> bytes:  # type: ignore[misc]
        if encoding not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError(f"it holds bytes as {encoding!r:.40}")
        return text.encode("latin1")

    def __setstate__(self, state: object) -> None:
        pass


STAND_INS: Mapping[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,  # numpy 2
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _Encoded,
}
"""The only names that a batch file may use. Each class has a `__setstate__`, so that a
pickle can't set attributes of the class itself."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        found = STAND_INS.get((module, name))
        if found is None:
            asked = f"{module}.{name}"
            raise pickle.UnpicklingError(
                f"it asks for {asked!r:.80}, which no file of CIFAR-10 does"
            )
        return found


def pixels_and_labels(content: bytes) -> tuple[Bytes, list[object]]:
    """Return the pixels and labels of a batch file.

    Args:
        content: A pickled dict with the array `data` and the list `labels`, written by
            Python 2 or with protocols 0 to 4.

    Returns:
        Rows of pixels, uint8 (count, width), and the labels, unchecked.

    Raises:
        ValueError: The content is anything else; the message says what is wrong.
    """
    try:
        # Strings of Python 2 become bytes: the pixels are such a string.
        reader = _Reader(io.BytesIO(content), encoding="bytes")
        batch: object = reader.load()
    except Exception as error:  # noqa: BLE001 - a broken pickle raises what it likes
        what = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"it cannot be read as a batch: {what}") from None
    if not isinstance(batch, dict):
        raise ValueError(f"it holds a {type(batch).__name__}, not a dict")
    held = {_text(key): value for key, value in batch.items()}
    data, labels = held.get("data"), held.get("labels")
    if not isinstance(data, _Array):
        raise ValueError("its `data` is not an array")
    if not isinstance(labels, list):
        raise ValueError("its `labels` is not a list")
    return _pixels(data.state), labels


def _pixels(state: object) -> Bytes:
    match state:
        case (*_, (int(count), int(width)), _Type(name="u1"), order, bytes(content)):
            if count < 0 or width < 0 or len(content) != count * width:
                raise ValueError(
                    f"its `data` hold {len(content)} bytes, not {count} x {width}"
                )
            flat = np.frombuffer(content, np.uint8)
            return flat.reshape(count, width, order="F" if order else "C")
    raise ValueError("its `data` is not a two-dimensional array of bytes")


def _text(value: object) -> str:
    """A string of Python 2 or 3 as text; "" for any other object."""
    if isinstance(value, bytes):
        return value.decode("latin1")
    return value if isinstance(value, str) else ""
