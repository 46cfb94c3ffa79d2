"""Write a file as a whole, or leave what was there."""

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write all of a file or nothing, also if the process is killed.

    Args:
        path: of the file, in a folder that exists.
        content: text is written as UTF-8.

    Raises:
        OSError: the file can't be written. What was there is unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError as error:
        error.filename = str(path)  # which the reader knows
        raise
    finally:
        unfinished.unlink(missing_ok=True)
