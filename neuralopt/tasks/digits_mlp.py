"""The task `digits_mlp`: the digits by a network whose layers are options."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from torch import nn

from neuralopt.tasks.custom import CustomTask, exponential, share_of_right_classes
from neuralopt.tasks.digits import BATCH, digit_splits
from neuralopt.tasks.initialisations import (
    ACTIVATIONS,
    Initialisation,
    check_choice,
    check_range,
)
from neuralopt.tasks.network import MODULES, Mlp
from neuralopt.tasks.task import fingerprint

PIXELS, CLASSES = 64, 10

DEEPEST, WIDEST = 200, 1024


@dataclass(frozen=True, slots=True)
class MlpOptions:
    """Options of a fully connected network on the digits.

    Attributes:
        depth: hidden layers.
        width: units of each.
        activation: of the hidden layers, a name of ACTIVATIONS.
        initialisation: of all weights.
        batch_norm: whether batch normalisation stands between each hidden layer, which
            then has no bias, and its activation (Ioffe and Szegedy 2015).

    Raises:
        ValueError: a number is out of range or the activation is unknown.
    """

    depth: int
    width: int
    activation: str
    initialisation: Initialisation
    batch_norm: bool

    def __post_init__(self) -> None:
        check_range("depth", self.depth, 1, DEEPEST)
        check_range("width", self.width, 1, WIDEST)
        check_choice("activation", self.activation, tuple(ACTIVATIONS))

    @property
    def layers(self) -> Mlp | None:
        """The network for the native engine; None where it has no such layers."""
        if self.batch_norm or self.activation not in MODULES:
            return None
        widths = (PIXELS, *[self.width] * self.depth, CLASSES)
        return Mlp(widths, self.activation)  # type: ignore[arg-type]  # of MODULES

    def network(self) -> nn.Sequential:
        """Make a network: ``linear1``, ``norm1``, ``tanh1``, ..., ``output``."""
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        inputs = PIXELS
        for number in range(1, self.depth + 1):
            bias = not self.batch_norm
            modules[f"linear{number}"] = nn.Linear(inputs, self.width, bias)
            if self.batch_norm:
                modules[f"norm{number}"] = nn.BatchNorm1d(self.width)
            modules[f"{self.activation}{number}"] = ACTIVATIONS[self.activation]()
            inputs = self.width
        modules["output"] = nn.Linear(inputs, CLASSES)
        network = nn.Sequential(modules)
        self.initialisation.apply(network)
        return network


def digits_mlp(
    *,
    depth: int = 5,
    width: int = 32,
    activation: str = "relu",
    init: str = "pytorch",
    std: float = 0.1,
    batch_norm: bool = False,
) -> CustomTask:
    """Return a fully connected network on the digits, its layers by choice.

    Args:
        depth: hidden layers, 1 to 200.
        width: units of each hidden layer.
        activation: relu, leaky_relu, tanh or sigmoid.
        init: of the weights: pytorch, he, glorot, lecun, orthogonal or normal; see
            `INITIALISATIONS`.
        std: standard deviation of the weights, for ``init=normal``.
        batch_norm: whether hidden layers have batch normalisation.

    Raises:
        ValueError: an option is out of range or unknown.
    """
    options = MlpOptions(
        depth, width, activation, Initialisation(init, std), batch_norm
    )
    splits = digit_splits((PIXELS,))
    return CustomTask(
        "digits_mlp",
        fingerprint(f"digits_mlp {options} {BATCH}", splits),
        BATCH,
        splits,
        partial(MlpOptions.network, options),
        nn.functional.cross_entropy,
        share_of_right_classes,
        exponential,
        layers=options.layers,
    )
