"""RuleOptimizer runs any rule as a torch optimizer."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate
from typing import Any, cast, overload

import torch
from torch._compile import _disable_dynamo  # the public one imports all of dynamo
from torch.optim.optimizer import Optimizer, ParamsT

from neuralopt.language import Expression, Rule, as_expression, parse, resolve_rule
from neuralopt.language.tensors import matrix_shape
from neuralopt.optimizer.draws import counter_bits, draw, keys_of
from neuralopt.optimizer.fused import (
    FusedGroup,
    Tensors,
    can_fuse,
    check_that_rules_compile,
)
from neuralopt.optimizer.kinds import check_kind, kind_of
from neuralopt.optimizer.matrices import on_matrices
from neuralopt.optimizer.program import Program, only_program, programs_of
from neuralopt.optimizer.sharding import (
    check_whole,
    first_element,
    is_sharded,
    local,
    mean_over,
)
from neuralopt.optimizer.updating import (
    OPTIONS,
    ROUNDING_STREAM,
    advance,
    check_group,
    decay_of,
    restore_types,
    working_type,
)


def _elements(parameter: torch.Tensor) -> int:
    """Real numbers in a parameter."""
    return parameter.numel() * (2 if parameter.is_complex() else 1)


class RuleOptimizer(Optimizer):
    """``w <- w - lr * (rule + weight_decay * w)``, for every parameter.

    The step index t and all state are per parameter, begin with its first gradient and
    live in ``state_dict``, which torch.load reads by default; resuming is exact.
    The state never aliases the user's tensors.

    Args:
        params: parameters or groups of them, as for every torch optimizer; groups may
            override lr, weight_decay, maximize and total_steps, and give the ``kind``
            of their parameters (see `groups_by_kind`). By default a parameter of two or
            more dimensions is a ``matrix``, any other a ``vector``.
        rule: a name of RULES, text, Expression or Rule.
        lr: learning rate, by default that of a rule with a name.
        weight_decay: decoupled (Loshchilov and Hutter 2019); write coupled decay into
            the rule.
        maximize: follow the gradient uphill.
        total_steps: steps planned for this training, needed by rules that use T or
            progress.
        seed: of the rule's own random bits.
        replicate: a second seed of them.
        fused: take steps by one compiled loop over all contiguous tensors of float32
            and float64 on the CPU. It is compiled at the first step, in about half a
            second.
        caution: leave out the elements of the rule's value whose sign is not the
            gradient's, and scale up the others (Liang et al. 2024).
        fully_decoupled: decay weights by lr / max_lr * weight_decay instead of by
            lr * weight_decay (Loshchilov and Hutter 2019, algorithm 2).
        max_lr: of the schedule, for fully_decoupled; by default the initial lr.
        rounding: of weights of 16 bits. ``nearest``; ``stochastic``, for bfloat16, by
            random bits of the seed; or ``kahan``, which keeps what rounding takes away
            in a state of 16 bits. The last two compute and remember in float32.

    Raises:
        ValueError: the rule can't be parsed, an option is out of range, the learning
            rate is missing, the rule needs total_steps and none is given, or a group's
            kind is not a name of `neuralopt.language.primitives.KINDS`.
        RuntimeError: at a step, for a sparse gradient or a parameter that is sharded in
            a way that the rule can't work with.

    Example:
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
        caution: bool = False,
        fully_decoupled: bool = False,
        max_lr: float | None = None,
        rounding: str = "nearest",
    ) -> None:
        rule = resolve_rule(rule)
        if lr is None:
            if not isinstance(rule, Rule):
                raise ValueError("a rule without a name needs a learning rate: give lr")
            lr = rule.lr
        self._set_rule(as_expression(rule))
        if fused:
            check_that_rules_compile()
            if caution:
                raise ValueError("fused=True has no caution: leave one of them out")
        self._loss: float | torch.Tensor | None = None  # of the present step
        self._together: dict[int, FusedGroup] = {}  # of each group that is all fused
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
            "kind": None,
            "caution": caution,
            "fully_decoupled": fully_decoupled,
            "max_lr": None if max_lr is None else float(max_lr),
            "rounding": rounding,
        }
        super().__init__(params, defaults)

    def _set_rule(self, expression: Expression) -> None:
        self.programs = programs_of(expression)
        self.program: Program = self.programs["matrix"]
        different = self.programs.values()
        only = only_program(self.programs)
        self._can_fuse = only is not None and not only.has_tensor_scope
        self._needs_loss = any(program.needs_loss for program in different)
        self._draws = any(program.draws for program in different)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters.

        Args:
            param_group: ``params``, and options if they differ from the defaults.

        Raises:
            ValueError: a value is out of range.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            self._check(group)
        except ValueError:
            self.param_groups.pop()
            raise

    def _check(self, group: dict[str, Any]) -> None:
        check_group(group)
        total_steps = group["total_steps"]
        if total_steps is not None and total_steps < 1:
            raise ValueError(f"Invalid total_steps: {total_steps}, it must be >= 1")
        if group["rule"] != str(self.program.expression):
            raise ValueError(
                f"Invalid rule: {group['rule']}, this optimizer runs "
                f"{self.program.expression}: make one RuleOptimizer a rule"
            )
        for program in self.programs.values():
            program.clock(0, total_steps)
        check_kind(group["kind"], self.programs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._set_rule(parse(self.defaults["rule"]))
        self._together, self._loss = {}, None
        for options in (self.defaults, *self.param_groups):
            for name, value in ({"fused": False, "kind": None} | OPTIONS).items():
                options.setdefault(name, value)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a saved state.

        Args:
            state_dict: what `state_dict` returned, of an optimizer with the same rule.

        Raises:
            ValueError: another rule made it.
        """
        for group in state_dict["param_groups"]:
            if group.get("rule") != str(self.program.expression):
                raise ValueError(
                    f"this state belongs to the rule {group.get('rule')}, not to "
                    f"{self.program.expression}: build the optimizer with that rule"
                )
        super().load_state_dict(state_dict)
        restore_types(self, state_dict)

    @overload
    def step(
        self, closure: None = None, *, loss: float | torch.Tensor | None = None
    ) -> None: ...
    @overload
    def step(
        self,
        closure: Callable[[], float],
        *,
        loss: float | torch.Tensor | None = None,
    ) -> float: ...
    @torch.no_grad()
    def step(
        self,
        closure: Callable[[], float] | None = None,
        *,
        loss: float | torch.Tensor | None = None,
    ) -> float | None:
        """Take one step for every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients, with gradients enabled.
            loss: whose gradients these are, for a rule that uses it and no closure.

        Returns:
            The closure's loss; None without a closure.

        Raises:
            RuntimeError: a gradient is sparse.
            ValueError: the rule uses the loss, and there is none.
        """
        found = None
        if closure is not None:
            with torch.enable_grad():
                loss = found = closure()
        self._loss = loss
        if loss is None and self._needs_loss:
            raise ValueError(
                f"the rule {self.program.expression} uses the loss: give a closure, or "
                "step(loss=...)"
            )
        if self._fusible:
            self._step_fused()
        else:
            for number, start in enumerate(self._starts()):
                self._step_group(number, self.param_groups[number], start)
        return found

    @_disable_dynamo
    def _step_fused(self) -> None:
        """A step of all groups by compiled loops, which torch.compile can't read."""
        for number, start in enumerate(self._starts()):
            group = self.param_groups[number]
            together = self._together.get(number)
            if together and together.are_still(group["params"], self.state, start):
                self._update_together(together, group)
            else:
                self._together.pop(number, None)
                self._together = {
                    n: kept
                    for n, kept in self._together.items()
                    if n < len(self.param_groups)
                }
                self._step_group(number, group, start)

    @property
    def _fusible(self) -> bool:
        return self._can_fuse and bool(self.defaults["fused"])

    def _starts(self) -> list[int]:
        """Number of each group's first element; only random bits need it."""
        rounded = (group["rounding"] == "stochastic" for group in self.param_groups)
        if not self._draws and not any(rounded):
            return [0] * len(self.param_groups)
        sizes = (sum(map(_elements, group["params"])) for group in self.param_groups)
        return [0, *accumulate(sizes)][:-1]

    def _step_group(self, number: int, group: dict[str, Any], start: int) -> None:
        """A step of a group, whose first element has number `start`."""
        begin = start
        fused: dict[tuple[torch.dtype, int], list[Tensors]] = {}
        for parameter in cast(Iterable[torch.Tensor], group["params"]):
            if parameter.grad is not None:
                program = self._program(parameter, group)
                tensors = self._prepare(
                    program, parameter, parameter.grad, start, group
                )
                step = tensors.entries["step"]
                whole = not is_sharded(parameter)
                if self._fusible and whole and can_fuse(tensors):
                    kind = tensors.parameter.dtype, step
                    fused.setdefault(kind, []).append(tensors)
                else:
                    self._update(program, tensors, step, group)
            start += _elements(parameter)
        for (_, step), some in fused.items():
            together = FusedGroup(self.program.expression, some, step, begin)
            self._update_together(together, group)
            if len(some) == len(group["params"]):
                self._together[number] = together

    def _program(self, parameter: torch.Tensor, group: dict[str, Any]) -> Program:
        """The rule for a parameter of this kind."""
        return self.programs[group.get("kind") or kind_of(parameter)]

    def _prepare(
        self,
        program: Program,
        parameter: torch.Tensor,
        gradient: torch.Tensor,
        start: int,
        group: dict[str, Any],
    ) -> Tensors:
        """What the parameter's step is on: local parts, complex numbers as pairs.

        Args:
            program: the rule for the parameter.
            parameter: as the user has it.
            gradient: of the parameter.
            start: elements of the parameters before this one, for its random bits.
            group: of the parameter.

        Raises:
            RuntimeError: the gradient is sparse, or the parameter is sharded in a way
                that the step can't work with.
        """
        if gradient.is_sparse:
            raise RuntimeError(
                "RuleOptimizer takes dense gradients only: set sparse=False there"
            )
        if program.has_tensor_scope or group["caution"]:
            check_whole(parameter, program.has_tensor_scope)
        if program.draws or group["rounding"] == "stochastic":
            start += first_element(parameter)
        w, g = parameter, gradient
        if torch.is_complex(w):
            w, g = torch.view_as_real(w), torch.view_as_real(g)
        entries = self.state[parameter]
        if not entries:
            entries["step"] = 0
            kind = working_type(w.dtype, group["rounding"])
            like = torch.empty_like(w, dtype=kind)
            if program.has_tensor_scope:
                like = like.reshape(matrix_shape(w.shape))
            for index, zeros in enumerate(program.initial_states(like)):
                entries[f"state{index}"] = zeros
        if group["rounding"] == "kahan" and w.element_size() == 2:
            entries.setdefault("compensation", torch.zeros_like(w))
        names = (f"state{n}" for n in range(program.states))
        memory = {name: local(entries[name]) for name in names}
        return Tensors(parameter, entries, local(g), local(w), memory, start)

    def _update_together(self, together: FusedGroup, group: dict[str, Any]) -> None:
        together.take_step(
            self.program.clock(together.step, group["total_steps"]),
            (group["seed"], group["replicate"]),
            float(group["lr"]),
            decay_of(group) or 0.0,
            group["maximize"],
        )

    def _update(
        self, program: Program, tensors: Tensors, step: int, group: dict[str, Any]
    ) -> None:
        w, entries = tensors.parameter, tensors.entries
        counters = group["seed"], group["replicate"], step
        now: int | torch.Tensor = step
        if torch.compiler.is_compiling():  # a number would be part of the graph
            now = torch.full((), step, dtype=torch.float64, device=w.device)
        rate = group["lr"]
        if isinstance(rate, torch.Tensor):
            rate = rate.reshape(())  # one of shape (1,) would reshape a scalar w
        remainder = entries.get("compensation")

        def random(kind: str, stream: int, like: torch.Tensor) -> torch.Tensor:
            return draw(kind, (*counters, stream), like, tensors.first)

        def words() -> torch.Tensor:
            key, _ = keys_of(*counters, ROUNDING_STREAM)
            place = tensors.first, w.numel(), w.device
            return counter_bits(key, *place).view(w.shape)

        memory = advance(
            self._step_of(program),
            w,
            tensors.gradient,
            tuple(tensors.memory.values()),
            program.clock(now, group["total_steps"]),
            random,
            rate,
            decay_of(group),
            group["maximize"],
            group["rounding"],
            mean_over(tensors.owner) if group["caution"] else None,
            None if remainder is None else local(remainder),
            words,
        )
        if is_sharded(tensors.owner):  # what one becomes may be what another one was
            for old, new in zip(
                tensors.memory.values(), [x.clone() for x in memory], strict=True
            ):
                old.copy_(new)
        else:
            entries.update(zip(tensors.memory, memory, strict=True))
        entries["step"] = step + 1

    def _step_of(self, program: Program) -> Callable[..., Any]:
        """The function that a step takes of a parameter of any shape."""
        if not program.has_tensor_scope:
            return program.step
        step = on_matrices(program.step)
        return partial(step, loss=self._loss) if program.needs_loss else step
