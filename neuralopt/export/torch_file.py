"""Make the text of a file that needs only torch.

The functions that the file carries (scalars by IEEE 754, random bits) are the sources
of the package's own, so an export and a RuleOptimizer take the very same steps.
"""

import builtins
import inspect
from textwrap import fill, indent

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
from neuralopt.machine import straight_line
from neuralopt.machine.emit import has_clock
from neuralopt.optimizer import draws, sharding, updating
from neuralopt.optimizer.program import device_source, torch_source

IMPORTS = """\
import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import Optimizer"""

TAKEN = {
    *dir(builtins),
    *("COMPILED", "ELEMENTWISE", "LARGE", "Optimizer", "STATES", "STREAMS"),
    *("apart", "can_compile", "in_line", "number", "on_device", "real", "run_compiled"),
    *("scalars", "side_by_side", "step", "torch", "traced", "warnings"),
    *(
        name
        for module in (ieee754, counter_hash, draws, sharding, updating)
        for name in vars(module)
    ),
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
    clock = host_clock = torch_template.STILL
    if has_clock(code):
        source = f"{device_source(code)}\n\n{source}"
        clock, host_clock = torch_template.TRACED_TICKING, torch_template.TICKING
        if code.needs_total_steps:
            clock, host_clock = torch_template.TRACED_PLANNED, torch_template.PLANNED
    text = render(canonical)
    latex = render(canonical, "latex").replace("\\", "\\\\")
    names = ", ".join(f'"state{index}"' for index in range(len(code.states)))
    planned = code.needs_total_steps
    total = _if(planned, torch_template.TOTAL)
    return torch_template.FILE.format(
        header=HEADER,
        class_name=class_name,
        module_text=paragraph(text, 4),
        indented_text=paragraph(text, 8),
        latex=paragraph(f"In LaTeX: {latex}", 4),
        origin=paragraph(f"Needs only torch. {harmless(origin)}", 0),
        imports=IMPORTS,
        functions=_functions(source),
        source=source,
        lr_default="" if lr is None else f"={lr!r}",
        lr_advice=" Try powers of ten around the default." if lr is not None else "",
        arguments_text=_if(
            planned, "    total_steps: steps planned for this training.\n"
        ),
        extra=_if(planned, "        total_steps=None,\n"),
        checks=_if(planned, torch_template.CHECK_TOTAL_STEPS),
        extra_defaults=_if(planned, "            total_steps=total_steps,\n"),
        names=fill(
            f"({names}{',' if len(code.states) == 1 else ''})",
            78,
            subsequent_indent="    ",
        ),
        streams=tuple(instruction.index for instruction in code.draws),
        elementwise=not code.has_tensor_scope,
        total=total,
        total_of_compiled=indent(total, "    "),
        clock=clock,
        host_clock=host_clock,
    )


def _if(condition: bool, text: str) -> str:
    return text if condition else ""


def _functions(source: str) -> str:
    """Sources of what the file takes from the package."""
    functions = (
        counter_hash.counter_key,
        *(draws.signed, draws.unsigned_shift, draws.tensor_key, draws.stirred),
        *(draws.counter_bits, draws.uniform, draws.normal, draws.keys_of),
        *(draws.drawn, draws.draw, sharding.is_sharded, sharding.local),
        *(sharding.first_element, sharding.mean_over, sharding.check_whole),
        *(updating.check_group, updating.decay_of, updating.working_type),
        *(updating.cautious, updating.to_bfloat16, updating.move, updating.advance),
        updating.restore_types,
    )
    constants = (
        *((counter_hash, name) for name in ("MASK32", "MASK64", "GOLDEN32", "MURMUR")),
        (draws, "BLOCK"),
        *((updating, name) for name in ("ROUNDING_STREAM", "ROUNDINGS")),
    )
    parts = scalar_functions(_scalars(source))
    if "number(" in source:
        parts.append(torch_template.NUMBER)
    lines = [f"{name} = {getattr(module, name)!r}" for module, name in constants]
    options = [f"    {key!r}: {value!r}," for key, value in updating.OPTIONS.items()]
    lines += ["OPTIONS = {", *options, "}"]
    lines += ["Word = int | torch.Tensor", "Key = tuple[Word, Word]"]
    known = "\n".join([*lines, ""]).replace("'", '"')
    sources = [inspect.getsource(function) for function in functions]
    parts = [known, *sources, *parts]
    return "".join(f"{part}\n\n" for part in parts)


def _scalars(source: str) -> str:
    """What of a source is arithmetic of single numbers."""
    return source.partition("def step")[0]
