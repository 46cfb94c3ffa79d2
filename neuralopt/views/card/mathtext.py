"""Formulas for matplotlib's mathtext, from the LaTeX of `neuralopt.language.latex`."""

from neuralopt.language import Expression
from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.language.expression import constant
from neuralopt.language.folding import fold
from neuralopt.language.grammar import body_of
from neuralopt.language.latex import latex_of
from neuralopt.language.notation import number_text

_MATHTEXT = (
    (r"\lvert", r"\left|"),
    (r"\rvert", r"\right|"),
    (r"\lVert", r"\left\|"),
    (r"\rVert", r"\right\|"),
    (r"\bmod", r"\;\mathrm{mod}\;"),
    (r"\textstyle\sum", r"\sum"),
)
"""Commands of LaTeX that mathtext lacks, and what it has in their place."""

_SYMBOLS = {"m": "m", "v": "v", "gamma": r"\gamma"}
"""Abbreviations that are printed as a mathematician would; others as words."""


def mathtext_of(expression: Expression) -> str:
    r"""Return a formula that mathtext can set, without the dollars around it.

    Args:
        expression: a rule, or a tree with free variables, whose names are printed as
            they are.

    Example:
        >>> from neuralopt.language import parse
        >>> mathtext_of(parse("abs(g) % 2"))
        '\\left| g \\right| \\;\\mathrm{mod}\\; 2'
    """
    text = latex_of(expression)
    for latex, mathtext in _MATHTEXT:
        text = text.replace(latex, mathtext)
    return _large_fractions(text)


def _large_fractions(text: str) -> str:
    """Set fractions in full size, except in exponents and indices."""
    small: list[bool] = []  # of each open brace
    pieces: list[str] = []
    for place, character in enumerate(text):
        if character == "{":
            within = bool(small) and small[-1]
            small.append(within or text[place - 1 : place] in ("^", "_"))
        elif character == "}":
            small.pop()
        large = text.startswith(r"\frac", place) and not (small and small[-1])
        pieces.append("\\d" if large else character)
    return "".join(pieces)


def rounded(value: float) -> float:
    """Return a number with the digits that are shown of it: four significant ones."""
    return float(f"{value:.4g}")


def with_symbols(rule: Expression) -> tuple[Expression, dict[str, Expression]]:
    """Return a rule with a symbol in place of each abbreviation, numbers rounded.

    Args:
        rule: in any form.

    Returns:
        The tree, in which symbols are free variables, and what each of them stands for.
        A rule that is nothing but an abbreviation is written out.
    """
    meanings: dict[str, Expression] = {}
    tree = _named(fold(rule), meanings)
    if tree.primitive in meanings:  # it is nothing but an abbreviation
        tree = meanings.pop(tree.primitive)
    return tree, meanings


def _named(node: Expression, meanings: dict[str, Expression]) -> Expression:
    if node.value is not None:
        return constant(rounded(node.value))
    abbreviation = ABBREVIATIONS.get(node.primitive)
    if abbreviation is None:
        inner = tuple(_named(each, meanings) for each in node.arguments)
        return Expression(node.primitive, inner)
    symbol = _SYMBOLS.get(node.primitive, rf"\mathrm{{{node.primitive}}}")
    if node.arguments:
        symbol += rf"_{{{', '.join(map(_argument, node.arguments))}}}"
    values = {
        each.name: constant(each.default)
        for each in abbreviation.parameters
        if each.default is not None
    }
    names = (each.name for each in abbreviation.parameters)
    values |= dict(zip(names, node.arguments, strict=False))
    meanings[symbol] = body_of(abbreviation).substitute(values)
    return Expression(symbol)


def _argument(value: Expression) -> str:
    return mathtext_of(value) if value.value is None else number_text(value.value)
