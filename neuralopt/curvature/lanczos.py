"""Eigenvalues of a symmetric matrix that is known by its products with vectors."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal

from neuralopt.counter_hash import counter_key
from neuralopt.curvature.child_loss import Product
from neuralopt.landscapes.paths import Array
from neuralopt.optimizer.draws import normal

BEGINNING = 6
"""Purpose of the random bits."""

INVARIANT = 1e-12
"""An iteration ends where the next vector would be shorter, as a share of the largest
value: the ones before span all that the start has a part in."""


@dataclass(frozen=True, slots=True)
class Lanczos:
    """What the Lanczos iteration found.

    Attributes:
        values: Ritz values, rising: estimates of eigenvalues, the outermost the best.
        shares: of the start's squared length in the direction of each; they sum to 1.
            With a random start, they are estimates of the shares of eigenvalues there.
        errors: of each value; an eigenvalue is as near as this.
    """

    values: Array
    shares: Array
    errors: Array


def random_start(dimensions: int, seed: int, number: int = 0) -> torch.Tensor:
    """Return a random vector of length 1 that has no preferred direction.

    Args:
        dimensions: its size.
        seed: of the random numbers.
        number: of the vector; those of one seed are independent.
    """
    counters = seed, BEGINNING, number
    keys = counter_key(*counters, 0), counter_key(*counters, 1)
    found = normal(keys, 0, dimensions, torch.float64)
    return torch.nn.functional.normalize(found, dim=0)


def lanczos(product: Product, start: torch.Tensor, steps: int) -> Lanczos:
    """Run the Lanczos iteration, every vector made orthogonal to all before.

    Args:
        product: of a symmetric matrix (n, n).
        start: (n,), not 0.
        steps: products to take; fewer if an invariant subspace is found.

    Returns:
        Estimates of eigenvalues, as many as steps.

    Raises:
        ValueError: `steps` is not positive, or a product is not finite.
    """
    if steps < 1:
        raise ValueError(f"the Lanczos iteration is to take {steps} steps: give 1")
    basis = [start / start.norm()]
    diagonal, beside = list[float](), list[float]()
    for _ in range(min(steps, len(start))):
        vector = product(basis[-1])
        if not bool(vector.isfinite().all()):
            raise ValueError("a Hessian-vector product is not finite")
        diagonal.append(float(basis[-1] @ vector))
        known = torch.stack(basis)
        for _ in range(2):  # once is not enough in floating point
            vector = vector - known.T @ (known @ vector)
        beside.append(float(vector.norm()))
        if beside[-1] <= INVARIANT * max(*map(abs, diagonal), *beside):
            beside[-1] = 0.0
            break
        basis.append(vector / beside[-1])
    found = eigh_tridiagonal(np.array(diagonal), np.array(beside[:-1]))
    values, vectors = (each.astype(np.float64) for each in found)
    errors = beside[-1] * np.abs(vectors[-1])
    return Lanczos(values, vectors[0] ** 2, errors)


def power_iteration(
    product: Product, start: torch.Tensor, steps: int
) -> tuple[float, ...]:
    """Return estimates of the eigenvalue of largest size, one after each product.

    The vector is multiplied by the matrix and scaled to length 1, again and again; the
    estimate is its Rayleigh quotient. The error shrinks by the squared ratio of the
    second largest size to the largest in each step.

    Args:
        product: of a symmetric matrix (n, n).
        start: (n,), not 0.
        steps: products to take.
    """
    vector, found = start / start.norm(), list[float]()
    for _ in range(steps):
        image = product(vector)
        found.append(float(vector @ image))
        length = image.norm()
        if not length:
            break
        vector = image / length
    return tuple(found)
