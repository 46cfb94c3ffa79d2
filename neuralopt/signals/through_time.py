"""How far back in time a recurrent network's gradient reaches."""

from collections.abc import Iterator

import torch

from neuralopt.tasks.char_rnn import CharRnn


def gradients_through_time(
    network: CharRnn, inputs: torch.Tensor, targets: torch.Tensor
) -> list[float]:
    """Return norms of the last loss's gradient with respect to the states before it.

    The loss is that of the last place only, so what reaches the state of a place has
    come through all places between. A state is h; of an LSTM, h and c together.

    Args:
        network: of the task `char_rnn`; its gradients are left as they are.
        inputs: numbers of characters, int64 (batch, time).
        targets: of the places, (batch, time).

    Returns:
        A Euclidean norm over batch, layers and units for each place, the first first.
    """
    embedded, state = network.embedding(inputs), None
    states: list[tuple[torch.Tensor, ...]] = []
    for place in range(inputs.shape[1]):
        _, state = network.recurrent(embedded[:, place : place + 1], state)
        states.append(state if isinstance(state, tuple) else (state,))
    scores = network.linear(states[-1][0][-1])  # h of the topmost layer
    loss = torch.nn.functional.cross_entropy(scores, targets[:, -1])
    flat = [each for parts in states for each in parts]
    gradients: Iterator[torch.Tensor | None] = iter(
        torch.autograd.grad(loss, flat, allow_unused=True)
    )
    norms = []
    for parts in states:
        own = [next(gradients) for _ in parts]
        squares = [each.square().sum() for each in own if each is not None]
        norms.append(float(torch.stack(squares).sum().sqrt()))
    return norms
