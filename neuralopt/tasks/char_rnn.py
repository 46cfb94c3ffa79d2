"""The task `char_rnn`: the next character by a plain RNN, an LSTM or a GRU."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from neuralopt.tasks.char_lm import BATCH, VOCABULARY, mean_over_places, windows_of_text
from neuralopt.tasks.char_small import WINDOWS
from neuralopt.tasks.custom import CustomTask, exponential, share_of_right_classes
from neuralopt.tasks.initialisations import PYTORCH, check_choice, check_range
from neuralopt.tasks.task import Examples, fingerprint

CELLS: Mapping[str, Callable[..., nn.RNNBase]] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
"""By name: the plain RNN (Elman 1990), the LSTM (Hochreiter and Schmidhuber 1997) and
the GRU (Cho et al. 2014)."""

NONLINEARITIES = ("tanh", "relu")

RECURRENT = (PYTORCH, "orthogonal", "identity", "normal")
"""Initialisations of hidden-to-hidden matrices. pytorch: uniform within
1 / sqrt(width). orthogonal: a random orthogonal matrix. identity: the identity matrix
(Le et al. 2015, for ReLU). normal: variance 1 / width, so that the greatest eigenvalue
is about 1. Matrices of several gates are filled gate by gate."""

DEEPEST, WIDEST, LONGEST = 8, 512, 64

FORGET = 1
"""Place of the forget gate among the gates of torch's LSTM: input, forget, cell,
output."""


@dataclass(frozen=True, slots=True)
class RnnOptions:
    """Options of a recurrent network; see `char_rnn`.

    Raises:
        ValueError: a number is out of range, a name is unknown, or an option belongs to
            another cell.
    """

    cell: str
    depth: int
    width: int
    activation: str
    init: str
    gain: float
    forget_bias: float

    def __post_init__(self) -> None:
        check_choice("cell", self.cell, tuple(CELLS))
        check_choice("activation", self.activation, NONLINEARITIES)
        check_choice("init", self.init, RECURRENT)
        check_range("depth", self.depth, 1, DEEPEST)
        check_range("width", self.width, 1, WIDEST)
        if not 0 < self.gain <= 1000:
            raise ValueError(
                f"task.options.gain is {self.gain}: give a factor above 0, up to 1000"
            )
        if not -100 <= self.forget_bias <= 100:
            raise ValueError(
                f"task.options.forget_bias is {self.forget_bias}: give -100 to 100"
            )
        if self.forget_bias and self.cell != "lstm":
            raise ValueError(
                f"task.options.forget_bias is for cell=lstm: {self.cell} has no forget "
                "gate"
            )
        if self.activation != "tanh" and self.cell != "rnn":
            raise ValueError(
                f"task.options.activation is for cell=rnn: {self.cell} has tanh and "
                "sigmoid"
            )

    def network(self) -> "CharRnn":
        """Make a network."""
        return CharRnn(self)


class CharRnn(nn.Module):
    """A recurrent network between an embedding and a linear layer.

    Inputs: numbers of characters, int64 (batch, time). Outputs: scores of the next one
    at every place, (batch, time, characters).

    Args:
        options: of the network.
    """

    def __init__(self, options: RnnOptions) -> None:
        super().__init__()
        width, characters = options.width, len(VOCABULARY)
        self.embedding = nn.Embedding(characters, width)
        nn.init.uniform_(self.embedding.weight, -1.0, 1.0)
        more = {"nonlinearity": options.activation} if options.cell == "rnn" else {}
        self.recurrent = CELLS[options.cell](
            width, width, options.depth, batch_first=True, **more
        )
        self.linear = nn.Linear(width, characters)
        with torch.no_grad():
            for name, parameter in self.recurrent.named_parameters():
                if name.startswith("weight_hh"):
                    _fill(parameter, options.init, options.gain)
                if name.startswith("bias_ih") and options.forget_bias:
                    parameter.view(-1, width)[FORGET] += options.forget_bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        states, _ = self.recurrent(self.embedding(inputs))
        outputs: torch.Tensor = self.linear(states)
        return outputs


def _fill(weight: torch.Tensor, init: str, gain: float) -> None:
    """Fill a matrix (gates * width, width) gate by gate, and multiply it."""
    width = weight.shape[1]
    for gate in weight.split(width):
        if init == "orthogonal":
            nn.init.orthogonal_(gate)
        elif init == "identity":
            nn.init.eye_(gate)
        elif init == "normal":
            nn.init.normal_(gate, 0.0, width**-0.5)
    weight.mul_(gain)


def char_rnn(
    *,
    cell: str = "lstm",
    depth: int = 1,
    width: int = 32,
    time: int = 32,
    activation: str = "tanh",
    init: str = PYTORCH,
    gain: float = 1.0,
    forget_bias: float = 0.0,
) -> CustomTask:
    """Return the next character by a recurrent network of one's choice.

    Args:
        cell: rnn, lstm or gru.
        depth: recurrent layers, one above the other.
        width: units of each, and of the embedding.
        time: characters of a window, through which gradients are propagated; 2 to 64.
        activation: of a plain RNN: tanh or relu.
        init: of the hidden-to-hidden matrices: pytorch, orthogonal, identity or normal;
            see `RECURRENT`.
        gain: factor of the initial hidden-to-hidden matrices.
        forget_bias: added to the initial biases of an LSTM's forget gates (Gers et al.
            2000; Jozefowicz et al. 2015 recommend 1).

    Raises:
        ValueError: an option is out of range, unknown, or of another cell.
    """
    check_range("time", time, 2, LONGEST)
    options = RnnOptions(cell, depth, width, activation, init, gain, forget_bias)
    tensors = windows_of_text(WINDOWS, time)
    splits = {split: Examples(*each) for split, each in tensors.items()}
    return CustomTask(
        "char_rnn",
        fingerprint(f"char_rnn {options} {BATCH}", splits),
        BATCH,
        splits,
        partial(RnnOptions.network, options),
        mean_over_places,
        share_of_right_classes,
        exponential,
    )
