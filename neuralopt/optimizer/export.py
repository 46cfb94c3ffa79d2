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
from neuralopt.optimizer import draws
from neuralopt.optimizer.optimizer import as_expression
from neuralopt.optimizer.program import torch_source

HEADER = "# Written by neuralopt.export_rule"

TAKEN = {
    *dir(builtins),
    *("Optimizer", "STATES", "math", "scalars", "step", "torch"),
    *(name for module in (arithmetic, counter_hash, draws) for name in vars(module)),
}
"""Names that an export uses: its class has another one."""

FILE = '''{header}
"""{class_name}:

{module_text}

{origin}
"""

{imports}


{functions}{source}

STATES = {names}


class {class_name}(Optimizer):
    """w <- w - lr * (rule + weight_decay * w), element by element, where rule is

{indented_text}

{latex}

    lr: learning rate.{lr_advice}
    weight_decay: decoupled. maximize: follow the gradient uphill.
{arguments_text}    State is per parameter, from its first gradient on.
    """

    def __init__(
        self,
        params,
        lr{lr_default},
        weight_decay=0.0,
        maximize=False,
{extra}    ):
        if not float(lr) >= 0:
            raise ValueError(f"Invalid learning rate: {{lr}}")
        if not weight_decay >= 0:
            raise ValueError(f"Invalid weight_decay: {{weight_decay}}")
{checks}        defaults = dict(
            lr=lr,
            weight_decay=weight_decay,
            maximize=maximize,
{extra_defaults}        )
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
{start}        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group{start_argument})
{start_advance}        return loss

    def _update(self, parameter, group{start_argument}):
        w, g = parameter, parameter.grad
        if g.is_sparse:
            raise RuntimeError("{class_name} does not support sparse gradients")
        if torch.is_complex(w):
            w, g = torch.view_as_real(w), torch.view_as_real(g)
        if group["maximize"]:
            g = -g
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            for name in STATES:
                state[name] = torch.zeros_like(w, memory_format=torch.preserve_format)
        t = state["step"]
{total}{draw}        value, states = step(
            g,
            w,
            scalars(float(t), {clock}),
            tuple(state[name] for name in STATES),
            {draw_argument},
        )
        state["step"] = t + 1
        state.update(zip(STATES, states))
        if group["weight_decay"] != 0:
            value = value + group["weight_decay"] * w
        rate = group["lr"]
        if isinstance(rate, torch.Tensor):
            rate = rate.reshape(())
        w.sub_(rate * value)
'''

START_ADVANCE = """\
                start += parameter.numel() * (2 if parameter.is_complex() else 1)
"""

TOTAL = """\
        total = group["total_steps"]
"""

DRAW = """        counters = group["seed"], 0, t

        def random(kind, stream):
            return draw(kind, (*counters, stream), g, start)

"""


def export_rule(
    rule: str | Expression | Rule,
    path: str | os.PathLike[str],
    class_name: str | None = None,
    *,
    lr: float | None = None,
    origin: str = "",
) -> Path:
    """Write a rule as a stand-alone torch optimizer; returns the file's path.

    class_name: of the optimizer, by default made from the rule's name.
    lr: default learning rate; that of a named rule is its own.
    origin: a sentence on where the rule was found, for the file's docstring.
    Raises ValueError for a rule that can't be parsed, a class name that is not one, or
    a path that holds a file which no export wrote; OSError if it can't be written.
    """
    path = Path(path)
    if path.exists() and not path.read_bytes().startswith(HEADER.encode()):
        raise ValueError(f"{path} exists and is not an export: choose another file")
    if isinstance(rule, Rule):
        lr = rule.lr if lr is None else lr
        origin = origin or f"Reference: {rule.reference}."
    if class_name is None:
        class_name = _class_name(rule.name if isinstance(rule, Rule) else "found")
    if lr is not None:
        lr = float(lr)  # a number of numpy or torch would print as a call
        if not 0 <= lr < math.inf:
            raise ValueError(f"Invalid lr: {lr}, it must be finite and >= 0")
    text = export_source(as_expression(rule), class_name, lr, origin)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def export_source(
    expression: Expression, class_name: str, lr: float | None, origin: str
) -> str:
    """The text of the file that `export_rule` writes."""
    _check_class_name(class_name)
    canonical = simplify(expression)
    code = straight_line(canonical)
    source = torch_source(code, functions="")
    text = render(canonical)
    latex = render(canonical, "latex").replace("\\", "\\\\")
    names = ", ".join(f'"state{index}"' for index in range(len(code.states)))
    extra, arguments_text, checks = "", "", ""
    if code.needs_total_steps:
        extra += "        total_steps=None,\n"
        arguments_text += "    total_steps: steps planned for this training.\n"
        checks += (
            "        if total_steps is None or total_steps < 1:\n"
            '            raise ValueError("give total_steps, the number of steps")\n'
        )
    if code.draws:
        extra += "        seed=0,\n"
        arguments_text += "    seed: of the rule's own random bits.\n"
    extra_defaults = "".join(
        f"            {argument}={argument},\n"
        for argument in ("total_steps", "seed")
        if f" {argument}=" in extra
    )
    return FILE.format(
        header=HEADER,
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
        arguments_text=arguments_text,
        checks=checks,
        extra=extra,
        extra_defaults=extra_defaults,
        names=fill(
            f"({names}{',' if len(code.states) == 1 else ''})",
            78,
            subsequent_indent="    ",
        ),
        start="        start = 0\n" if code.draws else "",
        start_argument=", start" if code.draws else "",
        start_advance=START_ADVANCE if code.draws else "",
        total=TOTAL if code.needs_total_steps else "",
        draw=DRAW if code.draws else "",
        draw_argument="random" if code.draws else "None",
        clock="float(total), min(1.0, t / total)"
        if code.needs_total_steps
        else "0.0, 0.0",
    )


def _imports(code: StraightLine, source: str) -> str:
    math = ["import math", ""] if code.draws or _scalar_functions(source) else []
    return "\n".join(
        [*math, "import torch", "from torch.optim.optimizer import Optimizer"]
    )


def _functions(code: StraightLine, source: str) -> str:
    """Sources of the package's functions that the file calls."""
    parts = [inspect.getsource(function) for function in _scalar_functions(source)]
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
