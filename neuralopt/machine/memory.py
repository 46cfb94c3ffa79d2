"""What a rule keeps from step to step, and what a step costs, by kind of parameter."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby

from neuralopt.language import Expression, simplify
from neuralopt.language.primitive import Extent
from neuralopt.language.primitives import KINDS
from neuralopt.machine.extents import for_kind, state_extents
from neuralopt.machine.straightline import straight_line

NAMES: Mapping[Extent, str] = {
    "element": "parameter",
    "rows": "row",
    "columns": "column",
    "tensor": "tensor",
}
"""What has one value, in words; a parameter is one number of a tensor."""

Kept = Mapping[Extent, int]
"""How many values of each extent a rule keeps."""


@lru_cache(maxsize=4096)
def memory_by_kind(rule: Expression) -> Mapping[str, Kept]:
    """Return what a rule keeps for parameters of each kind.

    Args:
        rule: in any form.

    Returns:
        Numbers of values by extent, for each kind of parameter.
    """
    code = straight_line(simplify(rule))
    return {kind: Counter(state_extents(for_kind(code, kind))) for kind in KINDS}


def values_per_parameter(rule: Expression) -> int:
    """Return how many values a rule keeps for each number that it trains.

    Args:
        rule: in any form.

    Returns:
        The number for the kind of parameters that needs most. Values of a row, a column
        or a tensor are not counted.
    """
    return max(kept.get("element", 0) for kept in memory_by_kind(rule).values())


def memory_text(rule: Expression) -> str:
    """Return what a rule keeps, in words.

    Args:
        rule: in any form.

    Returns:
        A phrase, for each kind of parameter where they differ.

    Example:
        >>> from neuralopt.language import parse
        >>> memory_text(parse("m / sqrt(v)"))
        '2 values per parameter'
        >>> memory_text(parse("where(matrix, m, ema(rows(g), 0.9) * m)"))
        'matrix: 1 value per parameter; others: 1 value per parameter, 1 per row'
    """
    found = {kind: _text(kept) for kind, kept in memory_by_kind(rule).items()}
    texts = list(dict.fromkeys(found.values()))
    if len(texts) == 1:
        return texts[0]
    common = max(texts, key=list(found.values()).count)
    named = [text for text in texts if text != common]
    if list(found.values()).count(common) == 1:
        named, common = texts, ""
    pairs = sorted(((texts.index(text), kind) for kind, text in found.items()))
    parts = [
        f"{', '.join(kind for _, kind in some)}: {texts[place]}"
        for place, some in groupby(pairs, key=lambda each: each[0])
        if texts[place] in named
    ]
    return "; ".join([*parts, *([f"others: {common}"] if common else [])])


def memory_figure(rule: Expression) -> str:
    """Return what a rule keeps, as one number where that says all.

    Args:
        rule: in any form.

    Returns:
        The number of values per parameter; `memory_text` where kinds of parameters
        differ, or where rows, columns or tensors have values too.
    """
    kept = list(memory_by_kind(rule).values())
    plain = all(each == kept[0] and set(each) <= {"element"} for each in kept)
    return str(values_per_parameter(rule)) if plain else memory_text(rule)


def _text(kept: Kept) -> str:
    """Such as "1 value per parameter, 1 per row"."""
    counts = [(kept.get(extent, 0), name) for extent, name in NAMES.items()]
    first, *others = [each for each in counts if each[0]] or counts[:1]
    count, name = first
    text = f"{count} value{'s' * (count != 1)} per {name}"
    return ", ".join([text, *(f"{number} per {name}" for number, name in others)])


def operations_per_parameter(rule: Expression) -> int:
    """Return how many operations a step takes for each number that is trained.

    Args:
        rule: in any form.

    Returns:
        The number for the kind of parameters that needs most; equal subexpressions
        count once, and `orthogonalize` as one operation.
    """
    code = straight_line(simplify(rule))
    return max(for_kind(code, kind).operations for kind in KINDS)


def cost_text(rule: Expression) -> str:
    """Return what a step costs, in words.

    Args:
        rule: in any form.

    Returns:
        Such as "14 operations per parameter and step".
    """
    count = operations_per_parameter(rule)
    apart = ", orthogonalize counted as one" * simplify(rule).contains("orthogonalize")
    return f"{count} operations per parameter and step{apart}"
