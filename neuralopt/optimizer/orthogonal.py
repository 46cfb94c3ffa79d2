"""Matrices with singular values near 1, by the iteration of Newton and Schulz."""

import torch

from neuralopt.language.tensors import COEFFICIENTS, SMALLEST_NORM


def orthogonalize(x: torch.Tensor, steps: float) -> torch.Tensor:
    """Return matrices with the singular vectors of x and singular values near 1.

    Each step makes ``a x + (b x x' + c (x x')**2) x`` of x, which begins with norm 1,
    in the type of x.

    Args:
        x: (..., rows, columns).
        steps: how many, a whole number.

    Returns:
        Of the shape and type of x.

    Source: Jordan et al. 2024 (Muon); `torch.optim.Muon` does the same in bfloat16.
    """
    scale = torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True)
    found: torch.Tensor = x / scale.clamp(min=SMALLEST_NORM)
    upright = x.shape[-2] > x.shape[-1]
    if upright:
        found = found.mT
    a, b, c = COEFFICIENTS
    for _ in range(int(steps)):
        gram = found @ found.mT
        found = a * found + (b * gram + c * (gram @ gram)) @ found
    return found.mT if upright else found
