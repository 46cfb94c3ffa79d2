"""Parts of files that need only torch, with gaps for what a rule brings.

What differs between element-wise rules and those of tensor scope is in
`element_template` and `tensor_template`.
"""

HEAD = '''{header}
"""{class_name}:

{module_text}

{origin}
"""

{imports}

{functions}{source}

'''

CLASS = '''class {class_name}(Optimizer):
    """w <- w - lr * (rule + weight_decay * w), where rule is

{indented_text}

{latex}

    lr: learning rate, a number or a tensor.{lr_advice}
    weight_decay: decoupled. maximize: follow the gradient uphill.
{arguments_text}    seed: of random bits.
{options_text}    capturable: keep the step on the device, for CUDA graphs.
    differentiable: let gradients flow through the step.
    compiled: run the step by torch.compile, {compiled_text}.
    caution: leave out what has not the gradient's sign (Liang et al. 2024).
    fully_decoupled: decay by lr / max_lr * weight_decay (Loshchilov and Hutter 2019).
    max_lr: of the schedule, for fully_decoupled; by default the initial lr.
    rounding: of weights of 16 bits: nearest, stochastic (bfloat16) or kahan. The last
        two compute and remember in float32.
    State is per parameter, from its first gradient on.
    """

    def __init__(
        self,
        params,
        lr{lr_default},
        weight_decay=0.0,
        maximize=False,
{extra}        seed=0,
        *,
{options}        capturable=False,
        differentiable=False,
        compiled=False,
        caution=False,
        fully_decoupled=False,
        max_lr=None,
        rounding="nearest",
    ):
{checks}        if compiled and (capturable or differentiable):
            raise ValueError("compiled: leave out capturable and differentiable")
        defaults = dict(
            lr=lr,
            weight_decay=weight_decay,
            maximize=maximize,
{extra_defaults}            seed=seed,
{option_defaults}            capturable=capturable,
            differentiable=differentiable,
            compiled=compiled,
            caution=caution,
            fully_decoupled=fully_decoupled,
            max_lr=max_lr,
            rounding=rounding,
        )
        super().__init__(params, defaults)

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        try:
            check_group(self.param_groups[-1])
{group_checks}        except ValueError:
            self.param_groups.pop()
            raise

    def __setstate__(self, state):
        super().__setstate__(state)
        older = dict(maximize=False,{older} capturable=False, seed=0)
        older.update(differentiable=False, compiled=False, **OPTIONS)
        for group in self.param_groups:
            for name, value in older.items():
                group.setdefault(name, value)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        restore_types(self, state_dict)

'''

INPUTS = '''    def _inputs(self, {program_argument}group, t, device, start, numbers):
        """All that changes from step to step, in two tensors for `traced`."""
        streams = {all_streams}
        if group["rounding"] == "stochastic":
            streams = (*streams, ROUNDING_STREAM)
        if ({program_argument}t, device) not in numbers:
{total_of_compiled}            values = {host_clock}
            values = [*values, float(group["lr"]), decay_of(group) or 0.0]
            numbers[{program_argument}t, device] = (
                torch.tensor(values, dtype=torch.float64, device=device),
                [
                    signed(half)
                    for stream in streams
                    for key in keys_of(group["seed"], 0, t, stream)
                    for half in key
                ],
            )
        values, words = numbers[{program_argument}t, device]
        if not streams:
            return values, None
        words = [signed(start), *words]
        return values, torch.tensor(words, dtype=torch.int32, device=device)


'''

TRACED = '''{with_loss}def traced({program_line}
    w,
    g,
    memory,
    numbers,
    words,
    decays,
    maximize,
    rounding,
    caution,
    compensation,{loss_line}
):
    """The step for torch.compile, in place."""
    *values, rate, decay = numbers.unbind()
    streams = (*{all_streams}, ROUNDING_STREAM)

    def keys(stream):
        place = 1 + 4 * streams.index(stream)
        halves = words[place : place + 4].unbind()
        return halves[:2], halves[2:]

    def random(kind, stream, like):
        return drawn(kind, keys(stream), like, words[0])

    def bits():
        key, _ = keys(ROUNDING_STREAM)
        return counter_bits(key, words[0], w.numel(), w.device).view(w.shape)

    new = advance(
        {taken},
        w,
        g,
        memory,
        tuple(values),
        random,
        rate,
        decay if decays else None,
        maximize,
        rounding,
        torch.mean if caution else None,
        compensation,
        bits,
    )
    for old, tensor in zip(memory, [tensor.clone() for tensor in new]):
        old.copy_(tensor)


'''

COMPILER = '''COMPILED = {{}}  # functions, compiled from their first use on


def compiles(group):
    """Whether to compile steps here: not within torch.compile of the whole step."""
    return group["compiled"] and not torch.compiler.is_compiling()


def can_compile(w, *others):
    """Whether tensors lie in memory in order, as they are, and are not too small."""
    return w.numel() > 1 and all(
        each.is_contiguous() and not each.is_neg() for each in (w, *others)
    )


'''

RUN_COMPILED = '''def run_compiled(function, *arguments, **options):
    """Run a function compiled; as it is where torch can't compile, with a warning.

    options: of torch.compile, for the function's first call.
    """
    if function in COMPILED:
        COMPILED[function](*arguments)
        return
    # No global of this file changes: calls need not compare them.
    ignore = getattr(torch.compiler, "skip_guard_on_globals_unsafe", None)
    if ignore:
        options = {{"guard_filter_fn": ignore, **options}}
    try:
        compiled = torch.compile(function, dynamic=True, options=options or None)
        compiled(*arguments)
    except Exception as error:
        reason = f"{{type(error).__name__}}: {{error}}".splitlines()[0]
        if all(each is not made for each, made in COMPILED.items()):
            message = f"compiled: torch can't compile here, {{reason}}"
            warnings.warn(message, stacklevel=2)
        compiled = function
        compiled(*arguments)
    COMPILED[function] = compiled


'''

REAL = '''def real(tensor):
    """Complex numbers as pairs."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
'''

NUMBER = '''\
def number(x, g):
    """A scalar as a tensor of the type of g."""
    if isinstance(x, torch.Tensor):
        return x.to(g.dtype)
    return torch.tensor(x, dtype=g.dtype, device=g.device)
'''

TICKING_ARGUMENTS = "float(t), 0.0, 0.0"
"""Of the function `scalars`, for a rule with t alone."""
PLANNED_ARGUMENTS = "float(t), float(total), min(1.0, t / total)"
"""The same for a rule with T or progress."""

CHECK_TOTAL_STEPS = """\
        if total_steps is None or total_steps < 1:
            raise ValueError("give total_steps, the number of steps")
"""
