"""Write rules in pictures and tables: folded, and as long as there is room."""

from functools import lru_cache

from neuralopt.language import parse, render
from neuralopt.shortening import shortened as shortened


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


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    Args:
        number: of things.
        noun: one of them; its plural has an s.

    Example:
        >>> counted(1, "rule"), counted(2, "rule")
        ('1 rule', '2 rules')
    """
    return f"{number} {noun}{'s' * (number != 1)}"
