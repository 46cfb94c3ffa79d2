"""Cut text to the room that there is."""


def shortened(text: str, width: int) -> str:
    """Return text of at most so many characters.

    Args:
        text: of one line.
        width: 2 or more.

    Returns:
        The text; an ellipsis ends one that was cut.
    """
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
