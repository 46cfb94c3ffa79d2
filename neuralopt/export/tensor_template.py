"""Parts of files for rules of tensor scope, which treat one tensor at a time."""

from neuralopt.language.primitives import KINDS

PROGRAM = '''\
class Program(NamedTuple):
    """The rule for parameters of a kind."""

    extents: tuple[str, ...]  # what each state has a value for
    streams: tuple[int, ...]  # of random bits
    is_matrix: bool  # whether the step sees a parameter as a matrix
    needs_loss: bool
    clock: Callable  # (t, total) -> the numbers of a step
    step: Callable
'''

STEP = '''\
    def step(self, closure=None):
        """One step for every parameter with a gradient; returns the closure's loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._step_all()
        return loss
'''

STEP_WITH_LOSS = '''\
    def step(self, closure=None, *, loss=None):
        """One step for every parameter with a gradient; returns the closure's loss.

        loss: whose gradients these are, if there is no closure.
        """
        found = None
        if closure is not None:
            with torch.enable_grad():
                loss = found = closure()
        if loss is None:
            raise ValueError("the rule uses the loss: give a closure, or step(loss=)")
        self._step_all(loss)
        return found
'''

METHODS = '''\
{step}
    def _step_all(self{loss}):
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            start = 0
            for group in self.param_groups:
                numbers = {{}}
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._update(parameter, group, start, numbers{loss})
                    start += real(parameter).numel()

    def _prepare(self, parameter, group, program):
        """Return the parameter's state, made at its first step."""
        if parameter.grad.is_sparse:
            raise RuntimeError("{class_name} does not support sparse gradients")
        check_whole(parameter, True)
        state = self.state[parameter]
        kept = working_type(real(parameter).dtype, group["rounding"])
        if not state:
            state["step"] = 0
            like = torch.empty_like(real(parameter), dtype=kept)
            if program.is_matrix:
                like = like.reshape(matrix_shape(like.shape))
            for number, extent in enumerate(program.extents):
                state[f"state{{number}}"] = zeros(like, extent)
        if group["rounding"] == "kahan" and kept != parameter.dtype:
            if "compensation" not in state:
                state["compensation"] = torch.zeros_like(parameter)
        if group["capturable"] and not isinstance(state["step"], torch.Tensor):
            state["step"] = torch.tensor(float(state["step"]), device=parameter.device)
        return state

    def _update(self, parameter, group, start, numbers{loss}):
        program = {program}
        state = self._prepare(parameter, group, program)
        w, g, t = real(parameter), real(parameter.grad), state["step"]
        names = [f"state{{number}}" for number in range(len(program.extents))]
        memory = [state[name] for name in names]
        carry = state.get("compensation")
        if compiles(group) and can_compile(w, g, *memory):
            run_compiled(
                traced,
                program,
                *(in_line(program, each) for each in (w, g)),
                tuple(in_line(program, each) for each in memory),
                *self._inputs(program, group, t, w.device, start, numbers),
                decay_of(group) is not None,
                group["maximize"],
                group["rounding"],
                group["caution"],
                None if carry is None else in_line(program, carry),{given}
            )
        else:
            memory = self._advance(program, w, g, memory, group, t, start, carry{loss})
        if group["capturable"] and not group["differentiable"]:
            # A CUDA graph finds its memory where it left it. Copies first: what one
            # state becomes may be what another one was.
            for name, tensor in zip(names, [tensor.clone() for tensor in memory]):
                state[name].copy_(tensor)
            t.copy_(t + 1)
        else:
            state.update(zip(names, memory), step=t + 1)

    def _advance(self, program, w, g, memory, group, t, start, compensation{loss}):
        """The step by torch operations; returns the new memory."""
        counters = group["seed"], 0, t

        def random(kind, stream, like):
            return draw(kind, (*counters, stream), like, start)

        def words():
            key, _ = keys_of(*counters, ROUNDING_STREAM)
            return counter_bits(key, start, w.numel(), w.device).view(w.shape)

        rate = group["lr"]
        if isinstance(rate, torch.Tensor):
            rate = rate.reshape(())
        if torch.compiler.is_compiling() and not isinstance(t, torch.Tensor):
            t = torch.full((), t, dtype=torch.float64, device=w.device)
        return advance(
            {taken},
            w,
            g,
            tuple(memory),
            program.clock(t, {total}),
            random,
            rate,
            decay_of(group),
            group["maximize"],
            group["rounding"],
            torch.mean if group["caution"] else None,
            compensation,
            words,
        )

'''

IN_LINE = '''\
def in_line(program, tensor):
    """The same numbers as a matrix or in one dimension, not a view of others."""
    shape = matrix_shape(tensor.shape) if program.is_matrix else (-1,)
    return tensor.view(shape).data


'''

CLOCK = """\
def {prefix}clock(t, total):
    if isinstance(t, torch.Tensor):
        return {prefix}on_device({device_arguments})
    return {prefix}scalars({arguments})
"""
STILL = """\
def {prefix}clock(t, total):
    return {prefix}scalars(0.0, 0.0, 0.0)
"""

WITH_LOSS = '''\
def with_loss(program, loss):
    """The step of a program, which knows the loss where it reads it."""
    return partial(program.step, loss=loss) if program.needs_loss else program.step


'''

GAPS = {
    "step": STEP,
    "with_loss": "",
    "loss": "",
    "given": "",
    "loss_line": "",
    "taken": "program.step",
    "program_argument": "program, ",
    "program_line": "\n    program,",
    "all_streams": "program.streams",
    "total_of_compiled": "",
    "program": "PROGRAM",
    "options_text": "",
    "options": "",
    "option_defaults": "",
    "older": "",
    "group_checks": "",
    "compiled_text": "one tensor at a time",
}
"""What fills the gaps of any other rule."""

LOSS_GAPS = {
    "step": STEP_WITH_LOSS,
    "with_loss": WITH_LOSS,
    "loss": ", loss",
    "given": f"\n{' ' * 16}torch.as_tensor(loss, dtype=w.dtype, device=w.device),",
    "loss_line": "\n    loss,",
    "taken": "with_loss(program, loss)",
}
"""What fills gaps where the rule reads the loss."""

KIND_GAPS = {
    "program": 'PROGRAMS[group["kind"] or kind_of(parameter)]',
    "options_text": f"""\
    Groups may give the kind of their parameters: {", ".join(KINDS)}; by
        default two or more dimensions are a matrix, fewer a vector.
""",
    "option_defaults": f"{' ' * 12}kind=None,\n",
    "older": " kind=None,",
    "group_checks": (
        f'{" " * 12}check_kind(self.param_groups[-1]["kind"], PROGRAMS)\n'
    ),
}
"""What fills gaps where the rule tells kinds of parameters apart."""
