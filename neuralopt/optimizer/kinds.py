"""Kinds of parameters, by which one rule treats matrices and vectors differently."""

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

import torch
from torch import nn

from neuralopt.language.primitives import KINDS


def kind_of(parameter: torch.Tensor) -> str:
    """Return the kind of a parameter of which only the shape is known.

    Args:
        parameter: any.

    Returns:
        ``matrix`` for two or more dimensions, else ``vector``.
    """
    return "matrix" if parameter.ndim >= 2 else "vector"


def check_kind(kind: str | None, known: Collection[str]) -> None:
    """Check the kind that a group of parameters gives.

    Args:
        kind: of the group; None for what `kind_of` says.
        known: names of kinds.

    Raises:
        ValueError: the kind is not among them.
    """
    if kind not in (None, *known):
        raise ValueError(f"Invalid kind: {kind}, it must be one of {', '.join(known)}")


def parameter_kinds(network: nn.Module) -> dict[str, str]:
    """Return the kind of each parameter of a network.

    Weights of `torch.nn.Embedding` and `EmbeddingBag` are of the kind ``embedding``.
    The last matrix in the order of `named_parameters` that is not one is the ``head``,
    if there are other matrices. A weight that embedding and head share is of the first
    kind.

    Args:
        network: any.

    Returns:
        Names of parameters, in the order of `named_parameters`, and their kinds.

    Example:
        >>> network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> list(parameter_kinds(network).values())
        ['matrix', 'vector', 'head', 'vector']
    """
    tables = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag))
        for parameter in module.parameters(recurse=False)
    }
    kinds = {
        name: "embedding" if id(parameter) in tables else kind_of(parameter)
        for name, parameter in network.named_parameters()
    }
    matrices = [name for name, kind in kinds.items() if kind == "matrix"]
    if len(matrices) > 1:
        kinds[matrices[-1]] = "head"
    assert set(kinds.values()) <= set(KINDS)
    return kinds


def groups_by_kind(network: nn.Module) -> list[dict[str, Any]]:
    """Return groups of parameters for a `RuleOptimizer` whose rule tells kinds apart.

    Args:
        network: any.

    Returns:
        Groups with ``params`` and ``kind``, parameters in their order: neighbours of
        one kind are a group, so that random bits are those of a single group.

    Example:
        >>> from neuralopt import RuleOptimizer
        >>> network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> rule = "where(matrix, orthogonalize(m), adam)"
        >>> optimizer = RuleOptimizer(groups_by_kind(network), rule, lr=1e-3)
    """
    parameters = dict(network.named_parameters())

    def groups() -> Iterator[dict[str, Any]]:
        kinds = parameter_kinds(network).items()
        for kind, some in groupby(kinds, key=lambda each: each[1]):
            yield {"params": [parameters[name] for name, _ in some], "kind": kind}

    return list(groups())
