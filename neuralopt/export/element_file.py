"""Make the parts of a torch file that are special to element-wise rules."""

from textwrap import fill, indent

from neuralopt.export import element_template, torch_template
from neuralopt.export.file_text import Parts, sources_of
from neuralopt.machine import StraightLine
from neuralopt.machine.emit import has_clock
from neuralopt.optimizer import sharding
from neuralopt.optimizer.program import device_source, torch_source

TEMPLATE = "".join(
    [
        *(torch_template.HEAD, element_template.CONSTANTS, torch_template.CLASS),
        *(element_template.METHODS, torch_template.INPUTS, torch_template.TRACED),
        *(torch_template.COMPILER, element_template.ONE_BY_ONE),
        *(element_template.IN_LINE, torch_template.RUN_COMPILED, torch_template.REAL),
        *(element_template.BLOCKS, element_template.SIDE_BY_SIDE),
    ]
)


def element_parts(code: StraightLine) -> Parts:
    """Return the parts of a file for an element-wise rule.

    Args:
        code: the rule.

    Returns:
        The template of the file, and what fills its own gaps.
    """
    source = torch_source(code, functions="", number="number({}, g)")
    scalars = source.partition("def step")[0]
    clock = host_clock = element_template.STILL
    if has_clock(code):
        device = device_source(code)
        source, scalars = f"{device}\n\n{source}", f"{device}\n\n{scalars}"
        clock, host_clock = element_template.TRACED_TICKING, element_template.TICKING
        if code.needs_total_steps:
            clock = element_template.TRACED_PLANNED
            host_clock = element_template.PLANNED
    names = ", ".join(f'"state{index}"' for index in range(len(code.states)))
    total = element_template.TOTAL if code.needs_total_steps else ""
    gaps = {
        "options_text": element_template.OPTIONS_TEXT,
        "options": "        foreach=None,\n",
        "option_defaults": "            foreach=foreach,\n",
        "older": " foreach=None,",
        "group_checks": "",
        "compiled_text": element_template.COMPILED_TEXT,
        "names": fill(
            f"({names}{',' if len(code.states) == 1 else ''})",
            78,
            subsequent_indent="    ",
        ),
        "streams": str(tuple(instruction.index for instruction in code.draws)),
        "total": total,
        "total_of_compiled": indent(total, "    "),
        "clock": clock,
        "host_clock": host_clock,
        "program_argument": "",
        "program_line": "",
        "all_streams": "STREAMS",
        "taken": "step",
        "with_loss": "",
        "loss_line": "",
    }
    functions = sources_of(sharding.local, sharding.first_element, sharding.mean_over)
    imports = "Callable", "from types import FunctionType\n", "Any"
    return Parts(TEMPLATE, source, scalars, functions, gaps, imports=imports)
