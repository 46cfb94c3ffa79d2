"""A rule as a file that needs only torch.

Knows how a program becomes a readable class; refuses to know the search that found it.
The functions that the file carries (scalars by IEEE 754, random bits) are the sources
of the package's own, so an export and a RuleOptimizer take the very same steps.
"""

import inspect
import keyword
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

FILE = '''{header}: {text}
"""{class_name}: {wrapped_text}

Needs torch and nothing else. {origin}
"""

{imports}


{functions}{source}

class {class_name}(Optimizer):
    """w <- w - lr * (rule + weight_decay * w), element by element, where rule is

{indented_text}

    {latex}

    lr: learning rate.{lr_advice}
    weight_decay: decoupled. maximize: follow the gradient uphill.
{arguments_text}    State is per parameter, starts with its first gradient and is in state_dict.
    """

    def __init__(self, params, lr{lr_default}, weight_decay=0.0, maximize=False{extra}):
        if not float(lr) >= 0:
            raise ValueError(f"Invalid learning rate: {{lr}}")
        if not weight_decay >= 0:
            raise ValueError(f"Invalid weight_decay: {{weight_decay}}")
{checks}        defaults = dict(
            lr=lr, weight_decay=weight_decay, maximize=maximize{extra_defaults}
        )
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
            for name in {names}:
                state[name] = torch.zeros_like(w, memory_format=torch.preserve_format)
        t = state["step"]
{draw}        value, states = step(
            g,
            w,
            scalars(t, {clock}),
            tuple(state[name] for name in {names}),
            {draw_argument},
        )
        state["step"] = t + 1
        state.update(zip({names}, states))
        if group["weight_decay"] != 0:
            value = value + group["weight_decay"] * w
        w.sub_(group["lr"] * value)
'''

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
    if path.exists() and not path.read_text(errors="replace").startswith(HEADER):
        raise ValueError(f"{path} exists and is not an export: choose another file")
    if isinstance(rule, Rule):
        lr = rule.lr if lr is None else lr
        origin = origin or f"Reference: {rule.reference}."
    name = class_name or _class_name(rule.name if isinstance(rule, Rule) else "found")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is no class name: use letters, digits and _")
    text = export_source(as_expression(rule), name, lr, origin)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)
    return path


def export_source(
    expression: Expression, class_name: str, lr: float | None, origin: str
) -> str:
    """The text of the file that `export_rule` writes."""
    canonical = simplify(expression)
    code = straight_line(canonical)
    source = torch_source(code, functions="")
    text = render(canonical)
    names = tuple(f"state{index}" for index in range(len(code.states)))
    extra, arguments_text, checks = "", "", ""
    if code.needs_total_steps:
        extra += ", total_steps=None"
        arguments_text += "    total_steps: steps planned for this training.\n"
        checks += (
            "        if total_steps is None or total_steps < 1:\n"
            '            raise ValueError("give total_steps, the number of steps")\n'
        )
    if code.draws:
        extra += ", seed=0"
        arguments_text += "    seed: of the rule's own random bits.\n"
    extra_defaults = "".join(
        f", {argument}={argument}"
        for argument in ("total_steps", "seed")
        if f" {argument}=" in extra
    )
    return FILE.format(
        header=HEADER,
        text=text,
        class_name=class_name,
        wrapped_text=fill(text, 80, subsequent_indent="    "),
        indented_text=indent(fill(text, 80, break_long_words=False), " " * 8),
        latex=rf"In LaTeX: {render(canonical, 'latex')}".replace("\\", "\\\\"),
        origin=" ".join(origin.split()).replace('"', "'").replace("\\", "/"),
        imports=_imports(code, source),
        functions=_functions(code, source),
        source=source,
        lr_default="" if lr is None else f"={lr!r}",
        lr_advice=" Try powers of ten around the default." if lr is not None else "",
        arguments_text=arguments_text,
        checks=checks,
        extra=extra,
        extra_defaults=extra_defaults,
        names=names,
        start="        start = 0\n" if code.draws else "",
        start_argument=", start" if code.draws else "",
        start_advance="                start += parameter.numel()\n"
        if code.draws
        else "",
        draw=DRAW if code.draws else "",
        draw_argument="random" if code.draws else "None",
        clock='group["total_steps"], min(1.0, t / group["total_steps"])'
        if code.needs_total_steps
        else "0, 0.0",
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
        names = ("MASK32", "MASK64", "GOLDEN32", "MURMUR")
        constants = [f"{name} = {getattr(counter_hash, name)!r}" for name in names]
        parts.append("\n".join(constants) + "\n")
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


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
