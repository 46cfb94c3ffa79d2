"""Describe functions and objects by text that is the same in every process."""

import functools
import hashlib
import inspect
import logging
from collections.abc import Mapping
from enum import Enum
from types import ModuleType

import numpy as np
import torch

PLAIN = (bool, int, float, complex, str, bytes, type(None))
NAMED = (torch.dtype, torch.device, torch.layout, torch.memory_format)


def describe(value: object, within: tuple[int, ...] = ()) -> str:
    """Describe a value by text that changes when it does, without addresses.

    A function or a class is described by its source, or by its name where there is
    none; an object by its class and its attributes. Functions that a function calls,
    and variables from outside of it, are not included.

    Args:
        value: anything.
        within: identities of the objects that are being described, which may refer to
            each other.

    Returns:
        The text.
    """
    if isinstance(value, (*PLAIN, *NAMED)):
        return repr(value)
    if isinstance(value, (ModuleType, logging.Logger)):
        name = value.__name__ if isinstance(value, ModuleType) else value.name
        return f"{type(value).__name__} {name}"
    if isinstance(value, Enum):
        return f"{_name(type(value))}.{value.name}"
    if isinstance(value, torch.Tensor) and value.layout == torch.strided:
        octets = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest = hashlib.sha256(octets.numpy().tobytes()).hexdigest()
        return f"{value.dtype} {tuple(value.shape)} {digest}"
    if id(value) in within:
        return f"the same {_name(type(value))}"
    within = (*within, id(value))
    if isinstance(value, (np.ndarray, np.generic)):
        return f"{value.dtype} {value.shape} {describe(value.tolist(), within)}"
    if isinstance(value, Mapping):
        pairs = (map(describe, pair, (within, within)) for pair in value.items())
        return f"{_name(type(value))} {sorted(': '.join(pair) for pair in pairs)}"
    if isinstance(value, (list, tuple, set, frozenset)):
        texts = [describe(each, within) for each in value]
        if isinstance(value, (set, frozenset)):
            texts.sort()
        return f"{_name(type(value))} {texts}"
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, value.keywords)
        return f"partial {[describe(each, within) for each in parts]}"
    if hasattr(value, "__qualname__"):
        return _source(value)
    kind = _source(type(value)) if callable(value) else _name(type(value))
    return f"{kind} {describe(_attributes(value), within)}"


def _source(value: object) -> str:
    """The source of a function or a class, or its name."""
    try:
        return inspect.getsource(value)  # type: ignore[arg-type]  # TypeError is caught
    except (OSError, TypeError):
        return _name(value)


def _name(value: object) -> str:
    module = getattr(value, "__module__", None)
    return f"{module}.{getattr(value, '__qualname__', '')}"


def _attributes(value: object) -> dict[str, object]:
    """Attributes of an object itself, of its dictionary and its slots."""
    found = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return found
