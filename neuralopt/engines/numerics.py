"""The device and the precision of an engine's numbers."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock

import torch

from neuralopt.catalog import hint

PRECISIONS = ("float32", "bfloat16", "float64")
"""What `Numerics.named` takes. bfloat16: only of products and convolutions, as torch's
autocast chooses them; weights, gradients and updates stay float32. float32: on a GPU,
torch convolves in TF32 unless torch.backends.cudnn.allow_tf32 is off."""


class _Determinism:
    """cuDNN's deterministic flag, which all threads of the process share."""

    def __init__(self) -> None:
        self.lock, self.depth, self.before = Lock(), 0, False

    def enter(self) -> None:
        with self.lock:
            if self.depth == 0:
                self.before = torch.backends.cudnn.deterministic
                # torch.backends.cudnn.flags would set all its other flags anew.
                torch._C._set_cudnn_deterministic(True)
            self.depth += 1

    def leave(self) -> None:
        with self.lock:
            self.depth -= 1
            if self.depth == 0:
                torch._C._set_cudnn_deterministic(self.before)


_DETERMINISM = _Determinism()


@dataclass(frozen=True, slots=True)
class Numerics:
    """The device and the precision of a training.

    Attributes:
        dtype: of weights, gradients and states.
        device: as torch names it: ``cpu``, ``cuda`` or ``cuda:1``.
        mixed: whether products are computed in bfloat16.
    """

    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    mixed: bool = False

    @classmethod
    def named(cls, precision: str = "float32", device: str = "cpu") -> "Numerics":
        """Make numerics from the words of a configuration.

        Args:
            precision: one of PRECISIONS.
            device: ``cpu``, ``cuda`` or ``cuda:N``.

        Returns:
            Numerics of that dtype, device and precision.

        Raises:
            ValueError: the precision or the device is unknown.
        """
        if precision not in PRECISIONS:
            known = hint(precision, PRECISIONS)
            raise ValueError(f"unknown evaluator.precision {precision!r}: {known}")
        # Not by torch.device, whose index wraps around.
        if not re.fullmatch(r"cpu|cuda(:\d{1,2})?", device):
            raise ValueError(
                f"unknown evaluator.device {device!r}: give cpu, cuda or cuda:N"
            )
        dtype = torch.float64 if precision == "float64" else torch.float32
        return cls(dtype, device, precision == "bfloat16")

    @property
    def on_cpu(self) -> bool:
        """Whether the device is the CPU."""
        return torch.device(self.device).type == "cpu"

    def check(self) -> None:
        """Check that this machine has the device.

        Raises:
            ValueError: it does not.
        """
        device = torch.device(self.device)
        if device.type != "cuda":
            return
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count <= (device.index or 0):
            seen = f"{count} GPUs" if count else "no GPU"
            built = "" if torch.version.cuda else ", and is built without CUDA"
            raise ValueError(
                f"evaluator.device is {self.device}, but torch {torch.__version__} "
                f"sees {seen} here{built}: use evaluator.device=cpu"
            )

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context of one forward pass.

        Each pass needs a new one, since it caches converted weights.
        """
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.mixed)

    @contextmanager
    def repeatable(self) -> Iterator[None]:
        """Restrict cuDNN to algorithms that add in the same order every time.

        The restriction holds for all threads, until the last one leaves.
        """
        if self.on_cpu:
            yield
            return
        _DETERMINISM.enter()
        try:
            yield
        finally:
            _DETERMINISM.leave()

    def place(self, tensor: torch.Tensor) -> torch.Tensor:
        """Move a tensor to the device, and convert float tensors to the dtype.

        Args:
            tensor: of any dtype; integers keep theirs.

        Returns:
            The tensor on the device.
        """
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(self.device, dtype)

    def __str__(self) -> str:
        kind = str(self.dtype).removeprefix("torch.")
        return f"{'bfloat16' if self.mixed else kind} on {self.device}"


CPU_FLOAT32 = Numerics()
"""The default of every engine."""
