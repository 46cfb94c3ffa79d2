"""Make the text of a file that needs only jax and optax.

This module itself needs neither of the two.
"""

import builtins

from neuralopt import counter_hash
from neuralopt.export import optax_template as template
from neuralopt.export.file_text import (
    HEADER,
    check_name,
    harmless,
    paragraph,
    scalar_functions,
)
from neuralopt.export.optax_source import (
    clock_parameters,
    jax_source,
    step_parameters,
)
from neuralopt.language import Expression, ieee754, render
from neuralopt.language.simplify import simplify
from neuralopt.machine import StraightLine, straight_line

TAKEN = {
    *(*dir(builtins), *vars(ieee754), "NamedTuple", "jax", "jnp", "math", "optax"),
    *("MASK32", "MURMUR", "counter_key", "draw", "mixed", "narrow", "nothing"),
    *("number", "plus", "scalars", "step", "stream_keys", "times", "uniform"),
    *("wide", "words"),
}
"""Names that an export uses: its function has another one."""


def optax_file(expression: Expression, name: str, lr: float | None, origin: str) -> str:
    """Return a file's text with the gradient transformations NAME and scale_by_NAME.

    Args:
        expression: the rule.
        name: of the gradient transformation.
        lr: default learning rate, if there is one.
        origin: a sentence on where the rule was found.

    Returns:
        The text, Python code.

    Raises:
        ValueError: the name is not an identifier, or the file uses it itself.
    """
    check_name(name, "function", TAKEN)
    canonical = simplify(expression)
    code = straight_line(canonical)
    source = jax_source(code)
    functions = _functions(code, source)
    text = render(canonical)
    latex = render(canonical, "latex").replace("\\", "\\\\")
    capitals = "".join(part.capitalize() for part in name.split("_"))
    default = "" if lr is None else f"={lr!r}"
    options = _options(code)
    star = ["*"] if options else []
    parameters = [*star, *options.values()]
    both = [f"learning_rate{default}", "weight_decay=0.0", *parameters]
    return template.FILE.format(
        header=HEADER,
        name=name,
        state_name=f"ScaleBy{capitals}State",
        module_text=paragraph(text, 4),
        text=paragraph(text, 8),
        latex=paragraph(f"In LaTeX: {latex}", 4),
        origin=paragraph(f"Needs only jax and optax. {harmless(origin)}", 0),
        imports=_imports(functions),
        functions=functions,
        source=source,
        own_signature=_signature(f"scale_by_{name}", parameters),
        own_arguments=", ".join(f"{option}={option}" for option in options),
        signature=_signature(name, both),
        lr_advice="" if lr is None else template.LR_ADVICE,
        **_gaps(code),
    )


def _options(code: StraightLine) -> dict[str, str]:
    """Name -> parameter, for what a user must or may say about the rule."""
    options = {}
    if code.needs_total_steps:
        options["total_steps"] = "total_steps"
    if code.draws:
        options["seed"] = "seed=0"
    return options


def _gaps(code: StraightLine) -> dict[str, str]:
    """Return the text of the gaps that depend on which parts the rule has."""
    options, arguments = _options(code), step_parameters(code)
    clock = {"t": "state.count.astype(float)", "T": "float(total_steps)"}
    times = ", ".join(clock[name] for name in clock_parameters(code))
    count = len(code.states)
    planned, drawn, moving = code.needs_total_steps, bool(code.draws), "t" in times
    reads = "w" in arguments

    def given(condition: object, text: str) -> str:
        return text if condition else ""

    return {
        "remembered": given(count, template.REMEMBERED),
        "fields": "".join(f"    state{i}: optax.Updates\n" for i in range(count)),
        "arguments_text": given(planned, template.TOTAL_STEPS_TEXT)
        + given(drawn, template.SEED_TEXT),
        "reads_text": given(reads, template.READS_TEXT),
        "types_text": template.TYPES_TEXT,
        "clock_text": given(moving, template.CLOCK_TEXT),
        "static_text": given(
            options, template.STATIC_TEXT.format(names=" and ".join(options))
        ),
        "check_total_steps": given(planned, template.CHECK_TOTAL_STEPS),
        "check_params": given(reads, template.CHECK_PARAMS),
        "zeros": given(count, template.ZEROS.format(states=count)),
        "zeros_argument": given(count, ", *zeros"),
        "before": given(reads, template.WEIGHTS)
        + given("numbers" in arguments, template.NUMBERS.format(clock=times))
        + given(count, template.MEMORIES)
        + given(drawn, template.KEYS.format(streams=len(code.draws))),
        "arguments": given(reads, template.WEIGHT) + given(count, template.MEMORY),
        "step_arguments": ", ".join(arguments),
        "kept": "states" if count else "_",
        "after": given(count, template.REMEMBER) + given(drawn, template.ADVANCE),
        "states": given(count, template.STATES),
        "states_argument": given(count, ", *states"),
    }


def _signature(name: str, parameters: list[str]) -> str:
    """The first line of a function, or lines where it is long."""
    inside = ", ".join(parameters)
    line = f"def {name}({inside}):"
    return line if len(line) <= 88 else f"def {name}(\n    {inside}\n):"


def _imports(functions: str) -> str:
    math = ["import math"] if "math." in functions else []
    names = ("import jax", "import jax.numpy as jnp", "import optax")
    return "\n".join([*math, "from typing import NamedTuple", "", *names])


def _functions(code: StraightLine, source: str) -> str:
    """Sources of the functions that the file calls."""
    parts = [*scalar_functions(source), template.WIDE, template.NARROW]
    if code.states:
        parts.append(template.NOTHING)
    if "number(" in source:
        parts.append(template.NUMBER)
    if code.draws:
        parts.append(
            template.RANDOM.format(
                mask=counter_hash.MASK32,
                murmur=counter_hash.MURMUR,
                golden=counter_hash.GOLDEN32,
            )
        )
    return "".join(f"{part}\n\n" for part in parts)
