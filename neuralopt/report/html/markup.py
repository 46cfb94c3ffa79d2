"""Build HTML out of text that is always escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

_VOID = {"br", "img", "input"}


class Markup(str):
    """HTML that is put into a page as it is. Other text is escaped."""

    __slots__ = ()


Content = str | Sequence[str]
"""Text, markup, or a list of both."""


def element(name: str, *content: Content, **attributes: str | int | None) -> Markup:
    """Return one element; text within it and values of attributes are escaped.

    Args:
        name: of the element.
        content: text is escaped, `Markup` is not.
        attributes: by name, with ``_`` for ``-`` and one at the end left out, as in
            ``class_``; those of value None are left out.

    Returns:
        The HTML.

    Example:
        >>> element("p", "a < b", element("b", "c"), class_='"x"')
        '<p class="&quot;x&quot;">a &lt; b<b>c</b></p>'
    """
    texts = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    start = f"<{name}{''.join(texts)}>"
    return Markup(start if name in _VOID else f"{start}{joined(*content)}</{name}>")


def joined(*content: Content) -> Markup:
    """Return pieces one after the other.

    Args:
        content: text is escaped, `Markup` is not.

    Returns:
        The HTML.
    """
    pieces: list[str] = []
    for each in content:
        if isinstance(each, Markup):
            pieces.append(each)
        elif isinstance(each, str):
            pieces.append(escape(each))
        else:
            pieces.append(joined(*each))
    return Markup("".join(pieces))


def data_block(identity: str, value: str) -> Markup:
    """Return JSON for the page's script, as an element that never runs.

    Args:
        identity: id of the element.
        value: JSON text. It is valid JSON still, without any ``<``, so nothing in it
            can end the element.

    Returns:
        The HTML.
    """
    json.loads(value)  # anything else would be a mistake of the caller
    safe = value.replace("<", "\\u003c")
    kind = "application/json"
    return Markup(f'<script type="{kind}" id="{escape(identity)}">{safe}</script>')
