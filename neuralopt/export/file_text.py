"""What the texts of all exported files have in common.

Knows which names and sentences a file can hold without harm, and the functions of
scalars that it must carry; refuses to know what framework the file is for.
"""

import inspect
import keyword
import re
from collections.abc import Collection
from textwrap import fill, indent

from neuralopt.language import ieee754
from neuralopt.language.primitives import PRIMITIVES

HEADER = "# Written by neuralopt.export_rule"
"""How every exported file begins: no other file is ever overwritten."""


def check_name(name: str, kind: str, taken: Collection[str]) -> None:
    """Raise ValueError unless a file that binds the names `taken` can bind this one.

    kind: what it is a name of, for the message.
    """
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is no {kind} name: use letters, digits and _")
    if name in taken:
        raise ValueError(f"the file needs {name!r} itself: choose another {kind} name")


def paragraph(text: str, columns: int) -> str:
    """Text broken at its blanks and indented, for a docstring."""
    lines = fill(text, 88 - columns, break_long_words=False, break_on_hyphens=False)
    return indent(lines, " " * columns)


def harmless(text: str) -> str:
    """One line that can't end a docstring, nor be anything else than what is seen."""
    line = " ".join(text.split()).replace('"', "'").replace("\\", "/")
    return "".join(character if character.isprintable() else "?" for character in line)


def scalar_functions(source: str) -> list[str]:
    """Sources of the functions of `ieee754` that a text calls, or they do."""
    known = {
        primitive.scalar.__name__: primitive.scalar
        for primitive in PRIMITIVES.values()
        if primitive.scalar is not None
        and primitive.scalar.__module__ == ieee754.__name__
    }
    needed: dict[str, str] = {}
    pending = [source]
    while pending:
        text = pending.pop()
        for name, function in known.items():
            if name not in needed and re.search(rf"(?<![\w.]){name}\(", text):
                needed[name] = inspect.getsource(function)
                pending.append(needed[name])
    return [needed[name] for name in known if name in needed]
