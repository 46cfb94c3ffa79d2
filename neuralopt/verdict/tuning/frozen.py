"""The list that is frozen before the test split is measured, in a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuralopt.whole_file import write_whole

FROZEN_FILE = "frozen.json"


def freeze(folder: Path, content: Mapping[str, Any]) -> str:
    """Write what is measured on the test split, or compare it with what was written.

    Args:
        folder: of the comparison, which exists.
        content: contenders, settings, tasks, seeds and the like, as plain data.

    Returns:
        "" if the test split may be measured: nothing was frozen before, or the same.
        Otherwise one line that says what differs; the file stays as it is.

    Raises:
        ValueError: the file is broken.
        OSError: the file can't be read or written.
    """
    path = folder / FROZEN_FILE
    new = json.loads(json.dumps(content))
    if not path.exists():
        write_whole(path, json.dumps(new, indent=2) + "\n")
        return ""
    try:
        old = json.loads(path.read_text("utf-8"))
        known = ", ".join(old["contenders"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{path} is not a frozen list of contenders: name another folder"
        ) from None
    if old == new:
        return ""
    if set(old["contenders"]) != set(new["contenders"]):
        what = f"the contenders {known}"
    else:
        differing = [key for key in new if old.get(key) != new[key]]
        what = f"other {' and '.join(differing)}" if differing else "another list"
    return (
        f"{path} was frozen for {what}: the test split is measured once, for that "
        "list; name another folder to measure it for this one"
    )
