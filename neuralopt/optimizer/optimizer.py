"""RuleOptimizer: any rule as a torch optimizer.

Knows torch's contract for optimizers; refuses to know where a rule comes from.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast, overload

import torch
from torch.optim.optimizer import Optimizer, ParamsT

from neuralopt.language import Expression, Rule, parse
from neuralopt.optimizer.draws import draw
from neuralopt.optimizer.fused import FusedStep, Tensors, can_fuse
from neuralopt.optimizer.program import Program, compile_rule


def as_expression(rule: str | Expression | Rule) -> Expression:
    """The expression of a rule given as text, expression or named rule."""
    if isinstance(rule, str):
        return parse(rule)
    return rule.expression if isinstance(rule, Rule) else rule


class RuleOptimizer(Optimizer):
    """``w <- w - lr * (rule + weight_decay * w)``, element by element.

    params: parameters or groups of them, as for every torch optimizer; groups may
    override lr, weight_decay, maximize and total_steps.
    rule: text, Expression or Rule. lr: learning rate; unlike torch's classes it has no
    default unless `rule` is a Rule, whose own is used then.
    weight_decay: decoupled (Loshchilov and Hutter 2019); write coupled decay into the
    rule. maximize: follow the gradient uphill.
    total_steps: steps planned for this training, needed by rules that use T or
    progress. seed: of the rule's own random bits; replicate: a second counter of them.
    fused: take steps by compiled kernels, in one pass over all dense tensors of float32
    and float64 on the CPU. They are compiled at a machine's first step, for seconds.

    The step index t and all state are per parameter, begin with its first gradient and
    live in ``state_dict``, which torch.load reads by default; resuming is exact.
    The user's tensors are never aliased by the state.

    Raises ValueError for a rule that can't be parsed, a negative or missing learning
    rate, or a rule that needs total_steps where none is given; RuntimeError for a
    sparse gradient.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    >>> optimizer = RuleOptimizer([weight], "g * exp(sign(g) * sign(m))", lr=0.1)
    >>> (weight ** 2).sum().backward()
    >>> optimizer.step()
    >>> [round(value, 4) for value in weight.tolist()]
    [0.4563, -0.9127]
    """

    def __init__(
        self,
        params: ParamsT,
        rule: str | Expression | Rule,
        lr: float | torch.Tensor | None = None,
        weight_decay: float = 0.0,
        maximize: bool = False,
        total_steps: int | None = None,
        seed: int = 0,
        *,
        replicate: int = 0,
        fused: bool = False,
    ) -> None:
        if lr is None:
            if not isinstance(rule, Rule):
                raise ValueError("a rule that is not named needs a learning rate: lr=")
            lr = rule.lr
        self.program: Program = compile_rule(as_expression(rule))
        self.fused = FusedStep(self.program.expression) if fused else None
        defaults: dict[str, Any] = {
            # Python's own numbers: torch.load refuses those of numpy by default.
            "lr": lr if isinstance(lr, torch.Tensor) else float(lr),
            "weight_decay": float(weight_decay),
            "maximize": maximize,
            "total_steps": None if total_steps is None else int(total_steps),
            "seed": int(seed),
            "replicate": int(replicate),
            "rule": str(self.program.expression),
            "fused": fused,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; the group may override lr, weight_decay, maximize and
        total_steps. Raises ValueError for a value out of range.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            self._check(group)
        except ValueError:
            self.param_groups.pop()
            raise

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "weight_decay"):
            if not float(group[name]) >= 0:
                raise ValueError(f"Invalid {name}: {group[name]}, it must be >= 0")
        total_steps = group["total_steps"]
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"Invalid total_steps: {total_steps}, it must be >= 1")
        if group["rule"] != str(self.program.expression):
            raise ValueError(
                f"Invalid rule: {group['rule']}, this optimizer runs "
                f"{self.program.expression}: make one RuleOptimizer a rule"
            )
        self.program.clock(0, total_steps)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.program = compile_rule(parse(self.defaults["rule"]))
        fused = self.defaults.get("fused", False)
        self.fused = FusedStep(self.program.expression) if fused else None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a saved state. Raises ValueError if another rule made it."""
        for group in state_dict["param_groups"]:
            if group.get("rule") != str(self.program.expression):
                raise ValueError(
                    f"this state belongs to the rule {group.get('rule')}, not to "
                    f"{self.program.expression}: build the optimizer with that rule"
                )
        super().load_state_dict(state_dict)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step for every parameter that has a gradient; returns closure's loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        start = 0
        for group in self.param_groups:
            together: dict[tuple[torch.dtype, int], list[Tensors]] = {}
            for parameter in cast(Iterable[torch.Tensor], group["params"]):
                if parameter.grad is not None:
                    step, tensors = self._prepare(parameter, parameter.grad, start)
                    if self.fused and can_fuse(tensors):
                        kind = tensors.parameter.dtype, step
                        together.setdefault(kind, []).append(tensors)
                    else:
                        self._update(parameter, tensors, step, group)
                    self.state[parameter]["step"] = step + 1
                start += parameter.numel() * (2 if parameter.is_complex() else 1)
            for (_, step), some in together.items():
                self._update_together(some, step, group)
        return loss

    def _prepare(
        self, parameter: torch.Tensor, gradient: torch.Tensor, start: int
    ) -> tuple[int, Tensors]:
        """Number of the parameter's step, and what it is on; complex ones as pairs.

        start: elements of the parameters before this one, for its random bits.
        """
        if gradient.is_sparse:
            raise RuntimeError(
                "RuleOptimizer takes no sparse gradients: set sparse=False there"
            )
        w, g = parameter, gradient
        if torch.is_complex(w):
            w, g = torch.view_as_real(w), torch.view_as_real(g)
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            for index, zeros in enumerate(self.program.initial_states(w)):
                state[f"state{index}"] = zeros
        states = tuple(state[f"state{n}"] for n in range(self.program.states))
        return state["step"], Tensors(g, w, states, start)

    def _update_together(
        self, tensors: list[Tensors], step: int, group: dict[str, Any]
    ) -> None:
        assert self.fused is not None
        self.program.clock(0, group["total_steps"])  # says so if it is missing
        self.fused.step(
            tensors,
            step,
            group["total_steps"],
            (group["seed"], group["replicate"]),
            float(group["lr"]),
            group["weight_decay"],
            group["maximize"],
        )

    def _update(
        self,
        parameter: torch.Tensor,
        tensors: Tensors,
        step: int,
        group: dict[str, Any],
    ) -> None:
        w, g = tensors.parameter, tensors.gradient
        if group["maximize"]:
            g = -g
        counters = group["seed"], group["replicate"], step
        value, states = self.program.step(
            g,
            w,
            self.program.clock(step, group["total_steps"]),
            tensors.states,
            lambda kind, stream: draw(kind, (*counters, stream), g, tensors.first),
        )
        for index, state in enumerate(states):
            self.state[parameter][f"state{index}"] = state
        if group["weight_decay"] != 0:
            value = value + group["weight_decay"] * w
        rate = group["lr"]
        if isinstance(rate, torch.Tensor):
            rate = rate.reshape(())  # one of shape (1,) would reshape a scalar w
        w.sub_(rate * value)
