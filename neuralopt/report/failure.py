"""Say in one line why something could not be made."""

LONGEST = 200


def why(error: Exception) -> str:
    """Return an error as one line of at most `LONGEST` characters.

    Args:
        error: of any kind.

    Returns:
        Its kind and its message.
    """
    return " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
