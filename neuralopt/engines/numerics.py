"""Where an engine's numbers live, and how precise they are.

Knows devices and types of numbers as torch has them; refuses to know what is computed.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from neuralopt.catalog import hint

PRECISIONS = ("float32", "bfloat16", "float64")
"""What `Numerics.named` takes. bfloat16: products and convolutions alone, as torch's
autocast chooses them; weights, gradients and updates stay float32. float32: on a GPU as
torch has it, which convolves in TF32 unless torch.backends.cudnn.allow_tf32 is off."""


@dataclass(frozen=True, slots=True)
class Numerics:
    """dtype: of weights, gradients and states. mixed: products in bfloat16.

    device: as torch names it, ``cpu``, ``cuda`` or ``cuda:1``.
    """

    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    mixed: bool = False

    @classmethod
    def named(cls, precision: str = "float32", device: str = "cpu") -> "Numerics":
        """From the words of a configuration.

        Raises ValueError for a precision or a device that torch does not know.
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
        """Whether its device is the processor."""
        return torch.device(self.device).type == "cpu"

    def check(self) -> None:
        """Raise ValueError if this machine does not have the device."""
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
        """What a forward pass runs in. One for each: it keeps narrowed weights."""
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.mixed)

    @contextmanager
    def repeatable(self) -> Iterator[None]:
        """Keep cuDNN to algorithms that add in the same order every time."""
        before = torch.backends.cudnn.deterministic
        if before or self.on_cpu:
            yield
            return
        # torch.backends.cudnn.flags would set all its other flags anew.
        torch._C._set_cudnn_deterministic(True)
        try:
            yield
        finally:
            torch._C._set_cudnn_deterministic(before)

    def place(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor on the device, in the dtype unless it holds whole numbers."""
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(self.device, dtype)

    def __str__(self) -> str:
        kind = str(self.dtype).removeprefix("torch.")
        return f"{'bfloat16' if self.mixed else kind} on {self.device}"


CPU_FLOAT32 = Numerics()
"""The default of every engine."""
