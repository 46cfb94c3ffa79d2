"""Rules of tensor scope on parameters of any shape, which they see as matrices."""

from collections.abc import Callable
from typing import Any

import torch

from neuralopt.language.tensors import matrix_shape


def on_matrices(step: Callable[..., Any], *loss: torch.Tensor) -> Callable[..., Any]:
    """Return the step of a rule of tensor scope for tensors of any shape.

    Args:
        step: of the rule's program: matrices of (rows, columns).
        loss: of this step, (1, 1), if the rule reads it.

    Returns:
        The same function of a gradient, a parameter, scalars, states and draws, of
        which only the states are matrices.
    """

    def shaped(
        g: torch.Tensor,
        w: torch.Tensor,
        scalars: tuple[Any, ...],
        memory: tuple[torch.Tensor, ...],
        draw: Callable[[str, int], torch.Tensor],
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        if not w.numel():  # torch has no maximum of nothing
            return w.clone(), memory
        shape = matrix_shape(w.shape)

        def bits(kind: str, stream: int) -> torch.Tensor:
            return draw(kind, stream).reshape(shape)

        value, new = step(
            g.reshape(shape), w.reshape(shape), scalars, memory, bits, *loss
        )
        return value.reshape(w.shape), new

    return shaped
