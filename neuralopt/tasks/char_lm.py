"""The task `char_lm`: the next character of an English text, by a small GRU."""

import hashlib
import math
from collections.abc import Mapping
from importlib.resources import files

import torch
from torch import nn

from neuralopt.tasks.custom import CustomTask, make_task
from neuralopt.tasks.custom_sources import Tensors
from neuralopt.tasks.task import Split

FILE = "text/manual.txt"
"""This project's own documents as they once were; `text/README.md` says more."""

SHA256 = "2e86d033ff51031b02a0ef6686471ad96e4649bd7daa6e559b376e05a7d54ad4"

VOCABULARY = (
    "\n \"#%'()*+,-./0123456789:;<=>?@"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_abcdefghijklmnopqrstuvwxyz{}~"
)
"""A character's number is its place in here: all that occur, sorted."""

TIME, SECTIONS, BATCH = 32, 8, 16
WINDOWS: Mapping[Split, int] = {
    "training": 120,
    "validation": 30,
    "selection": 20,
    "test": 17,
}
"""Of each section, in the text's order: 960, 240, 160 and 136 in all. An epoch is 60
batches: of Adam's rates 0.01 and 0.1 the first is then ahead after one epoch, as it is
after five. With batches and an embedding of 32 the second was, and was chosen."""


class CharLm(nn.Module):
    """A GRU (Cho et al. 2014) between an embedding and a linear layer.

    Inputs: numbers of characters, int64 (batch, time). Outputs: scores of the next one
    at every place, (batch, time, characters).
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), 64)
        self.gru = nn.GRU(64, 64, batch_first=True)
        self.linear = nn.Linear(64, len(VOCABULARY))
        # Of torch's own normal numbers the last bits differ from processor to
        # processor, and the task's fingerprint with them; of these none do.
        nn.init.uniform_(self.embedding.weight, -1.0, 1.0)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        states, _ = self.gru(self.embedding(inputs))
        outputs: torch.Tensor = self.linear(states)
        return outputs


def mean_over_places(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of every place of every window, nats a character.

    outputs: (batch, time, characters). targets: numbers of characters, (batch, time).
    """
    return nn.functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def char_lm() -> CustomTask:
    """Make the task: an embedding of 64, a GRU of 64 and a linear layer; batches of 16.

    An example is a window of 33 characters: 32 inputs and, one place later, 32 targets.
    The text is divided into 8 equal sections, since its subject changes, and each into
    four contiguous stretches, one for each split, filled with adjacent windows. So
    windows, of one split or of two, share no character; phrases do recur.

    Raises:
        ValueError: the text is not the one that was shipped.
    """
    splits = windows_of_text(WINDOWS)
    return make_task("char_lm", CharLm, splits, batch_size=BATCH, loss=mean_over_places)


def read_text(data: bytes) -> str:
    """Decode the text.

    Args:
        data: the bytes of its file.

    Raises:
        ValueError: their SHA-256 is another one.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"task char_lm: {FILE} has changed, its SHA-256 is {found[:16]}... and not "
            f"{SHA256[:16]}...: restore the file, line endings included"
        )
    return data.decode("ascii")


def windows_of_text(
    sizes: Mapping[Split, int], time: int = TIME
) -> Mapping[Split, Tensors]:
    """Cut the text into windows of time + 1 characters.

    Args:
        sizes: windows of each split in each of the SECTIONS, in the text's order.
        time: inputs of a window.

    Returns:
        Inputs and targets of each split, int64 (windows, time).

    Raises:
        ValueError: the text is not the one that was shipped.
    """
    text = read_text(files("neuralopt.tasks").joinpath(FILE).read_bytes())
    count = sum(sizes.values())
    numbers = [VOCABULARY.index(character) for character in text]
    shape = SECTIONS, count, time + 1
    used = torch.tensor(numbers[: math.prod(shape)]).view(shape)
    stretches = used.split(list(sizes.values()), dim=1)
    return {
        split: (windows[..., :-1].flatten(0, 1), windows[..., 1:].flatten(0, 1))
        for split, windows in zip(sizes, stretches, strict=True)
    }
