"""Make parts of the text of every exported file: names, sentences and functions."""

import inspect
import keyword
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from textwrap import fill, indent
from types import ModuleType
from typing import NamedTuple

from neuralopt.language import ieee754
from neuralopt.language.primitives import PRIMITIVES

HEADER = "# Written by neuralopt.export_rule"
"""How every exported file begins: no other file is ever overwritten."""


class Parts(NamedTuple):
    """The parts of a torch file that differ with the scope of its rule.

    Attributes:
        template: of the whole file.
        source: of the rule, Python code.
        scalars: what of the source is arithmetic of single numbers.
        functions: sources of functions of the package that the file carries.
        gaps: of the template, and texts for them.
        constants: module and name of each that the functions need.
        imports: from `collections.abc`, further lines, and from `typing`.
        taken: names that the file uses itself.
    """

    template: str
    source: str
    scalars: str
    functions: Sequence[str]
    gaps: Mapping[str, str]
    constants: Sequence[tuple[ModuleType, str]] = ()
    imports: tuple[str, str, str] = ("Callable", "", "Any")
    taken: frozenset[str] = frozenset()


def check_name(name: str, kind: str, taken: Collection[str]) -> None:
    """Check the name of an optimizer.

    Args:
        name: of a class or function.
        kind: ``class`` or ``function``, for the message.
        taken: names that the file uses itself.

    Raises:
        ValueError: the name is not an identifier, or is taken.
    """
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is not a {kind} name: use letters, digits and _")
    if name in taken:
        raise ValueError(f"the file needs {name!r} itself: choose another {kind} name")


def paragraph(text: str, columns: int) -> str:
    """Return text broken at its blanks and indented, for a docstring.

    Args:
        text: one paragraph.
        columns: of the indentation.

    Returns:
        Lines of at most 88 columns, except for longer words.
    """
    lines = fill(text, 88 - columns, break_long_words=False, break_on_hyphens=False)
    return indent(lines, " " * columns)


def harmless(text: str) -> str:
    """Return the text as one line of printable characters that can't end a docstring.

    Args:
        text: of any source.

    Returns:
        The line; double quotes and backslashes are replaced.
    """
    line = " ".join(text.split()).replace('"', "'").replace("\\", "/")
    return "".join(character if character.isprintable() else "?" for character in line)


def sources_of(*functions: Callable[..., object]) -> list[str]:
    """Return the sources of functions.

    Args:
        functions: of the package.

    Returns:
        One text each.
    """
    return [inspect.getsource(function) for function in functions]


def scalar_functions(source: str) -> list[str]:
    """Return sources of the functions of `ieee754` that a text calls, or they do.

    Args:
        source: Python code.

    Returns:
        One source a function, in the order of the primitives.
    """
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
