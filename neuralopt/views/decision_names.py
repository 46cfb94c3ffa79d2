"""Names of the decisions of a space and of their choices, for readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuralopt.spaces import Space

_KINDS = (
    "operand 1",
    "operand 2",
    "function of operand 1",
    "function of operand 2",
    "operation",
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a row.

    Attributes:
        kind: what is decided, such as ``operand 1``.
        group: of the rule, from 1.
        choices: name of each choice: text of an operand, or of a template.
    """

    kind: str
    group: int
    choices: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as "operand 1 of group 2"."""
        return f"{self.kind} of group {self.group}"


def decisions_of(space: Mapping[str, Any]) -> tuple[Decision, ...]:
    """Return the decisions of a space, in the order of its rows.

    Args:
        space: plain data, as in the configuration of a run.

    Raises:
        ValueError: the mapping does not describe a space.
    """
    made = Space.from_mapping(str(space.get("name", "")), space)
    decisions = []
    for group in range(made.groups):
        results = tuple(f"result of group {before + 1}" for before in range(group))
        operands = (*made.operands, *results)
        choices = (operands, operands, made.unary, made.unary, made.binary)
        decisions += [
            Decision(kind, group + 1, some)
            for kind, some in zip(_KINDS, choices, strict=True)
        ]
    return tuple(decisions)
