"""Make the text of a file that needs only torch.

The functions that the file carries (scalars by IEEE 754, random bits) are the sources
of the package's own, so an export and a RuleOptimizer take the very same steps.
"""

import builtins

from neuralopt import counter_hash
from neuralopt.export import torch_template
from neuralopt.export.element_file import element_parts
from neuralopt.export.file_text import (
    HEADER,
    Parts,
    check_name,
    harmless,
    paragraph,
    scalar_functions,
    sources_of,
)
from neuralopt.export.tensor_file import tensor_parts
from neuralopt.language import Expression, ieee754, render
from neuralopt.language.simplify import simplify
from neuralopt.machine import straight_line
from neuralopt.optimizer import draws, programs_of, sharding, updating

IMPORTS = """\
import math
import warnings
from collections.abc import {}
{}from typing import {}

import torch
from torch.optim.optimizer import Optimizer"""

TAKEN = {
    *dir(builtins),
    *("BLOCK_KINDS", "COMPILED", "FILTERS", "FunctionType", "LARGE", "Optimizer"),
    *("PLAIN", "STATES", "STREAMS", "TOGETHER", "apart", "can_compile"),
    *("compile_block", "compiles", "in_line", "in_lines", "number", "on_device"),
    *("one_by_one", "real", "run_block", "run_compiled", "scalars"),
    *("side_by_side", "step", "torch"),
    *("traced", "traced_block", "warnings"),
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
    canonical = simplify(expression)
    code = straight_line(canonical)
    parts = tensor_parts(code) if code.has_tensor_scope else element_parts(code)
    check_name(class_name, "class", TAKEN | parts.taken)
    text = render(canonical)
    latex = render(canonical, "latex").replace("\\", "\\\\")
    programs = programs_of(canonical).values()
    planned = any(program.needs_total_steps for program in programs)
    gaps = {
        "header": HEADER,
        "class_name": class_name,
        "module_text": paragraph(text, 4),
        "indented_text": paragraph(text, 8),
        "latex": paragraph(f"In LaTeX: {latex}", 4),
        "origin": paragraph(f"Needs only torch. {harmless(origin)}", 0),
        "imports": IMPORTS.format(*parts.imports),
        "functions": _functions(parts),
        "source": parts.source,
        "lr_default": "" if lr is None else f"={lr!r}",
        "lr_advice": "" if lr is None else " Try powers of ten around the default.",
        "arguments_text": _if(
            planned, "    total_steps: steps planned for this training.\n"
        ),
        "extra": _if(planned, "        total_steps=None,\n"),
        "checks": _if(planned, torch_template.CHECK_TOTAL_STEPS),
        "extra_defaults": _if(planned, "            total_steps=total_steps,\n"),
    }
    return parts.template.format(**gaps, **parts.gaps)


def _if(condition: bool, text: str) -> str:
    return text if condition else ""


def _functions(parts: Parts) -> str:
    """Sources of what the file takes from the package."""
    sources = [
        *sources_of(counter_hash.counter_key, draws.signed, draws.unsigned_shift),
        *sources_of(draws.tensor_key, draws.stirred, draws.counter_bits),
        *sources_of(draws.uniform, draws.normal, draws.keys_of, draws.drawn),
        *sources_of(draws.draw, sharding.is_sharded),
        *parts.functions,
        *sources_of(sharding.check_whole, updating.check_group, updating.decay_of),
        *sources_of(updating.working_type, updating.cautious, updating.to_bfloat16),
        *sources_of(updating.move, updating.advance, updating.restore_types),
    ]
    scalars = scalar_functions(parts.scalars)
    if "number(" in parts.source:
        scalars.append(torch_template.NUMBER)
    return "".join(f"{part}\n\n" for part in (_constants(parts), *sources, *scalars))


def _constants(parts: Parts) -> str:
    """Constants and types of the functions that the file takes from the package."""
    constants = (
        *((counter_hash, name) for name in ("MASK32", "MASK64", "GOLDEN32", "MURMUR")),
        (draws, "BLOCK"),
        *((updating, name) for name in ("ROUNDING_STREAM", "ROUNDINGS")),
        *parts.constants,
    )
    lines = [f"{name} = {getattr(module, name)!r}" for module, name in constants]
    options = [f"    {key!r}: {value!r}," for key, value in updating.OPTIONS.items()]
    lines += ["OPTIONS = {", *options, "}"]
    lines += ["Word = int | torch.Tensor", "Key = tuple[Word, Word]"]
    return "\n".join([*lines, ""]).replace("'", '"')
