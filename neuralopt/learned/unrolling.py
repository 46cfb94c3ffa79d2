"""The gradient of a training's losses with respect to the network that steers it.

Let w_t = w_0 - lr (u_0 + ... + u_{t-1}), with updates u that a network computes from
gradients, and L = f_1(w_1) + ... + f_K(w_K). As in Andrychowicz et al. 2016 (figure 2,
dashed edges), gradients that enter the network count as constants. Then

    dL / du_s = -lr (g_{s+1} + ... + g_K),    g_t = f_t'(w_t),

so that one pass backward through the network gives dL, and no second derivative of f,
nor the graph of any f, is needed.
"""

import math
from dataclasses import dataclass

import torch

from neuralopt.learned.child import SteppedChild
from neuralopt.learned.network import State, UpdateNetwork


@dataclass(frozen=True, slots=True)
class Position:
    """Where a training is.

    Attributes:
        loss: f_t(w_t) on the batch that comes next.
        gradient: of that loss, (coordinates,).
        state: of the network, before it gets the gradient.
    """

    loss: float
    gradient: torch.Tensor
    state: State


def begin(child: SteppedChild, network: UpdateNetwork) -> Position:
    """Return the position before the first step.

    Args:
        child: with its initial weights.
        network: that will steer it.
    """
    loss, gradient = child.gradient()
    return Position(loss, gradient, network.initial_state(gradient))


def unroll(
    child: SteppedChild,
    network: UpdateNetwork,
    position: Position,
    steps: int,
    rate: float,
    scale: float = 1.0,
) -> tuple[list[float], Position]:
    """Train a child some steps, and add to the gradients of the network's weights.

    What is added is the gradient of scale * (f_1 + ... + f_K) with respect to the
    weights, for the state at the beginning held fixed. Nothing is added if a loss is
    not finite.

    Args:
        child: is trained further.
        network: its weights get gradients.
        position: where the training is.
        steps: K.
        rate: lr.
        scale: factor of the losses.

    Returns:
        The losses f_1 to f_K, which end with the first that is not finite, and the
        position after the steps.
    """
    gradient = position.gradient
    state: State = (position.state[0].detach(), position.state[1].detach())
    losses: list[float] = []
    updates: list[torch.Tensor] = []
    gradients: list[torch.Tensor] = []
    for _ in range(steps):
        update, state = network(gradient, state)
        child.move(rate * update.detach())
        loss, gradient = child.gradient()
        losses.append(loss)
        updates.append(update)
        gradients.append(gradient)
        if not math.isfinite(loss):
            return losses, Position(loss, gradient, state)
    later = torch.stack(gradients).flip(0).cumsum(0).flip(0)
    torch.autograd.backward(updates, list((-rate * scale * later).unbind()))
    return losses, Position(losses[-1], gradient, state)
