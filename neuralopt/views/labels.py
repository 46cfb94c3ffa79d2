"""Write rules in pictures and tables: folded, and as long as there is room."""

from functools import lru_cache

from neuralopt.language import parse, render


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Return rule text with abbreviations folded.

    Text that this version's language can't read, from an archive of another one, is
    shown as it is.

    Args:
        text: a rule of the language.

    Returns:
        The text for people.
    """
    try:
        return render(parse(text), "text")
    except ValueError:
        return text


def shortened(text: str, width: int) -> str:
    """Return text of at most so many characters.

    Args:
        text: of one line.
        width: 2 or more.

    Returns:
        The text; an ellipsis ends one that was cut.
    """
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
