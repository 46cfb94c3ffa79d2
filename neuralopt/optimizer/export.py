"""A rule as a file that needs only torch.

Knows how a program becomes a readable class; refuses to know the search that found it.
The functions that the file carries (scalars by IEEE 754, random bits) are the sources
of the package's own, so an export and a RuleOptimizer take the very same steps.
"""

import builtins
import inspect
import keyword
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import fill, indent

from neuralopt import counter_hash
from neuralopt.language import Expression, Rule, arithmetic, render
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.language.simplify import simplify
from neuralopt.machine import StraightLine, straight_line
from neuralopt.optimizer import draws, template
from neuralopt.optimizer.golden import golden_source
from neuralopt.optimizer.optimizer import as_expression
from neuralopt.optimizer.program import device_source, has_clock, torch_source

TAKEN = {
    *dir(builtins),
    *(
        "LARGE",
        "Optimizer",
        "STATES",
        "apart",
        "math",
        "number",
        "on_device",
        "scalars",
    ),
    *("real", "side_by_side", "step", "torch"),
    *(name for module in (arithmetic, counter_hash, draws) for name in vars(module)),
}
"""Names that an export uses: its class has another one."""


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
        if file.exists() and not file.read_bytes().startswith(template.HEADER.encode()):
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
    _write(path, export_source(expression, class_name, lr, origin))
    if tests:
        header = template.HEADER
        _write(beside, golden_source(expression, class_name, path.name, header))
    return path


def _write(path: Path, text: str) -> None:
    """All of it or nothing, whatever happens meanwhile."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def export_source(
    expression: Expression, class_name: str, lr: float | None, origin: str
) -> str:
    """The text of the file that `export_rule` writes."""
    _check_class_name(class_name)
    canonical = simplify(expression)
    code = straight_line(canonical)
    source = torch_source(code, functions="", number="number({}, g)")
    clock = template.STILL
    if has_clock(code):
        source = f"{device_source(code)}\n\n{source}"
        clock = template.PLANNED if code.needs_total_steps else template.TICKING
    text = render(canonical)
    latex = render(canonical, "latex").replace("\\", "\\\\")
    names = ", ".join(f'"state{index}"' for index in range(len(code.states)))
    planned, drawn = code.needs_total_steps, bool(code.draws)
    return template.FILE.format(
        header=template.HEADER,
        class_name=class_name,
        module_text=_paragraph(text, 4),
        indented_text=_paragraph(text, 8),
        latex=_paragraph(f"In LaTeX: {latex}", 4),
        origin=_paragraph(f"Needs torch and nothing else. {_harmless(origin)}", 0),
        imports=_imports(code, source),
        functions=_functions(code, source),
        source=source,
        lr_default="" if lr is None else f"={lr!r}",
        lr_advice=" Try powers of ten around the default." if lr is not None else "",
        arguments_text=_if(
            planned, "    total_steps: steps planned for this training.\n"
        )
        + _if(drawn, "    seed: of the rule's own random bits.\n"),
        extra=_if(planned, "        total_steps=None,\n")
        + _if(drawn, "        seed=0,\n"),
        checks=_if(planned, template.CHECK_TOTAL_STEPS)
        + _if(drawn, template.CHECK_CAPTURABLE),
        extra_defaults=_if(planned, "            total_steps=total_steps,\n")
        + _if(drawn, "            seed=seed,\n"),
        names=fill(
            f"({names}{',' if len(code.states) == 1 else ''})",
            78,
            subsequent_indent="    ",
        ),
        start=_if(drawn, template.START),
        entry="(parameter, start)" if drawn else "parameter",
        start_advance=_if(drawn, template.START_ADVANCE),
        unzip=_if(drawn, template.UNZIP),
        total=_if(planned, template.TOTAL),
        draw=_if(drawn, template.DRAW),
        draw_argument="random" if drawn else "None",
        clock=clock,
    )


def _if(condition: bool, text: str) -> str:
    return text if condition else ""


def _imports(code: StraightLine, source: str) -> str:
    math = ["import math", ""] if code.draws or _scalar_functions(source) else []
    return "\n".join(
        [*math, "import torch", "from torch.optim.optimizer import Optimizer"]
    )


def _functions(code: StraightLine, source: str) -> str:
    """Sources of the package's functions that the file calls."""
    parts = [inspect.getsource(function) for function in _scalar_functions(source)]
    if "number(" in source:
        parts.append(template.NUMBER)
    if code.draws:
        parts += [
            inspect.getsource(function)
            for function in (
                counter_hash.counter_key,
                draws.counter_bits,
                draws.uniform,
                draws.normal,
                draws.draw,
            )
        ]
        names = ("MASK32", "MASK64", "GOLDEN32", "MURMUR")
        constants = [f"{name} = {getattr(counter_hash, name)!r}" for name in names]
        parts.append("\n".join(constants) + "\n")
    return "".join(f"{part}\n\n" for part in parts)


def _scalar_functions(source: str) -> list[Callable[..., float]]:
    """Functions of `arithmetic` that a source calls, and those that they call."""
    scalars = source.partition("def step")[0]
    known = {
        primitive.scalar.__name__: primitive.scalar
        for primitive in PRIMITIVES.values()
        if primitive.scalar is not None
        and primitive.scalar.__module__ == arithmetic.__name__
    }
    needed: dict[str, Callable[..., float]] = {}
    pending = [scalars]
    while pending:
        text = pending.pop()
        for name, function in known.items():
            if name not in needed and re.search(rf"(?<![\w.]){name}\(", text):
                needed[name] = function
                pending.append(inspect.getsource(function))
    return [needed[name] for name in known if name in needed]


def _paragraph(text: str, columns: int) -> str:
    """Text broken at its blanks and indented, for a docstring."""
    lines = fill(text, 88 - columns, break_long_words=False, break_on_hyphens=False)
    return indent(lines, " " * columns)


def _harmless(text: str) -> str:
    """One line that can't end a docstring, nor be anything else than what is seen."""
    line = " ".join(text.split()).replace('"', "'").replace("\\", "/")
    return "".join(character if character.isprintable() else "?" for character in line)


def _check_class_name(name: str) -> None:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is no class name: use letters, digits and _")
    if name in TAKEN:
        raise ValueError(f"the file needs {name!r} itself: choose another class name")


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
