"""A learned optimizer as an optimizer of torch."""

from collections.abc import Callable, Iterable
from typing import Any, cast, overload

import torch
from torch.optim.optimizer import Optimizer, ParamsT

from neuralopt.learned.network import UpdateNetwork

HALVES = (torch.float16, torch.bfloat16)


class LearnedOptimizer(Optimizer):
    """``w <- w - lr * u``, where a network computes u from the gradients so far.

    Every coordinate has a state of its own, 2 * layers * hidden numbers, in
    ``state_dict``, which torch.load reads by default; resuming is exact.

    Args:
        params: parameters or groups of them, as for every torch optimizer; groups may
            override lr and maximize.
        network: the trained network; `load_learned` reads one from a file. It is not
            changed and not part of ``state_dict``, which names it by a digest.
        lr: learning rate. The network was trained with one rate, which its file holds.
        maximize: follow the gradient uphill.

    Raises:
        ValueError: the learning rate is negative or not finite.
        RuntimeError: at a step, for a sparse or complex gradient.
    """

    def __init__(
        self,
        params: ParamsT,
        network: UpdateNetwork,
        lr: float | torch.Tensor = 0.01,
        *,
        maximize: bool = False,
    ) -> None:
        self.network = network
        defaults = {"lr": lr, "maximize": maximize, "network": network.digest}
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters.

        Args:
            param_group: ``params``, and lr and maximize if they differ from the
                defaults.

        Raises:
            ValueError: the learning rate is negative or not finite.
        """
        super().add_param_group(param_group)
        rate = float(self.param_groups[-1]["lr"])
        if not 0 <= rate < float("inf"):
            self.param_groups.pop()
            raise ValueError(f"Invalid lr: {rate}, it must be finite and >= 0")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a saved state.

        Args:
            state_dict: what `state_dict` returned, of an optimizer with this network.

        Raises:
            ValueError: another network made it.
        """
        for group in state_dict["param_groups"]:
            if group.get("network") != self.defaults["network"]:
                raise ValueError(
                    f"this state belongs to the network {group.get('network')}, not to "
                    f"{self.defaults['network']}: build the optimizer with that network"
                )
        super().load_state_dict(state_dict)
        self._restore_dtypes(state_dict)

    def _restore_dtypes(self, state_dict: dict[str, Any]) -> None:
        """Undo torch's conversion of the state to the dtype of its parameter."""
        for group, saved in zip(
            self.param_groups, state_dict["param_groups"], strict=True
        ):
            for parameter, number in zip(group["params"], saved["params"], strict=True):
                kept = state_dict["state"].get(number, {})
                for name in ("hidden", "cell"):
                    if name in kept:
                        self.state[parameter][name] = kept[name].to(
                            parameter.device, copy=True
                        )

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step for every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients, with gradients enabled.

        Returns:
            The closure's loss; None without a closure.

        Raises:
            RuntimeError: a gradient is sparse or complex.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in cast(Iterable[torch.Tensor], group["params"]):
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(
        self, parameter: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]
    ) -> None:
        if gradient.is_sparse or gradient.is_complex():
            raise RuntimeError(
                "LearnedOptimizer takes dense, real gradients only: use torch.optim "
                "for the other parameters"
            )
        flat = gradient.reshape(-1)
        flat = flat.float() if flat.dtype in HALVES else flat
        kept = self.state[parameter]
        if not kept:
            kept["step"] = 0
            kept["hidden"], kept["cell"] = self.network.initial_state(flat)
        uphill = -flat if group["maximize"] else flat
        update, after = self.network(uphill, (kept["hidden"], kept["cell"]))
        kept["hidden"], kept["cell"] = after
        kept["step"] += 1
        step = (group["lr"] * update).view_as(parameter).to(parameter.dtype)
        parameter.sub_(step)
