"""The cell of a rule in a grid: the operands that it reads, and its size."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neuralopt.language import Expression, simplify

SIZES = (2, 4, 6, 8, 10, 13, 17, 22, 30)
"""Largest number of nodes of each size but the last."""

BITS = 62
"""Operands that have a bit of their own; those after them share bits."""


def inputs_from(operands: Sequence[Expression]) -> Mapping[Expression, int]:
    """Return a bit for each operand that rules can be told apart by.

    Constants have none: canonical forms hold other ones. Operands that differ in a
    constant factor, such as ``0.1 * w`` and ``0.01 * w``, share theirs.

    Args:
        operands: Of a space.

    Returns:
        Bits by the canonical form of the operand without its factor.

    Example:
        >>> from neuralopt.language import parse
        >>> operands = [parse("g"), parse("1"), parse("0.1 * w"), parse("0.2 * w")]
        >>> [(str(each), bit) for each, bit in inputs_from(operands).items()]
        [('g', 1), ('w', 2)]
    """
    unscaled = dict.fromkeys(_unscaled(simplify(operand)) for operand in operands)
    named = [each for each in unscaled if each.primitive != "constant"]
    return {each: 1 << place % BITS for place, each in enumerate(named)}


def _unscaled(operand: Expression) -> Expression:
    if operand.primitive == "multiply" and operand.arguments[0].primitive == "constant":
        return operand.arguments[1]
    return operand


def cells_of(
    canonical: Sequence[Expression], inputs: Mapping[Expression, int]
) -> NDArray[np.int64]:
    """Return the cell of each rule.

    Args:
        canonical: Rules in canonical form.
        inputs: The result of `inputs_from`.

    Returns:
        int64 (rules, 2): the operands that a rule reads, as bits; and the place of its
        size among SIZES. Where one operand holds another, as ``sign(g)`` holds ``g``,
        the larger one counts.
    """
    bits = [_read(rule, inputs) for rule in canonical]
    sizes = np.searchsorted(SIZES, [rule.size for rule in canonical])
    return np.stack([np.array(bits, np.int64), sizes], axis=1)


def _read(rule: Expression, inputs: Mapping[Expression, int]) -> int:
    bit = inputs.get(rule)
    if bit is not None:
        return bit
    bits = 0
    for argument in rule.arguments:
        bits |= _read(argument, inputs)
    return bits
