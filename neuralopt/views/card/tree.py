"""The expression tree of a rule, as far as it is shown.

A tree that is too wide to be read is folded: parts of it become one node each, which
shows the formula of the part, or how many nodes it has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuralopt.language import PRIMITIVES, Expression, simplify
from neuralopt.language.notation import shown_arguments
from neuralopt.views.card.mathtext import mathtext_of, with_symbols

MOST_LEAVES = 6
MOST_LEVELS = 7
SHOWN_NODES = 3
"""A folded part of at most so many nodes shows its formula."""

_SIGNS = {
    "add": "$+$",
    "subtract": "$-$",
    "multiply": r"$\times$",
    "divide": r"$\div$",
    "remainder": "mod",
    "negative": r"$-(\cdot)$",
    "less": "$<$",
    "less_equal": r"$\leq$",
    "power": r"$x^y$",
    "pow": "$|x|^y$",
    "square": "$x^2$",
    "cube": "$x^3$",
    "reciprocal": "$1/x$",
    "exp": "$e^x$",
    "exp2": "$2^x$",
    "abs": "$|x|$",
    "sqrt": r"$\sqrt{|x|}$",
    "log": r"$\log|x|$",
    "total": r"$\sum$",
}


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A node as it is drawn.

    Attributes:
        label: text or mathtext.
        children: from left to right.
        covers: nodes of the expression that it stands for: more than one where a number
            is part of the label, and where a part of the tree is folded.
        folded: whether it stands for a part of the tree.
    """

    label: str
    children: tuple["TreeNode", ...] = ()
    covers: int = 1
    folded: bool = False

    @property
    def leaves(self) -> int:
        """Leaves below this node; 1 for a leaf."""
        return sum(each.leaves for each in self.children) or 1

    @property
    def levels(self) -> int:
        """Nodes on the longest way down."""
        return 1 + max((each.levels for each in self.children), default=0)

    @property
    def total(self) -> int:
        """Nodes of the expression that this node and those below it stand for."""
        return self.covers + sum(each.total for each in self.children)

    def walk(self) -> Iterator["TreeNode"]:
        """Yield this node, then those below it from left to right."""
        yield self
        for each in self.children:
            yield from each.walk()


def tree_of(
    rule: Expression, most_leaves: int = MOST_LEAVES, most_levels: int = MOST_LEVELS
) -> TreeNode:
    """Return the tree of a rule as it is drawn.

    Args:
        rule: in any form; its canonical form is shown, with abbreviations.
        most_leaves: width from which parts are folded, the smallest ones first.
        most_levels: depth from which parts are folded.

    Returns:
        The root. Its `total` is the size of the shown form.
    """
    shown, _ = with_symbols(simplify(rule))
    fold_below: frozenset[Expression] = frozenset()
    root = _node(shown, fold_below, most_levels)
    while root.leaves > most_leaves:
        part = _smallest_open(shown, fold_below, most_levels)
        if part is None:
            break
        fold_below |= {part}
        root = _node(shown, fold_below, most_levels)
    return root


def _node(tree: Expression, folded: frozenset[Expression], levels: int) -> TreeNode:
    if tree.arguments and (tree in folded or levels == 1):
        few = tree.size <= SHOWN_NODES
        label = f"${mathtext_of(tree)}$" if few else f"{tree.size} nodes"
        return TreeNode(label, (), tree.size, folded=True)
    drawn = _drawn_arguments(tree)
    children = tuple(_node(each, folded, levels - 1) for each in drawn)
    covers = tree.size - sum(each.size for each in drawn)
    return TreeNode(_label(tree), children, covers)


def _drawn_arguments(tree: Expression) -> Sequence[Expression]:
    """Arguments with a node of their own: not numbers that parametrise an operation."""
    if tree.primitive not in PRIMITIVES:
        return tree.arguments
    return [
        argument
        for place, argument in enumerate(tree.arguments)
        if not _is_parameter(tree, place)
    ]


def _is_parameter(tree: Expression, place: int) -> bool:
    role = PRIMITIVES[tree.primitive].parameters[place].role
    is_exponent = tree.primitive == "power" and place == 1
    return (role != "any" or is_exponent) and tree.arguments[place].value is not None


def _label(tree: Expression) -> str:
    if not tree.arguments:
        return f"${mathtext_of(tree)}$"
    if tree.primitive == "power" and _is_parameter(tree, 1):
        return f"$x^{{{mathtext_of(tree.arguments[1])}}}$"
    name = _SIGNS.get(tree.primitive, tree.primitive)
    numbers = [
        mathtext_of(argument)
        for place, argument in enumerate(tree.arguments[: shown_arguments(tree)])
        if _is_parameter(tree, place)
    ]
    return name + "".join(f"  ${number}$" for number in numbers)


def _smallest_open(
    tree: Expression, folded: frozenset[Expression], levels: int
) -> Expression | None:
    """The smallest unfolded part with several leaves; None if there is none."""
    found: Expression | None = None
    pending = [(tree, levels)]
    while pending:
        part, left = pending.pop()
        if not part.arguments or part in folded or left == 1:
            continue
        drawn = _drawn_arguments(part)
        if (
            len(drawn) > 1
            and part is not tree
            and (not found or part.size < found.size)
        ):
            found = part
        pending += [(each, left - 1) for each in drawn]
    return found
