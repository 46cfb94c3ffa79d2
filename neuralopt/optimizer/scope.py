"""Whether a rule reads more of a tensor than one element at a time."""

from neuralopt.language.primitives import PRIMITIVES
from neuralopt.machine import StraightLine


def has_tensor_scope(code: StraightLine) -> bool:
    """Return whether a value of the rule depends on other elements of its tensor.

    Args:
        code: the rule.

    Returns:
        True if any operation has another scope than ``element``.
    """
    operations = (i.operation for i in code.instructions if i.operation in PRIMITIVES)
    return any(PRIMITIVES[operation].scope != "element" for operation in operations)
