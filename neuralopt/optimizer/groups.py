"""Groups of parameters with and without weight decay."""

from collections.abc import Collection
from typing import Any

import torch


def param_groups_weight_decay(
    model: torch.nn.Module,
    weight_decay: float = 0.01,
    no_weight_decay_list: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return parameter groups in which biases and norms are not decayed.

    Args:
        model: whose parameters require gradients where they are trained.
        weight_decay: of matrices and convolutions.
        no_weight_decay_list: names of further parameters that are not decayed.

    Returns:
        Two groups for any optimizer: parameters of at most one dimension, those whose
        name ends in ``bias`` and those of the list, with weight_decay 0; and the rest.
        An empty group is left out.

    Raises:
        ValueError: the list names a parameter that the model doesn't have.

    Source: timm's function of the same name.

    Example:
        >>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
        >>> groups = param_groups_weight_decay(model, 0.1)
        >>> [(len(group["params"]), group["weight_decay"]) for group in groups]
        [(3, 0.0), (1, 0.1)]
    """
    names = dict(model.named_parameters())
    unknown = sorted(set(no_weight_decay_list) - set(names))
    if unknown:
        raise ValueError(f"the model has no parameter {unknown[0]!r}")
    still: list[torch.nn.Parameter] = []
    decayed: list[torch.nn.Parameter] = []
    for name, parameter in names.items():
        if parameter.requires_grad:
            plain = parameter.ndim <= 1 or name.endswith("bias")
            plain = plain or name in no_weight_decay_list
            (still if plain else decayed).append(parameter)
    groups = (
        {"params": still, "weight_decay": 0.0},
        {"params": decayed, "weight_decay": weight_decay},
    )
    return [group for group in groups if group["params"]]
