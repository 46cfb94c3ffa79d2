"""Make the parts of a torch file that are special to rules of tensor scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from neuralopt.export import tensor_template, torch_template
from neuralopt.export.file_text import Parts, sources_of
from neuralopt.language import tensors
from neuralopt.language.primitives import KINDS
from neuralopt.machine import StraightLine
from neuralopt.machine.emit import has_clock, wrapped
from neuralopt.machine.extents import for_kind, state_extents
from neuralopt.optimizer import kinds, matrices, orthogonal
from neuralopt.optimizer.program import device_source, torch_source

TEMPLATE = "".join(
    [
        *(torch_template.HEAD, torch_template.CLASS, tensor_template.METHODS),
        *(torch_template.INPUTS, torch_template.TRACED),
        *(torch_template.COMPILER, tensor_template.IN_LINE),
        *(torch_template.RUN_COMPILED, torch_template.REAL),
    ]
)


@dataclass(frozen=True, slots=True)
class _Part:
    """The rule for some kinds of parameters, which do the same.

    Attributes:
        kinds: names of them.
        code: instructions for these kinds.
        prefix: of the names of its functions.
    """

    kinds: Sequence[str]
    code: StraightLine
    prefix: str

    @property
    def names(self) -> list[str]:
        """Names of its functions."""
        return [
            self.prefix + name for name in ("clock", "on_device", "scalars", "step")
        ]

    def scalars(self) -> str:
        """What of its source is arithmetic of single numbers."""
        device = device_source(self.code) if has_clock(self.code) else ""
        return device + torch_source(self.code, "").partition("def step")[0]

    def step(self) -> str:
        """Source of the step and of its scalars."""
        text = torch_source(self.code, "", "number({}, g)", self.prefix)
        if self.code.has_tensor_scope:
            name = f"def {self.prefix}step("
            text = text.replace(name, f"@on_matrices\n{name}")
        return text

    def clock(self) -> str:
        """Source of the function that computes the scalars of a step."""
        if not has_clock(self.code):
            return tensor_template.STILL.format(prefix=self.prefix)
        planned = self.code.needs_total_steps
        text = tensor_template.CLOCK.format(
            prefix=self.prefix,
            device_arguments="t, float(total)" if planned else "t",
            arguments=torch_template.PLANNED_ARGUMENTS
            if planned
            else torch_template.TICKING_ARGUMENTS,
        )
        return f"{device_source(self.code, self.prefix)}\n\n{text}"

    @property
    def table(self) -> str:
        """Name of its Program."""
        return self.prefix.removesuffix("_").upper() or "PROGRAM"

    def program(self) -> str:
        """Source of its Program."""
        streams = tuple(instruction.index for instruction in self.code.draws)
        extents = repr(state_extents(self.code)).replace("'", '"')
        return "\n".join(
            [
                f"{self.table} = Program(",
                wrapped(f"    extents={extents},"),
                f"    streams={streams},",
                f"    is_matrix={self.code.has_tensor_scope},",
                f"    needs_loss={self.code.needs_loss},",
                f"    clock={self.prefix}clock,",
                f"    step={self.prefix}step,",
                ")",
            ]
        )


def _parts(code: StraightLine) -> list[_Part]:
    """A part for each group of kinds that the rule treats in the same way."""
    if not code.has_kinds:
        return [_Part(tuple(KINDS), code, "")]
    groups: dict[str, _Part] = {}
    for kind in KINDS:
        mine = for_kind(code, kind)
        same = torch_source(mine)
        before = groups.get(same)
        if before is None:
            groups[same] = _Part((kind,), mine, f"{kind}_")
        else:
            groups[same] = _Part((*before.kinds, kind), mine, before.prefix)
    return list(groups.values())


def _source(parts: Sequence[_Part], has_kinds: bool) -> str:
    """Source of the functions of all parts, and a table of them."""
    texts = [text for part in parts for text in (part.step(), part.clock())]
    texts.append(tensor_template.PROGRAM)
    tables = [part.program() for part in parts]
    if has_kinds:
        names = {kind: part.table for part in parts for kind in part.kinds}
        lines = [f'    "{kind}": {names[kind]},' for kind in KINDS]
        tables.append("\n".join(["PROGRAMS = {", *lines, "}"]))
    return "\n\n".join([*texts, "\n".join(tables)]) + "\n"


def tensor_parts(code: StraightLine) -> Parts:
    """Return the parts of a file for a rule of tensor scope.

    Args:
        code: the rule.

    Returns:
        The template of the file, and what fills its own gaps.
    """
    parts = _parts(code)
    source = _source(parts, code.has_kinds)
    functions = sources_of(tensors.matrix_shape, matrices.zeros, matrices.on_matrices)
    constants: list[tuple[ModuleType, str]] = []
    if "orthogonalize(" in source:
        functions += sources_of(orthogonal.orthogonalize)
        constants = [(tensors, name) for name in ("COEFFICIENTS", "SMALLEST_NORM")]
    if code.has_kinds:
        functions += sources_of(kinds.kind_of, kinds.check_kind)
    own = {
        *("PROGRAM", "PROGRAMS", "Program", "partial", "with_loss"),
        *("Collection", "NamedTuple", "Sequence"),
        *("matrix_shape", "zeros", "on_matrices", "orthogonalize"),
        *("kind_of", "check_kind"),
        *(name for _, name in constants),
        *(name for part in parts for name in (part.table, *part.names)),
    }
    return Parts(
        TEMPLATE,
        source,
        "".join(part.scalars() for part in parts),
        functions,
        _gaps(parts, code.has_kinds),
        constants,
        (
            "Callable, Collection, Sequence"
            if code.has_kinds
            else "Callable, Sequence",
            "from functools import partial\n" if _needs_loss(parts) else "",
            "Any, NamedTuple",
        ),
        frozenset(own),
    )


def _needs_loss(parts: Sequence[_Part]) -> bool:
    return any(part.code.needs_loss for part in parts)


def _gaps(parts: Sequence[_Part], has_kinds: bool) -> Mapping[str, str]:
    """What fills the gaps that only this template has."""
    planned = any(part.code.needs_total_steps for part in parts)
    total = 'group["total_steps"]' if planned else "None"
    gaps = tensor_template.GAPS | {
        "total": total,
        "host_clock": f"program.clock(t, {total})",
    }
    if _needs_loss(parts):
        gaps |= tensor_template.LOSS_GAPS
    if has_kinds:
        gaps |= tensor_template.KIND_GAPS
    return gaps
