"""Slices through the loss of a trained child, and paths of weights projected on them.

After Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural
nets" (2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from neuralopt.counter_hash import counter_key
from neuralopt.landscapes.paths import Array
from neuralopt.landscapes.pictures.visible import Box, including
from neuralopt.landscapes.training import flat, losses_at
from neuralopt.optimizer.draws import normal
from neuralopt.tasks import Task

PLANES = ("random", "paths")
"""Kinds of planes: two random directions, or those in which paths spread most."""

POINTS = 25
"""Losses along each direction of a slice."""

DIRECTION = 5
"""Purpose of the random bits."""

REACH = 1.0
"""How far a slice of random directions goes from the child, in directions."""

MARGIN = 0.15


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane in the space of weights.

    Attributes:
        centre: (parameters,), the origin.
        directions: (2, parameters), not of unit length if they are filter-normalised.
        shares: of the squared distances of the paths from the centre, the part that
            each principal direction holds; empty for random directions.
    """

    centre: torch.Tensor
    directions: torch.Tensor
    shares: tuple[float, ...] = ()

    def at(self, x: float, y: float) -> torch.Tensor:
        """Return the weights at a point of the plane."""
        return self.centre + x * self.directions[0] + y * self.directions[1]

    def project(self, weights: torch.Tensor) -> Array:
        """Return the coordinates of weights projected orthogonally on the plane.

        Args:
            weights: (count, parameters).

        Returns:
            (count, 2).
        """
        found: Array = self._coordinates(weights - self.centre).numpy()
        return found

    def share(self, move: torch.Tensor) -> float:
        """Return the length of a move's projection, as a share of its own length.

        Args:
            move: (parameters,), a difference of weights.

        Returns:
            From 0 to 1; 0 for no move.
        """
        inside, length = self._coordinates(move[None]) @ self.directions, move.norm()
        return float(inside.norm() / length) if length else 0.0

    def _coordinates(self, away: torch.Tensor) -> torch.Tensor:
        gram = self.directions @ self.directions.T
        found: torch.Tensor = torch.linalg.solve(gram, self.directions @ away.T)
        return found.T


def filter_normalised(network: nn.Module, seed: int, number: int) -> torch.Tensor:
    """Return a random direction whose filters are as long as those of a network.

    A filter is a row of a matrix, or what belongs to an output channel of a
    convolution. Vectors (biases, normalisation) do not move, as in the authors' code;
    of a network without matrices each vector is one filter.

    Args:
        network: gives the lengths.
        seed: of the random numbers.
        number: of the direction.

    Returns:
        (parameters,).
    """
    parts = []
    least = min(2, max(parameter.ndim for parameter in network.parameters()))
    for index, parameter in enumerate(network.parameters()):
        weights = parameter.detach()
        if weights.ndim < least:
            parts.append(torch.zeros(weights.numel(), dtype=weights.dtype))
            continue
        counters = seed, DIRECTION, number, index
        keys = counter_key(*counters, 0), counter_key(*counters, 1)
        random = normal(keys, 0, weights.numel(), torch.float64)
        rows = len(weights) if weights.ndim > 1 else 1
        filters = random.view(rows, -1)
        lengths = weights.reshape(rows, -1).norm(dim=1, keepdim=True)
        parts.append((filters * lengths / filters.norm(dim=1, keepdim=True)).view(-1))
    return torch.cat(parts)


def random_plane(network: nn.Module, seed: int) -> Plane:
    """Return the plane of two filter-normalised directions through a network.

    Args:
        network: the trained child.
        seed: of the directions.

    Raises:
        ValueError: they span no plane.
    """
    found = [filter_normalised(network, seed, number) for number in (0, 1)]
    directions = torch.stack(found).nan_to_num(0.0)  # of a filter without weights
    if int(torch.linalg.matrix_rank(directions)) < 2:
        raise ValueError(
            "random directions span no plane, because the filters of the child are 0 "
            "or a single number: give --plane paths"
        )
    return Plane(flat(network), directions)


def plane_of_paths(network: nn.Module, paths: Sequence[torch.Tensor]) -> Plane:
    """Return the plane through a network in which paths spread most.

    Its directions are the first two principal components of the weights on the paths,
    as distances from the network (section 7 of the paper).

    Args:
        network: the trained child.
        paths: (count, parameters) each.

    Raises:
        ValueError: the network has one parameter.
    """
    centre = flat(network)
    if len(centre) < 2:
        raise ValueError("a slice needs a network of two parameters or more")
    away = torch.cat(list(paths)) - centre
    _, lengths, directions = torch.linalg.svd(away, full_matrices=False)
    squares = lengths**2
    squares /= squares.sum() or 1.0  # all paths may stay where they begin
    # A principal direction has no sign: the first path begins on its positive side.
    signs = torch.where(directions[:2] @ away[0] < 0, -1.0, 1.0)
    return Plane(centre, signs[:, None] * directions[:2], tuple(squares[:2].tolist()))


def extent(plane: Plane, paths: Sequence[Array]) -> tuple[Array, Array]:
    """Return the grid of a slice along both axes.

    Args:
        plane: that of the slice.
        paths: coordinates of paths on it; a slice of their own plane holds them all,
            any slice their first points.

    Returns:
        Coordinates along the first and the second direction.
    """
    if not plane.shares:
        box: Box = ((-REACH, REACH),) * 2
        x_limits, y_limits = including(box, np.array([path[0] for path in paths]))
        return np.linspace(*x_limits, POINTS), np.linspace(*y_limits, POINTS)
    points = np.concatenate([*paths, np.zeros((1, 2))])
    low, high = points.min(0), points.max(0)
    margin = MARGIN * np.maximum(high - low, 1e-9)
    x, y = np.linspace(low - margin, high + margin, POINTS).T
    return x, y


def slice_losses(
    task: Task, network: nn.Module, plane: Plane, x: Array, y: Array
) -> Array:
    """Return the losses of a task on a grid of a plane.

    Args:
        task: gives examples and loss.
        network: the child at the centre of the plane.
        plane: the plane.
        x: coordinates along the first direction.
        y: coordinates along the second direction.

    Returns:
        (y, x), infinite where a loss is not finite.
    """
    places = (plane.at(float(a), float(b)) for b in y for a in x)
    losses = losses_at(task, network, places)
    return np.array(losses).reshape(len(y), len(x))
