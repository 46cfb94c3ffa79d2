"""The meaning of a space's choices: operands, and unary and binary templates."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from neuralopt.language import PRIMITIVES, Expression, parse, simplify
from neuralopt.language.expression import MAXIMUM_DEPTH, MAXIMUM_SIZE
from neuralopt.spaces.skeleton import DECISIONS_PER_GROUP, Rows

MAXIMUM_GROUPS = 16


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The operands and templates of a space, parsed and checked.

    Attributes:
        operand_texts: Rules, such as ``sign(g)``.
        unary_texts: Templates in x, such as ``clip(x, 1e-5)``; ``x`` is the identity.
        binary_texts: Templates in x and y; a template without y is a "keep left".
        operands: `operand_texts` as expressions, not simplified.
        unary: `unary_texts` as expressions, not simplified.
        binary: `binary_texts` as expressions, not simplified.

    Raises:
        ValueError: A list is empty, a text is not a rule, a template ignores x, or two
            texts of a list have the same canonical form. The message is one line and
            ends with the remedy.
    """

    operand_texts: tuple[str, ...]
    unary_texts: tuple[str, ...]
    binary_texts: tuple[str, ...]
    operands: tuple[Expression, ...] = field(init=False, repr=False, compare=False)
    unary: tuple[Expression, ...] = field(init=False, repr=False, compare=False)
    binary: tuple[Expression, ...] = field(init=False, repr=False, compare=False)
    _applied: list[list[Expression]] = field(init=False, repr=False, compare=False)
    _reads_right: tuple[bool, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lists = (
            ("operands", self.operand_texts, ()),
            ("unary", self.unary_texts, ("x",)),
            ("binary", self.binary_texts, ("x", "y")),
        )
        for name, texts, variables in lists:
            object.__setattr__(self, name, _parse_list(name, texts, variables))
        applied = [
            [template.substitute({"x": operand}) for operand in self.operands]
            for template in self.unary
        ]
        object.__setattr__(self, "_applied", applied)
        reads = tuple(template.contains("y") for template in self.binary)
        object.__setattr__(self, "_reads_right", reads)

    @property
    def reads_right(self) -> tuple[bool, ...]:
        """For each binary, whether it depends on its right side."""
        return self._reads_right

    def decode(self, row: Rows) -> Expression:
        """Return the rule that a valid row encodes, as built: not simplified.

        Args:
            row: int64 (decisions,), valid.
        """
        results: list[Expression] = []
        operands = len(self.operands)

        def side(source: int, unary: int) -> Expression:
            if source < operands:
                return self._applied[unary][source]
            return self.unary[unary].substitute({"x": results[source - operands]})

        for group in row.reshape(-1, DECISIONS_PER_GROUP).tolist():
            left, right, left_unary, right_unary, binary = group
            sides = {"x": side(left, left_unary)}
            if self._reads_right[binary]:
                sides["y"] = side(right, right_unary)
            results.append(self.binary[binary].substitute(sides))
        return results[-1]

    def check_limits(self, groups: int) -> None:
        """Reject a number of groups whose largest rule would exceed the limits.

        Args:
            groups: Number of groups.

        Raises:
            ValueError: A rule could be larger or deeper than the language allows.
        """
        if groups > MAXIMUM_GROUPS:
            raise ValueError(
                f"groups is {groups}; the most is {MAXIMUM_GROUPS}: use fewer groups"
            )
        # Canonical forms count too: some functions are written out in them.
        operands, unary, binary = (
            (*each, *map(simplify, each))
            for each in (self.operands, self.unary, self.binary)
        )
        size = before = max(operand.size for operand in operands)
        depth = max(operand.depth for operand in operands)
        deepest_unary = max(template.depth for template in unary)
        deepest_binary = max(template.depth for template in binary)
        for _ in range(groups):
            # The two largest operands of a group are the last two results.
            sides = [_largest(unary, {"x": each}) for each in (size, before)]
            before = size
            size = _largest(binary, dict(zip("xy", sides, strict=True)))
            depth += deepest_unary + deepest_binary - 2
        if size > MAXIMUM_SIZE or depth > MAXIMUM_DEPTH:
            raise ValueError(
                f"{groups} groups make rules of up to {size} nodes and {depth} levels; "
                f"a rule may have {MAXIMUM_SIZE} and {MAXIMUM_DEPTH}: use fewer groups"
            )


def _largest(templates: Sequence[Expression], sizes: dict[str, int]) -> int:
    """Upper bound of a template's size once its variables are replaced."""
    return max(
        sum(sizes.get(node.primitive, 1) for node in template.walk())
        for template in templates
    )


def _parse_list(
    name: str, texts: Sequence[str], variables: tuple[str, ...]
) -> tuple[Expression, ...]:
    if not texts:
        raise ValueError(f"{name} is empty; list at least one")
    expressions = []
    seen: dict[Expression, str] = {}
    for text in texts:
        try:
            expression = parse(text, variables=variables)
        except ValueError as error:
            cause = str(error).splitlines()[0]
            raise ValueError(f"{name}: {text!r}: {cause}") from None
        if variables and not expression.contains("x"):
            raise ValueError(
                f"{name}: {text!r} ignores x; write it as a function of x, "
                "or list it among the operands"
            )
        _check_scalars(name, text, expression, variables)
        canonical = simplify(expression)
        if canonical in seen:
            raise ValueError(
                f"{name}: {text!r} and {seen[canonical]!r} are the same; remove one"
            )
        seen[canonical] = text
        expressions.append(expression)
    return tuple(expressions)


def _check_scalars(
    name: str, text: str, template: Expression, variables: tuple[str, ...]
) -> None:
    """Reject a template that puts a tensor where the language requires a number."""
    for node in template.walk():
        if not node.arguments:
            continue
        parameters = PRIMITIVES[node.primitive].parameters
        for parameter, argument in zip(parameters, node.arguments, strict=True):
            if parameter.role == "scalar" and argument.contains(*variables):
                raise ValueError(
                    f"{name}: {text!r} makes {parameter.name} of {node.primitive} vary "
                    "from element to element; write a number there"
                )
