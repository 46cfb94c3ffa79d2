"""The tasks `char_gru`, `char_transformer` and `tiny_gpt`: char_lm's text again.

All predict the next character of the text of `char_lm` from a third of its training
windows, or half of them for `tiny_gpt`, so that a training takes a second or less.
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

GPT_WINDOWS: Mapping[Split, int] = {
    "training": 60,
    "validation": 30,
    "selection": 30,
    "test": 30,
}
"""Of the same for `tiny_gpt`: 480, and 240 for each other split. An epoch is 30 batches
of 16: in 100 steps, as of `char_transformer`, Muon is hardly ahead of AdamW."""

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


class TinyGpt(CharTransformer):
    """The transformer of `CharTransformer`, twice as wide and of two blocks.

    Four fifths of its 80,859 parameters are in the eight matrices of the blocks. The
    linear layer at the end has a matrix of its own, not that of the embedding.
    """

    def __init__(self) -> None:
        super().__init__()
        width = 2 * WIDTH
        self.characters = _embedding(len(VOCABULARY), width)
        self.places = _embedding(TIME, width)
        blocks = (Block(width, 2 * HEADS) for _ in range(2))
        self.add_module("block", nn.Sequential(*blocks))
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, len(VOCABULARY))


class Block(nn.Module):
    """Causal self-attention and a layer of ReLUs, each added to its inputs.

    Layer normalisation precedes each (Xiong et al. 2020). Inputs and outputs: (batch,
    time, width). The products are written out, since torch.func batches these over
    networks.

    Args:
        width: numbers of a place; there are twice as many ReLUs.
        heads: attention heads, which share the width.
    """

    def __init__(self, width: int = WIDTH, heads: int = HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.hidden = nn.Linear(width, 2 * width)
        self.output = nn.Linear(2 * width, width)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = values + self.joined(self.attention(self.norm1(values)))
        hidden = torch.relu(self.hidden(self.norm2(values)))
        outputs: torch.Tensor = values + self.output(hidden)
        return outputs

    def attention(self, values: torch.Tensor) -> torch.Tensor:
        """Mean of the values at no later places, by softmax of the scaled products."""
        size = values.shape[-1] // self.heads
        heads = self.mixed(values).unflatten(-1, (3, self.heads, size))
        query, key, value = heads.transpose(-4, -2).unbind(-3)
        products = query @ key.transpose(-2, -1) / math.sqrt(size)
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


def tiny_gpt() -> CustomTask:
    """Return the next character by a transformer whose matrices are most of it."""
    return _task("tiny_gpt", TinyGpt, GPT_WINDOWS)


def _task(
    name: str,
    network: Callable[[], nn.Module],
    windows: Mapping[Split, int] = WINDOWS,
) -> CustomTask:
    splits = windows_of_text(windows)
    return make_task(name, network, splits, batch_size=BATCH, loss=mean_over_places)


def _embedding(count: int, width: int = WIDTH) -> nn.Embedding:
    """Return an embedding that begins with uniform numbers.

    The last bits of torch's normal numbers differ from processor to processor, and the
    task's fingerprint with them.
    """
    made = nn.Embedding(count, width)
    nn.init.uniform_(made.weight, -1.0, 1.0)
    return made
