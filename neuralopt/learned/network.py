"""The network of a learned optimizer: from a gradient to an update, by coordinate.

Source: Andrychowicz et al. 2016, "Learning to learn by gradient descent by gradient
descent", section 2.1 and appendix A.
"""

import hashlib
from dataclasses import asdict, dataclass

import torch
from torch import nn

INPUTS = 2
"""Numbers that a gradient becomes."""

State = tuple[torch.Tensor, torch.Tensor]
"""Hidden and cell values of all layers, each (layers, coordinates, hidden)."""


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The size of the network.

    Attributes:
        hidden: units of a layer.
        layers: LSTM layers.
        decades: p of the preprocessing.

    Raises:
        ValueError: a number is not positive.
    """

    hidden: int = 20
    layers: int = 2
    decades: float = 10.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < float("inf"):
                raise ValueError(
                    f"{name} of the learned optimizer is {value}: give more than 0"
                )


def preprocess(gradient: torch.Tensor, decades: float) -> torch.Tensor:
    """Return the logarithm of a gradient's size and its sign, so that sizes are alike.

    With p = `decades`: (log|g| / p, sign(g)) where |g| >= exp(-p), and
    (-1, exp(p) g) for smaller ones.

    Args:
        gradient: (coordinates,).
        decades: p, in factors of e.

    Returns:
        (coordinates, 2), each from -1 on.
    """
    size = gradient.abs()
    least = torch.exp(torch.tensor(-decades, dtype=size.dtype, device=size.device))
    large = size >= least
    logarithm = torch.where(large, size.clamp(min=least).log() / decades, -1.0)
    sign = torch.where(large, gradient.sign(), gradient / least)
    return torch.stack((logarithm, sign), dim=1)


class UpdateNetwork(nn.Module):
    """An LSTM with a linear output, the same weights for every coordinate.

    Args:
        shape: size of the network.
        seed: of the initial weights, uniform up to 1 / sqrt(hidden) as in torch's LSTM;
            those of the output are a tenth of that.
    """

    def __init__(self, shape: NetworkShape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        hidden, generator = shape.hidden, torch.Generator().manual_seed(seed)
        bound = hidden**-0.5

        def uniform(*sizes: int) -> nn.Parameter:
            drawn = torch.rand(sizes, generator=generator)
            return nn.Parameter((2 * drawn - 1) * bound)

        wide = [INPUTS, *[hidden] * (shape.layers - 1)]
        self.weights = nn.ParameterList(
            uniform(inputs + hidden, 4 * hidden) for inputs in wide
        )
        self.biases = nn.ParameterList(uniform(4 * hidden) for _ in wide)
        self.output = nn.Parameter(0.1 * uniform(hidden).detach())

    @property
    def digest(self) -> str:
        """A hash of shape and weights, 16 hexadecimal digits."""
        found = hashlib.sha256(repr(self.shape).encode())
        for weight in self.parameters():
            found.update(weight.detach().float().cpu().numpy().tobytes())
        return found.hexdigest()[:16]

    def initial_state(self, like: torch.Tensor) -> State:
        """Return the state before the first step, zeros.

        Args:
            like: (coordinates,), of the dtype and on the device of the state.
        """
        sizes = (self.shape.layers, len(like), self.shape.hidden)
        return like.new_zeros(sizes), like.new_zeros(sizes)

    def forward(
        self, gradient: torch.Tensor, state: State
    ) -> tuple[torch.Tensor, State]:
        """Return the update of a step and the state after it.

        Args:
            gradient: (coordinates,); the network computes in its dtype.
            state: before the step.

        Returns:
            The update u of w <- w - lr u, (coordinates,), and the new state.
        """
        values = preprocess(gradient, self.shape.decades)
        hidden, cells = [], []
        for layer, (weight, bias) in enumerate(
            zip(self.weights, self.biases, strict=True)
        ):
            before = state[0][layer], state[1][layer]
            values, cell = _lstm(values, *before, weight.to(values), bias.to(values))
            hidden.append(values)
            cells.append(cell)
        update = values @ self.output.to(values)
        return update, (torch.stack(hidden), torch.stack(cells))


def _lstm(
    inputs: torch.Tensor,
    hidden: torch.Tensor,
    cell: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> State:
    """A step of an LSTM layer; gates are in torch's order i, f, g, o."""
    gates = torch.addmm(bias, torch.cat((inputs, hidden), dim=1), weight)
    start, forget, new, end = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + start.sigmoid() * new.tanh()
    return end.sigmoid() * cell.tanh(), cell
