"""What surrounds a rule in a step: precision, caution, decay and rounding.

Exported files carry the sources of these functions.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

ROUNDING_STREAM = 1 << 32
"""Stream of the random bits that round weights: no rule draws from as many."""

ROUNDINGS = ("nearest", "stochastic", "kahan")
"""How weights of 16 bits are rounded."""

OPTIONS: dict[str, Any] = {
    "caution": False,
    "fully_decoupled": False,
    "max_lr": None,
    "rounding": "nearest",
}
"""Options of a group that older states don't have, and their defaults."""


def check_group(group: dict[str, Any]) -> None:
    """Check the options of a group of parameters, and fill in its max_lr.

    Raises:
        ValueError: one is out of range.
    """
    if isinstance(group["lr"], torch.Tensor) and group["lr"].numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if group["max_lr"] is None:
        group["max_lr"] = float(group["lr"])
    for name in ("lr", "weight_decay", "max_lr"):
        if not 0 <= float(group[name]) < math.inf:
            said = "learning rate" if name == "lr" else name
            raise ValueError(
                f"Invalid {said}: {group[name]}, it must be finite and >= 0"
            )
    if group["fully_decoupled"] and group["max_lr"] == 0:
        raise ValueError("fully_decoupled divides by max_lr: give one above 0")
    if group["rounding"] not in ROUNDINGS:
        raise ValueError(
            f"Invalid rounding: {group['rounding']}, known are {', '.join(ROUNDINGS)}"
        )
    kinds = {parameter.dtype for parameter in group["params"]}
    if group["rounding"] == "stochastic" and torch.float16 in kinds:
        raise ValueError("stochastic rounding is for bfloat16: for float16 use kahan")


def decay_of(group: dict[str, Any]) -> float | None:
    """What of the weights is added to a rule's value; None without weight decay."""
    decay: float = group["weight_decay"]
    if decay == 0:
        return None
    return decay / group["max_lr"] if group["fully_decoupled"] else decay


def working_type(weights: torch.dtype, rounding: str) -> torch.dtype:
    """The type that a step computes in and keeps its memory in."""
    narrow = weights in (torch.bfloat16, torch.float16) and rounding != "nearest"
    return torch.float32 if narrow else weights


def cautious(
    value: torch.Tensor,
    gradient: torch.Tensor,
    mean: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """A rule's value where its sign is the gradient's, scaled up by how much is left.

    Source: Liang et al. 2024, as in their code: the share that is left counts as 0.001
    at least.
    """
    agree = (torch.sign(value) * torch.sign(gradient) > 0).to(value.dtype)
    return value * (agree / torch.clamp(mean(agree), min=1e-3))


def to_bfloat16(exact: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Round float32 up or down at random, so that the expectation is exact.

    Args:
        exact: float32.
        words: random bits, int32.
    """
    bits = exact.view(torch.int32)
    up_or_down = (bits + (words & 0xFFFF)) & -0x10000
    finite = torch.isfinite(exact)
    return torch.where(finite, up_or_down, bits).view(torch.float32).bfloat16()


def move(
    w: torch.Tensor,
    exact: torch.Tensor,
    change: torch.Tensor,
    compensation: torch.Tensor | None,
    words: Callable[[], torch.Tensor] | None,
) -> None:
    """Subtract a change from weights in place.

    Args:
        w: weights.
        exact: the weights in the type of the change; w itself if it is that of w.
        change: to be subtracted.
        compensation: what earlier roundings took from the weights (Kahan 1965), if it
            is kept.
        words: random bits for stochastic rounding, int32.
    """
    if exact.dtype == w.dtype:
        w.sub_(change)
    elif compensation is not None:
        total = exact + (compensation.to(exact.dtype) - change)
        w.copy_(total)
        compensation.copy_(total - w.to(exact.dtype))
    elif words is not None:
        w.copy_(to_bfloat16(exact - change, words()))


def advance(
    step: Callable[..., Any],
    w: torch.Tensor,
    g: torch.Tensor,
    memory: tuple[torch.Tensor, ...],
    scalars: tuple[Any, ...],
    draw: Callable[[str, int, torch.Tensor], torch.Tensor],
    rate: float | torch.Tensor,
    decay: float | torch.Tensor | None = None,
    maximize: bool = False,
    rounding: str = "nearest",
    mean: Callable[[torch.Tensor], torch.Tensor] | None = None,
    compensation: torch.Tensor | None = None,
    words: Callable[[], torch.Tensor] | None = None,
) -> tuple[torch.Tensor, ...]:
    """Take a step with some weights, in place.

    Args:
        step: of the rule's program.
        w: weights.
        g: gradient.
        memory: the rule's states.
        scalars: of this step.
        draw: kind, stream and a tensor -> random numbers like the tensor.
        rate: learning rate.
        decay: see `decay_of`.
        maximize: whether the gradient is followed uphill.
        rounding: one of ROUNDINGS.
        mean: over a whole parameter, for caution; None without caution.
        compensation: see `move`.
        words: see `move`.

    Returns:
        The new memory; tensors of the old one may be among it.
    """
    kind = working_type(w.dtype, rounding)
    exact, gradient = w.to(kind), g.to(kind)
    if maximize:
        gradient = -gradient

    def random(kind: str, stream: int) -> torch.Tensor:
        return draw(kind, stream, gradient)

    value, memory = step(gradient, exact, scalars, memory, random)
    if mean is not None:
        value = cautious(value, gradient, mean)
    if decay is not None:
        value = value + decay * exact
    move(w, exact, rate * value, compensation, words)
    return memory


def restore_types(optimizer: torch.optim.Optimizer, state_dict: dict[str, Any]) -> None:
    """Undo what torch does to a loaded state: it casts memory to the type of weights.

    Args:
        optimizer: that has loaded the state.
        state_dict: the state.
    """
    saved = state_dict["state"]
    numbers = [n for group in state_dict["param_groups"] for n in group["params"]]
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            entries = optimizer.state.get(parameter, {})
            kind = working_type(parameter.dtype, group["rounding"])
            for name, value in saved.get(numbers.pop(0), {}).items():
                kept = entries.get(name)
                if name in ("step", "compensation") or kind == parameter.dtype:
                    continue
                entries[name] = value.to(device=kept.device, dtype=kind, copy=True)
