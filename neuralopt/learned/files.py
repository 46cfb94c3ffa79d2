"""Learned optimizers in files, which hold what their training is continued from."""

import io
import os
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from neuralopt.engines.engine import TorchOptimizer
from neuralopt.learned.network import NetworkShape, UpdateNetwork
from neuralopt.learned.optimizer import LearnedOptimizer
from neuralopt.learned.training import MetaTraining
from neuralopt.whole_file import write_whole

KIND, VERSION = "neuralopt learned optimizer", 1


@dataclass(frozen=True, slots=True)
class Learned:
    """A learned optimizer.

    Attributes:
        network: computes updates.
        rate: learning rate of the children that it was trained on.
        children: trained so far.
        description: what it was trained with, as `MetaTraining.description` has it.
    """

    network: UpdateNetwork
    rate: float
    children: int
    description: Mapping[str, Any]

    def optimizer(
        self, params: Iterable[torch.Tensor], lr: float | None = None
    ) -> LearnedOptimizer:
        """Return an optimizer of torch.

        Args:
            params: parameters or groups of them.
            lr: learning rate, by default the one that it was trained with.
        """
        rate = self.rate if lr is None else lr
        return LearnedOptimizer(params, self.network, rate)


def save_learned(training: MetaTraining, path: str | os.PathLike[str]) -> None:
    """Write a network and the state of its training, all or nothing.

    Args:
        training: between two children.
        path: of the file.

    Raises:
        OSError: the file can't be written.
    """
    held = io.BytesIO()
    state = {"kind": KIND, "version": VERSION, **training.state_dict()}
    torch.save(state, held)
    write_whole(Path(path), held.getvalue())


def read_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what `save_learned` wrote, read without running any code.

    Args:
        path: of the file.

    Returns:
        The state of the training.

    Raises:
        ValueError: the file holds something else.
        OSError: the file can't be read.
    """
    data = Path(path).read_bytes()
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError):
        state = None
    if not isinstance(state, dict) or state.get("kind") != KIND:
        raise ValueError(
            f"{path} holds no learned optimizer: name a file that `neuralopt learn` "
            "wrote"
        )
    if state.get("version") != VERSION:
        raise ValueError(
            f"{path} is of version {state.get('version')} of the format, and this "
            f"package reads {VERSION}: learn it again, or update neuralopt"
        )
    return state


def load_learned(path: str | os.PathLike[str]) -> Learned:
    """Read a learned optimizer.

    Args:
        path: of a file that `neuralopt learn` wrote.

    Returns:
        The optimizer as far as it is trained.

    Raises:
        ValueError: the file holds something else, or is damaged.
        OSError: the file can't be read.
    """
    state = read_state(path)
    try:
        description = state["description"]
        network = UpdateNetwork(NetworkShape(**description["shape"]))
        network.load_state_dict(state["network"])
        rate, children = float(description["rate"]), len(state["curve"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged ({error}): learn it again") from None
    network.requires_grad_(False)
    return Learned(network, rate, children, description)


def learned_candidate(name: str, path: str | os.PathLike[str]) -> TorchOptimizer:
    """Return what comparisons train for a learned optimizer.

    Args:
        name: of the optimizer.
        path: of the file.

    Returns:
        An optimizer that takes a learning rate. Its name ends with the digest of the
        network: trainings that are kept by name are those of these weights.

    Raises:
        ValueError: the file holds something else.
        OSError: the file can't be read.
    """
    learned = load_learned(path)
    return TorchOptimizer(f"{name} {learned.network.digest}", learned.optimizer)
