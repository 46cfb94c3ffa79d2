"""Template of a file that needs only torch, with gaps for what a rule brings."""

FILE = '''{header}
"""{class_name}:

{module_text}

{origin}
"""

{imports}


{functions}{source}

STATES = {names}
LARGE = 1 << 16  # elements of a tensor that is not worth copying to others


class {class_name}(Optimizer):
    """w <- w - lr * (rule + weight_decay * w), element by element, where rule is

{indented_text}

{latex}

    lr: learning rate, a number or a tensor.{lr_advice}
    weight_decay: decoupled. maximize: follow the gradient uphill.
{arguments_text}    foreach: treat small tensors in one pass; by default on a GPU.
    capturable: keep the step on the device, for CUDA graphs.
    differentiable: let gradients flow through the step.
    State is per parameter, from its first gradient on.
    """

    def __init__(
        self,
        params,
        lr{lr_default},
        weight_decay=0.0,
        maximize=False,
{extra}        *,
        foreach=None,
        capturable=False,
        differentiable=False,
    ):
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not float(lr) >= 0:
            raise ValueError(f"Invalid learning rate: {{lr}}")
        if not weight_decay >= 0:
            raise ValueError(f"Invalid weight_decay: {{weight_decay}}")
{checks}        defaults = dict(
            lr=lr,
            weight_decay=weight_decay,
            maximize=maximize,
{extra_defaults}            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)

    def step(self, closure=None):
        """One step for every parameter with a gradient; returns the closure's loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.set_grad_enabled(self.defaults["differentiable"]):
{start}            for group in self.param_groups:
                together = {{}}
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        kind = self._prepare(parameter, group)
                        together.setdefault(kind, []).append({entry})
{start_advance}                for parameters in together.values():
                    self._update(parameters, group)
        return loss

    def _prepare(self, parameter, group):
        """Make the state; return what tensors treated together have in common."""
        if parameter.grad.is_sparse:
            raise RuntimeError("{class_name} does not support sparse gradients")
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            for name in STATES:
                state[name] = torch.zeros_like(
                    real(parameter), memory_format=torch.preserve_format
                )
        if group["capturable"] and not isinstance(state["step"], torch.Tensor):
            state["step"] = torch.tensor(float(state["step"]), device=parameter.device)
        foreach = group["foreach"]
        if foreach is None:
            plain = type(parameter) in (torch.Tensor, torch.nn.Parameter)
            foreach = plain and parameter.is_cuda
        alone = group["capturable"] or group["differentiable"]
        if not foreach or alone or parameter.numel() > LARGE:
            return id(parameter)
        return parameter.device, parameter.dtype, state["step"]

    def _update(self, parameters, group):
{unzip}        states = [self.state[parameter] for parameter in parameters]
        w = [real(parameter) for parameter in parameters]
        g = [real(parameter.grad) for parameter in parameters]
        memory = [[state[name] for name in STATES] for state in states]
        memory = [side_by_side(tensors) for tensors in zip(*memory)]
        flat, gradient = side_by_side(w), side_by_side(g)
        if group["maximize"]:
            gradient = -gradient
        t = states[0]["step"]
{total}{draw}        value, memory = step(
            gradient,
            flat,
            {clock},
            tuple(memory),
            {draw_argument},
        )
        if group["capturable"] and not group["differentiable"]:
            # A CUDA graph finds its memory where it left it. Copies first: what one
            # state becomes may be what another one was.
            (state,), memory = states, [tensor.clone() for tensor in memory]
            state["step"].copy_(t + 1)
            for name, tensor in zip(STATES, memory):
                state[name].copy_(tensor)
        else:
            for state in states:
                state["step"] = t + 1
            for name, tensor in zip(STATES, memory):
                for state, part in zip(states, apart(tensor, w)):
                    state[name] = part if len(states) == 1 else part.clone()
        if group["weight_decay"] != 0:
            value = value + group["weight_decay"] * flat
        rate = group["lr"]
        if isinstance(rate, torch.Tensor):
            rate = rate.reshape(())
        for tensor, part in zip(w, apart(rate * value, w)):
            tensor.sub_(part)


def real(tensor):
    """Complex numbers as pairs."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def side_by_side(tensors):
    """Tensors as one; a single one as it is."""
    if len(tensors) == 1:
        return tensors[0]
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def apart(tensor, shapes):
    """A tensor cut as it was before it was laid side by side."""
    if len(shapes) == 1:
        return [tensor]
    parts = tensor.split([shape.numel() for shape in shapes])
    return [part.view(shape.shape) for part, shape in zip(parts, shapes)]
'''

START = """\
            start = 0
"""

START_ADVANCE = """\
                    two = 2 if parameter.is_complex() else 1
                    start += parameter.numel() * two
"""

UNZIP = """\
        starts = [start for _, start in parameters]
        parameters = [parameter for parameter, _ in parameters]
"""

TOTAL = """\
        total = group["total_steps"]
"""

DRAW = """        counters = group["seed"], 0, t

        def random(kind, stream):
            draws = [
                draw(kind, (*counters, stream), tensor, start)
                for tensor, start in zip(g, starts)
            ]
            return side_by_side(draws)

"""

NUMBER = '''\
def number(x, g):
    """A scalar as a tensor of the type of g."""
    if isinstance(x, torch.Tensor):
        return x.to(g.dtype)
    return torch.tensor(x, dtype=g.dtype, device=g.device)
'''

STILL = "scalars(0.0, 0.0, 0.0)"
"""Scalars of a rule without a clock; of one with t alone; of one with T or progress."""
TICKING = """\
on_device(t) if group["capturable"] else scalars(float(t), 0.0, 0.0)"""
PLANNED = """\
on_device(t, float(total))
            if group["capturable"]
            else scalars(float(t), float(total), min(1.0, t / total))"""

CHECK_CAPTURABLE = """\
        if capturable:
            raise ValueError("capturable: this rule draws random bits on the host")
"""

CHECK_TOTAL_STEPS = """\
        if total_steps is None or total_steps < 1:
            raise ValueError("give total_steps, the number of steps")
"""
