"""A rule as a file that stands alone.

Knows which files are ours to write; refuses to know what is in them, and the search
that found the rule.
"""

import math
import os
from pathlib import Path

from neuralopt.language import Expression, Rule
from neuralopt.optimizer.file_text import HEADER
from neuralopt.optimizer.golden import golden_source
from neuralopt.optimizer.optimizer import as_expression
from neuralopt.optimizer.torch_file import torch_file


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def export_rule(
    rule: str | Expression | Rule,
    path: str | os.PathLike[str],
    class_name: str | None = None,
    *,
    lr: float | None = None,
    origin: str = "",
    tests: bool = True,
) -> Path:
    """Write a rule as a stand-alone torch optimizer; returns the file's path.

    class_name: of the optimizer, by default made from the rule's name.
    lr: default learning rate; that of a named rule is its own.
    origin: a sentence on where the rule was found, for the file's docstring.
    tests: whether to write ``test_NAME.py`` beside it, with golden trajectories.
    Raises ValueError for a rule that can't be parsed, a class name that is not one, or
    a path that holds a file which no export wrote; OSError if it can't be written.
    """
    path = Path(path)
    beside = path.with_name(f"test_{path.stem}.py")
    for file in (path, beside) if tests else (path,):
        if file.exists() and not file.read_bytes().startswith(HEADER.encode()):
            raise ValueError(f"{file} exists and is not an export: choose another file")
    if isinstance(rule, Rule):
        lr = rule.lr if lr is None else lr
        origin = origin or f"Reference: {rule.reference}."
    if class_name is None:
        class_name = _class_name(rule.name if isinstance(rule, Rule) else "found")
    if lr is not None:
        lr = float(lr)  # a number of numpy or torch would print as a call
        if not 0 <= lr < math.inf:
            raise ValueError(f"Invalid lr: {lr}, it must be finite and >= 0")
    expression = as_expression(rule)
    _write(path, torch_file(expression, class_name, lr, origin))
    if tests:
        _write(beside, golden_source(expression, class_name, path.name))
    return path


def _write(path: Path, text: str) -> None:
    """All of it or nothing, whatever happens meanwhile."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
