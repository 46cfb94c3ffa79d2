"""Write a rule as a stand-alone file, and its test.

An existing file is overwritten only if an earlier export wrote it.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuralopt.export import golden, optax_template
from neuralopt.export.file_text import HEADER
from neuralopt.export.optax_file import optax_file
from neuralopt.export.torch_file import torch_file
from neuralopt.language import (
    Expression,
    Rule,
    as_expression,
    render,
    resolve_rule,
    simplify,
)
from neuralopt.language.primitives import WHOLE
from neuralopt.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Target:
    """A framework that files are written for.

    Attributes:
        text: a function of expression, name, lr and origin; it returns the text of a
            file with an optimizer of this name.
        name: a function from the name of a rule to that of its optimizer.
        test: template of the file's test, for `golden_source`.
        tensor_scope: whether it takes rules of tensor scope.
    """

    text: Callable[[Expression, str, float | None, str], str]
    name: Callable[[str], str]
    test: str
    tensor_scope: bool = False


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


TARGETS: Mapping[str, Target] = {
    "torch": Target(torch_file, _class_name, golden.FILE, tensor_scope=True),
    "optax": Target(optax_file, str, optax_template.TEST),
}


def export_rule(
    rule: str | Expression | Rule,
    path: str | os.PathLike[str],
    class_name: str | None = None,
    *,
    lr: float | None = None,
    origin: str = "",
    tests: bool = True,
    target: str = "torch",
) -> Path:
    """Write a rule as a stand-alone optimizer for torch or optax.

    Args:
        rule: a name of RULES, text, Expression or Rule.
        path: of the file.
        class_name: of the optimizer, by default made from the rule's name; for optax,
            the name of a function.
        lr: default learning rate; by default that of a rule with a name.
        origin: a sentence on where the rule was found, for the file's docstring.
        tests: whether to write ``test_NAME.py`` next to it, with golden trajectories.
        target: ``torch``, a torch optimizer in a file that needs only torch; or
            ``optax``, a gradient transformation in a file that needs only jax and
            optax.

    Returns:
        The path of the file.

    Raises:
        ValueError: the rule can't be parsed, a name or target is invalid, the rule has
            tensor scope and the target takes none, or the path holds a file that is not
            an export.
        OSError: the file can't be written.
    """
    if target not in TARGETS:
        raise ValueError(f"Invalid target: {target!r}, known are {', '.join(TARGETS)}")
    kind = TARGETS[target]
    path = Path(path)
    if not path.name or path.is_dir():
        raise IsADirectoryError(f"{path} is a directory: name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}, make it")
    beside = path.with_name(f"test_{path.stem}.py")
    for file in (path, beside) if tests else (path,):
        if file.exists() and not file.read_bytes().startswith(HEADER.encode()):
            raise ValueError(f"{file} exists and is not an export: choose another file")
    rule = resolve_rule(rule)
    if isinstance(rule, Rule):
        lr = rule.lr if lr is None else lr
        origin = origin or f"Reference: {rule.reference}."
    if class_name is None:
        class_name = kind.name(rule.name if isinstance(rule, Rule) else "found")
    if lr is not None:
        lr = float(lr)  # a number of numpy or torch would print as a call
        if not 0 <= lr < math.inf:
            raise ValueError(f"Invalid lr: {lr}, it must be finite and >= 0")
    expression = as_expression(rule)
    _check_scope(expression, target)
    write_whole(path, kind.text(expression, class_name, lr, origin))
    if tests:
        test = golden.golden_source(expression, class_name, path.name, kind.test)
        write_whole(beside, test)
    return path


def _check_scope(expression: Expression, target: str) -> None:
    """Raise ValueError for a rule of tensor scope that the target does not take."""
    canonical = simplify(expression)
    if canonical.contains(*WHOLE) and not TARGETS[target].tensor_scope:
        named = sorted({each.primitive for each in canonical.walk()} & WHOLE)
        raise ValueError(
            f"{render(canonical)} can't be exported for {target}, which has no "
            f"operation of tensor scope ({', '.join(named)}): export it for torch"
        )
