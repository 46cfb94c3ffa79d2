"""The tasks `char_gru` and `char_transformer`: char_lm's text for small networks.

Both predict the next character of the text of `char_lm` from a third of its training
windows, so that a training takes a fraction of a second.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from neuralopt.tasks.char_lm import (
    BATCH,
    TIME,
    VOCABULARY,
    mean_over_places,
    windows_of_text,
)
from neuralopt.tasks.custom import CustomTask, make_task
from neuralopt.tasks.task import Split

WINDOWS: Mapping[Split, int] = {
    "training": 40,
    "validation": 16,
    "selection": 16,
    "test": 16,
}
"""Of each of the text's eight sections: 320 for training, 128 for each other split. An
epoch is 20 batches of 16."""

WIDTH, HEADS = 32, 2
"""Numbers of a place, and attention heads that share them."""


class CharGru(nn.Module):
    """A GRU (Cho et al. 2014) of 32 units between an embedding and a linear layer.

    Inputs: numbers of characters, int64 (batch, time). Outputs: scores of the next one
    at every place, (batch, time, characters).
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = _embedding(len(VOCABULARY))
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.linear = nn.Linear(WIDTH, len(VOCABULARY))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        states, _ = self.gru(self.embedding(inputs))
        outputs: torch.Tensor = self.linear(states)
        return outputs


class CharTransformer(nn.Module):
    """A causal transformer of one block (Vaswani et al. 2017), normalised first.

    Embeddings of characters and places are added; one block of two attention heads and
    of 64 hidden units follows, layer normalisation and a linear layer. Inputs and
    outputs are those of `CharGru`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.characters = _embedding(len(VOCABULARY))
        self.places = _embedding(TIME)
        self.block = Block()
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, len(VOCABULARY))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        values = self.characters(inputs) + self.places.weight[: inputs.shape[-1]]
        outputs: torch.Tensor = self.linear(self.norm(self.block(values)))
        return outputs


class Block(nn.Module):
    """Causal self-attention and a layer of 64 ReLUs, each added to its inputs.

    Layer normalisation precedes each (Xiong et al. 2020). Inputs and outputs: (batch,
    time, width). The products are written out, since torch.func batches these over
    networks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mixed = nn.Linear(WIDTH, 3 * WIDTH)
        self.joined = nn.Linear(WIDTH, WIDTH)
        self.hidden = nn.Linear(WIDTH, 2 * WIDTH)
        self.output = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = values + self.joined(self.attention(self.norm1(values)))
        hidden = torch.relu(self.hidden(self.norm2(values)))
        outputs: torch.Tensor = values + self.output(hidden)
        return outputs

    def attention(self, values: torch.Tensor) -> torch.Tensor:
        """Mean of the values at no later places, by softmax of the scaled products."""
        heads = self.mixed(values).unflatten(-1, (3, HEADS, WIDTH // HEADS))
        query, key, value = heads.transpose(-4, -2).unbind(-3)
        products = query @ key.transpose(-2, -1) / math.sqrt(WIDTH // HEADS)
        later = torch.ones(products.shape[-2:], dtype=torch.bool).triu(1)
        weights = products.masked_fill(later.to(products.device), -math.inf)
        means: torch.Tensor = weights.softmax(-1) @ value
        return means.transpose(-3, -2).flatten(-2)


def char_gru() -> CustomTask:
    """Return the next character by a GRU, half as wide as that of `char_lm`."""
    return _task("char_gru", CharGru)


def char_transformer() -> CustomTask:
    """Return the next character by a causal transformer with layer normalisation."""
    return _task("char_transformer", CharTransformer)


def _task(name: str, network: Callable[[], nn.Module]) -> CustomTask:
    splits = windows_of_text(WINDOWS)
    return make_task(name, network, splits, batch_size=BATCH, loss=mean_over_places)


def _embedding(count: int) -> nn.Embedding:
    """Return an embedding that begins with uniform numbers.

    The last bits of torch's normal numbers differ from processor to processor, and the
    task's fingerprint with them.
    """
    made = nn.Embedding(count, WIDTH)
    nn.init.uniform_(made.weight, -1.0, 1.0)
    return made
