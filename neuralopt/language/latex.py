"""Expressions as LaTeX, by the templates of the table."""

from neuralopt.language.notation import SIGN, Node, number_text
from neuralopt.language.primitive import ATOM, Primitive
from neuralopt.language.primitives import PRIMITIVES

PRODUCT = PRIMITIVES["multiply"].precedence
POWER = PRIMITIVES["power"].precedence


def latex_of(node: Node) -> str:
    """LaTeX of an expression, for math mode."""
    return _latex(node)[0]


def _latex(node: Node) -> tuple[str, int]:
    """LaTeX and the precedence of its outermost operator."""
    if node.value is not None:
        return _latex_number(node.value)
    primitive = PRIMITIVES.get(node.primitive)
    if primitive is None:
        return node.primitive, ATOM
    if primitive.is_leaf:
        return primitive.latex, ATOM
    texts = []
    for index, argument in enumerate(node.arguments):
        text, precedence = _latex(argument)
        bare = precedence >= _least_precedence(primitive, index)
        texts.append(text if bare else rf"\left({text}\right)")
    level = primitive.latex_precedence
    if level is None:
        level = primitive.precedence
    return primitive.fill("latex", texts), level


def _least_precedence(primitive: Primitive, index: int) -> int:
    """What an argument needs to stand without brackets in LaTeX."""
    if primitive.latex_needs is not None:
        return primitive.latex_needs[index]
    if not primitive.symbol:
        return 0  # LaTeX encloses it
    return primitive.precedence + (index if primitive.arity == 2 else 0)


def _latex_number(value: float) -> tuple[str, int]:
    mantissa, _, exponent = number_text(value).partition("e")
    level = SIGN if mantissa.startswith("-") else ATOM
    if not exponent:
        return mantissa, level
    power = f"10^{{{int(exponent)}}}"
    if mantissa == "1":
        return power, POWER
    return rf"{mantissa} \cdot {power}", PRODUCT
