"""Rules of tensor scope on parameters of any shape, which they see as matrices.

Exported files carry the sources of these functions.
"""

from collections.abc import Callable
from typing import Any

import torch

from neuralopt.language.tensors import matrix_shape


def zeros(like: torch.Tensor, extent: str) -> torch.Tensor:
    """The first value of a state, of the type and device of a tensor.

    Args:
        like: (..., rows, columns); of any shape for the extent ``element``.
        extent: what a state has a value for: each ``element``, ``rows``, ``columns`` or
            the whole ``tensor``.
    """
    if extent == "element":
        return torch.zeros_like(like, memory_format=torch.preserve_format)
    *outer, height, width = like.shape
    height = height if extent == "rows" else 1
    width = width if extent == "columns" else 1
    return like.new_zeros((*outer, height, width))


def on_matrices(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step for tensors of any shape, of one for matrices (rows, columns).

    Args:
        step: of a rule of tensor scope.

    Returns:
        The same function of a gradient, a parameter, scalars, states, draws and, if the
        rule reads it, the loss, a number. Only the states are matrices.
    """

    def shaped(
        g: torch.Tensor,
        w: torch.Tensor,
        scalars: tuple[Any, ...],
        memory: tuple[torch.Tensor, ...],
        draw: Callable[[str, int], torch.Tensor],
        loss: float | torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        if not w.numel():  # torch has no maximum of nothing
            return w.clone(), memory
        shape = matrix_shape(w.shape)

        def bits(kind: str, stream: int) -> torch.Tensor:
            return draw(kind, stream).reshape(shape)

        given = [g.reshape(shape), w.reshape(shape), scalars, memory, bits]
        if loss is not None:
            loss = torch.as_tensor(loss, dtype=w.dtype, device=w.device)
            given.append(loss.reshape(1, 1))
        value, new = step(*given)
        return value.reshape(w.shape), new

    return shaped
