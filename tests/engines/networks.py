"""Networks of many kinds, as custom tasks."""

import torch
from torch import nn

from neuralopt import make_task


class Last(nn.Module):
    """A recurrent layer and its last state to three classes."""

    def __init__(self, kind):
        super().__init__()
        self.layer, self.head = kind(6, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, inputs):
        return self.head(self.layer(inputs)[0][:, -1])


class Mean(nn.Module):
    """Attention over a sequence, and its mean to three classes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.enter, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, inputs):
        return self.head(self.layer(self.enter(inputs)).mean(1))


class Words(nn.Module):
    """Token numbers, embedded, and the same weights on the method out."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Embedding(11, 8)
        self.layer = nn.Linear(8, 8)
        self.leave = nn.Linear(8, 11)
        self.leave.weight = self.enter.weight

    def forward(self, inputs):
        return self.leave(torch.tanh(self.layer(self.enter(inputs)))).mean(1)


class Partial(nn.Module):
    """One weight is frozen, and one is of no use."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(5, 7), nn.Linear(7, 3)
        self.first.weight.requires_grad_(requires_grad=False)
        self.unused = nn.Parameter(torch.ones(4))

    def forward(self, inputs):
        return self.second(torch.relu(self.first(inputs)))


class Peeking(nn.Module):
    """Looks at its numbers, which torch.func does not allow."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 4)

    def forward(self, inputs):
        outputs = self.layer(inputs)
        return outputs if outputs.sum().item() > 0 else 2 * outputs


class Averaging(nn.Module):
    """Keeps an average of its inputs in a buffer that it replaces at every batch."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 4)
        self.register_buffer("mean", torch.zeros(5))

    def forward(self, inputs):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * inputs.mean(0).detach()
        return self.layer(inputs - self.mean)


class Counting(nn.Module):
    """Counts its batches in a number of Python's, and cools down with it."""

    def __init__(self):
        super().__init__()
        self.layer, self.batches = nn.Linear(5, 4), 0

    def forward(self, inputs):
        self.batches += self.training
        return self.layer(inputs) / (1 + 0.1 * self.batches)


class Switching(nn.Module):
    """Uses other weights for other batches."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(5, 4), nn.Linear(5, 4)

    def forward(self, inputs):
        return self.one(inputs) if inputs.mean() > 0 else self.other(inputs)


def dense(*more, bias=True):
    return nn.Sequential(nn.Linear(5, 12, bias), *more, nn.Linear(12, 3))


def convolutional():
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, stride=2, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, groups=2, padding=1), nn.GroupNorm(2, 4), nn.SiLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
    )


NETWORKS = {
    "gelu": (dense, (5,)),
    # No bias before it: its gradient is 0 but for rounding, which is all signs see.
    "batch norm": (lambda: dense(nn.BatchNorm1d(12), nn.ReLU(), bias=False), (5,)),
    "layer norm": (lambda: dense(nn.GELU(), nn.LayerNorm(12)), (5,)),
    "convolutions": (convolutional, (1, 7, 7)),
    "gru": (lambda: Last(nn.GRU), (4, 6)),
    "lstm": (lambda: Last(nn.LSTM), (4, 6)),
    "rnn": (lambda: Last(nn.RNN), (4, 6)),
    "attention": (Mean, (4, 6)),
    "tied words": (Words, (4,)),
    "partly frozen": (Partial, (5,)),
    "peeking": (Peeking, (5,)),
    "odd": (lambda: nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)), (5,)),
    "averaging": (Averaging, (5,)),
    "counting": (Counting, (5,)),
    "switching": (Switching, (5,)),
    "channels last": (
        lambda: convolutional().to(memory_format=torch.channels_last),
        (1, 7, 7),
    ),
}


def own_task(name, batch_size=16, **options):
    """A task of random examples for one of NETWORKS."""
    network, shape = NETWORKS[name]
    random = torch.Generator().manual_seed(7)
    classes = 3
    inputs = torch.randn(160, *shape, generator=random)
    if name == "tied words":
        classes = 11
        inputs = torch.randint(0, 11, (160, *shape), generator=random)
    targets = torch.randint(0, classes, (160,), generator=random)
    return make_task(name, network, (inputs, targets), batch_size=batch_size, **options)
