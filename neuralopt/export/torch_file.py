"""Make the text of a file that needs only torch.

The functions that the file carries (scalars by IEEE 754, random bits) are the sources
of the package's own, so an export and a RuleOptimizer take the very same steps.
"""

import builtins
import inspect
from textwrap import fill

from neuralopt import counter_hash
from neuralopt.export import torch_template
from neuralopt.export.file_text import (
    HEADER,
    check_name,
    harmless,
    paragraph,
    scalar_functions,
)
from neuralopt.language import Expression, ieee754, render
from neuralopt.language.simplify import simplify
from neuralopt.machine import StraightLine, straight_line
from neuralopt.machine.emit import has_clock
from neuralopt.optimizer import draws
from neuralopt.optimizer.program import device_source, torch_source

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
    *(name for module in (ieee754, counter_hash, draws) for name in vars(module)),
}
"""Names that an export uses: its class has another one."""


def torch_file(
    expression: Expression, class_name: str, lr: float | None, origin: str
) -> str:
    """Return the text of a file that holds the rule as a torch optimizer of this name.

    Args:
        expression: the rule.
        class_name: of the optimizer.
        lr: default learning rate, if there is one.
        origin: a sentence on where the rule was found.

    Returns:
        The text, Python code.

    Raises:
        ValueError: the name is not an identifier, or the file uses it itself.
    """
    check_name(class_name, "class", TAKEN)
    canonical = simplify(expression)
    code = straight_line(canonical)
    source = torch_source(code, functions="", number="number({}, g)")
    clock = torch_template.STILL
    if has_clock(code):
        source = f"{device_source(code)}\n\n{source}"
        clock = (
            torch_template.PLANNED if code.needs_total_steps else torch_template.TICKING
        )
    text = render(canonical)
    latex = render(canonical, "latex").replace("\\", "\\\\")
    names = ", ".join(f'"state{index}"' for index in range(len(code.states)))
    planned, drawn = code.needs_total_steps, bool(code.draws)
    return torch_template.FILE.format(
        header=HEADER,
        class_name=class_name,
        module_text=paragraph(text, 4),
        indented_text=paragraph(text, 8),
        latex=paragraph(f"In LaTeX: {latex}", 4),
        origin=paragraph(f"Needs only torch. {harmless(origin)}", 0),
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
        checks=_if(planned, torch_template.CHECK_TOTAL_STEPS)
        + _if(drawn, torch_template.CHECK_CAPTURABLE),
        extra_defaults=_if(planned, "            total_steps=total_steps,\n")
        + _if(drawn, "            seed=seed,\n"),
        names=fill(
            f"({names}{',' if len(code.states) == 1 else ''})",
            78,
            subsequent_indent="    ",
        ),
        start=_if(drawn, torch_template.START),
        entry="(parameter, start)" if drawn else "parameter",
        start_advance=_if(drawn, torch_template.START_ADVANCE),
        unzip=_if(drawn, torch_template.UNZIP),
        total=_if(planned, torch_template.TOTAL),
        draw=_if(drawn, torch_template.DRAW),
        draw_argument="random" if drawn else "None",
        clock=clock,
    )


def _if(condition: bool, text: str) -> str:
    return text if condition else ""


def _imports(code: StraightLine, source: str) -> str:
    math = (
        ["import math", ""] if code.draws or scalar_functions(_scalars(source)) else []
    )
    return "\n".join(
        [*math, "import torch", "from torch.optim.optimizer import Optimizer"]
    )


def _functions(code: StraightLine, source: str) -> str:
    """Sources of the package's functions that the file calls."""
    parts = scalar_functions(_scalars(source))
    if "number(" in source:
        parts.append(torch_template.NUMBER)
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


def _scalars(source: str) -> str:
    """What of a source is arithmetic of single numbers."""
    return source.partition("def step")[0]
