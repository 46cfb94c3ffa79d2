"""Griffe extension: examples in docstrings are shown as code, wherever they stand.

Without it an example that is not in a section of its own would be read as Markdown.
"""

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*\n?(?:^(?P=indent)\S.*\n?)*", flags=re.M)
"""Lines from a prompt to the next empty line."""


class Doctests(Extension):
    """Fences doctests, and reads ``Example:`` as Google's ``Examples:``."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        if obj.docstring is None:
            return
        text = re.sub(
            r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.M
        )
        obj.docstring.value = EXAMPLE.sub(_fenced, text)


def _fenced(match: re.Match[str]) -> str:
    indent = match["indent"]
    return f"{indent}```pycon\n{match[0].rstrip()}\n{indent}```\n"
