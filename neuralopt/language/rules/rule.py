"""What a named rule is, and a row of a table of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from neuralopt.language.expression import Expression
from neuralopt.language.parser import parse
from neuralopt.language.primitive import Scope
from neuralopt.language.primitives import WHOLE
from neuralopt.language.rendering import render


@dataclass(frozen=True, slots=True, repr=False)
class Rule:
    """A rule with a name.

    Attributes:
        name: an identifier, such as ``lion``.
        expression: the rule, without free variables.
        reference: where the rule comes from.
        lr: the learning rate that its users start from.
        about: a sentence for people.
    """

    name: str
    expression: Expression
    reference: str
    lr: float
    about: str = ""

    @property
    def scope(self) -> Scope:
        """``tensor`` if a value depends on a whole parameter or its kind."""
        return "tensor" if self.expression.contains(*WHOLE) else "element"

    def __repr__(self) -> str:
        return f"Rule({self.name!r}, {render(self.expression)!r}, lr={self.lr:g})"

    def _repr_latex_(self) -> str:
        """By which notebooks show a rule."""
        return self.expression._repr_latex_()


Row = tuple[str, str, str, float, str]
"""Name, text, reference, learning rate, a sentence."""

PAPER = "Bello et al. 2017"


def rules_of(rows: Iterable[Row], parts: Mapping[str, str]) -> Iterator[Rule]:
    """Return the rules of a table.

    Args:
        rows: of the table.
        parts: texts by the names used for them in the rows, written ``{name}``;
            they may have such names themselves.

    Returns:
        A rule for each row.
    """
    for name, text, reference, lr, about in rows:
        while "{" in text:
            text = text.format(**parts)
        yield Rule(name, parse(text), reference, lr, about)
