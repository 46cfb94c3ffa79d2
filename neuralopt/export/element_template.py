"""Parts of files for element-wise rules, which treat small tensors in one pass."""

from neuralopt.export.torch_template import PLANNED_ARGUMENTS, TICKING_ARGUMENTS

CONSTANTS = """STATES = {names}
STREAMS = {streams}  # of the rule's random bits
LARGE = 1 << 16  # elements of a tensor that is not worth copying to others
TOGETHER = 16  # tensors that a compiled call steps
PLAIN = torch.Tensor, torch.nn.Parameter


"""

METHODS = '''    def step(self, closure=None):
        """One step for every parameter with a gradient; returns the closure's loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            start = 0
            for group in self.param_groups:
                together, blocks, alone = {{}}, compiles(group), one_by_one(group)
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        kind = self._prepare(parameter, group, blocks, alone)
                        together.setdefault(kind, []).append((parameter, start))
                    start += real(parameter).numel()
                numbers = {{}}
                for parameters in together.values():
                    if blocks and len(parameters) > 1:
                        self._update_blocks(parameters, group, numbers)
                    else:
                        self._update(parameters, group, numbers)
        return loss

    def _prepare(self, parameter, group, blocks, alone):
        """Make the state; return what tensors treated together have in common."""
        if parameter.grad.is_sparse:
            raise RuntimeError("{class_name} does not support sparse gradients")
        if group["caution"]:
            check_whole(parameter, False)
        state, rounding = self.state[parameter], group["rounding"]
        if not state:
            state["step"] = 0
            kept = working_type(real(parameter).dtype, rounding)
            for name in STATES:
                state[name] = torch.zeros_like(
                    real(parameter), dtype=kept, memory_format=torch.preserve_format
                )
        if rounding == "kahan" and "compensation" not in state:
            if working_type(parameter.dtype, rounding) != parameter.dtype:
                state["compensation"] = torch.zeros_like(parameter)
        if group["capturable"] and not isinstance(state["step"], torch.Tensor):
            state["step"] = torch.tensor(float(state["step"]), device=parameter.device)
        if alone:
            return id(parameter)
        foreach, plain = group["foreach"], type(parameter) in PLAIN
        if foreach is None:
            foreach = plain and (blocks or parameter.is_cuda)
        if not foreach or (parameter.numel() > LARGE and not blocks):
            return id(parameter)
        if not plain and is_sharded(parameter):
            return id(parameter)
        return parameter.device, parameter.dtype, state["step"]

    def _update_blocks(self, parameters, group, numbers):
        """Step by compiled blocks, and one by one where there is not one of them."""
        entries, others = [], []
        for one in parameters:
            parameter, state = one[0], self.state[one[0]]
            w, g = parameter, parameter.grad
            if parameter.is_complex():
                w, g = real(w), real(g)
            lines = in_lines(w, g, *map(state.get, STATES))
            if lines is None:
                others.append(one)
            else:
                entries.append((one, state, lines))
        if len(entries) < TOGETHER:
            others += [one for one, _, _ in entries]
            entries = []
        for start in range(0, len(entries), TOGETHER):
            block = entries[start : start + TOGETHER]
            (parameter, _), state, _ = block[0]
            values, _ = self._inputs(group, state["step"], parameter.device, 0, numbers)
            fixed = decay_of(group) is not None, group["maximize"]
            run_block([lines for _, _, lines in block], values, *fixed)
            for _, state, _ in block:
                state["step"] += 1
        for one in others:
            self._update([one], group, numbers)

    def _update(self, parameters, group, numbers):
        starts = [start for _, start in parameters]
        parameters = [parameter for parameter, _ in parameters]
        owner, sharded = parameters[0], is_sharded(parameters[0])
        if STREAMS or group["rounding"] == "stochastic":
            starts[0] += first_element(owner)
        states = [self.state[parameter] for parameter in parameters]
        w = [local(real(parameter)) for parameter in parameters]
        g = [local(real(parameter.grad)) for parameter in parameters]
        memory = [
            side_by_side([local(state[name]) for state in states]) for name in STATES
        ]
        flat, gradient = side_by_side(w), side_by_side(g)
        compensation = local(states[0].get("compensation"))
        t = states[0]["step"]
        in_place = compiles(group) and not (sharded and group["caution"])
        in_place = in_place and can_compile(flat, gradient, *memory)
        if in_place:
            run_compiled(
                traced,
                *map(in_line, (flat, gradient)),
                tuple(map(in_line, memory)),
                *self._inputs(group, t, flat.device, starts[0], numbers),
                decay_of(group) is not None,
                group["maximize"],
                group["rounding"],
                group["caution"],
                None if compensation is None else in_line(compensation),
            )
        else:
            memory = self._advance(
                flat, gradient, memory, group, t, g, starts, owner, compensation
            )
        if group["capturable"] and not group["differentiable"]:
            states[0]["step"].copy_(t + 1)
        else:
            for state in states:
                state["step"] = t + 1
        if len(states) > 1:
            for tensor, part in zip(w, apart(flat, w)):
                tensor.copy_(part)
            for name, tensor in zip(STATES, memory):
                for state, part in zip(states, apart(tensor, w)):
                    state[name] = part.clone()
        elif sharded or (group["capturable"] and not group["differentiable"]):
            # A CUDA graph finds its memory where it left it. Copies first: what one
            # state becomes may be what another one was.
            memory = memory if in_place else [tensor.clone() for tensor in memory]
            for name, tensor in zip(STATES, memory):
                local(states[0][name]).copy_(tensor)
        else:
            states[0].update(zip(STATES, memory))

    def _advance(
        self, flat, gradient, memory, group, t, g, starts, owner, compensation
    ):
        """The step by torch operations; returns the new memory."""
        counters = group["seed"], 0, t

        def random(kind, stream, like):
            likes = [like] if len(g) == 1 else g
            draws = [
                draw(kind, (*counters, stream), each, start)
                for each, start in zip(likes, starts)
            ]
            return side_by_side(draws)

        def words():
            key, _ = keys_of(*counters, ROUNDING_STREAM)
            place = starts[0], flat.numel(), flat.device
            return counter_bits(key, *place).view(flat.shape)

        rate = group["lr"]
        if isinstance(rate, torch.Tensor):
            rate = rate.reshape(())
        if torch.compiler.is_compiling() and not isinstance(t, torch.Tensor):
            t = torch.full((), t, dtype=torch.float64, device=flat.device)
{total}        return advance(
            step,
            flat,
            gradient,
            tuple(memory),
            {clock},
            random,
            rate,
            decay_of(group),
            group["maximize"],
            group["rounding"],
            mean_over(owner) if group["caution"] else None,
            compensation,
            words,
        )

'''

ONE_BY_ONE = '''def one_by_one(group):
    """Whether no tensors of a group can be treated together."""
    alone = group["capturable"] or group["differentiable"] or group["caution"]
    return alone or group["rounding"] != "nearest" or (group["compiled"] and STREAMS)


'''

IN_LINE = '''def in_line(tensor):
    """The same numbers in one dimension, to torch.compile not a view of others."""
    return (tensor if tensor.dim() == 1 else tensor.view(-1)).data


'''

BLOCKS = '''

BLOCK_KINDS = {{}}  # a copy of `traced_block` for each kind of block
FILTERS = hasattr(torch.compiler, "skip_guard_on_globals_unsafe")  # of checks


def in_lines(w, *others):
    """Tensors of one parameter in one dimension, or None.

    Compiled blocks check none of it: all tensors must be plain, of one size, type and
    device, and lie in memory in order.
    """
    size, kind, on_cpu = w.numel(), w.dtype, w.is_cpu
    if type(w) not in PLAIN or size < 2 or not w.is_contiguous() or w.is_neg():
        return None
    line = w if w.dim() == 1 else w.view(-1)
    # Where calls are checked, sizes of Parameters are taken as fixed.
    lines = [line if line is not w or (on_cpu and FILTERS) else w.data]
    for each in others:
        if each.dtype is not kind or each.numel() != size:
            return None
        if not (on_cpu and each.is_cpu) and each.device != w.device:
            return None
        if type(each) is not torch.Tensor or each.is_neg() or not each.is_contiguous():
            return None
        lines.append(each if each.dim() == 1 else each.view(-1))
    return lines


def traced_block(tensors, numbers, decays, maximize):
    """The step of some tensors: weight, gradient and memory of each."""
    for w, g, *memory in tensors:
        fixed = decays, maximize, "nearest", False, None
        traced(w, g, tuple(memory), numbers, None, *fixed)


def run_block(tensors, *arguments):
    """Run `traced_block` compiled for tensors of any sizes, each `in_lines`."""
    w = tensors[0][0]
    for _ in range(len(tensors), TOGETHER):  # a last block is filled up
        tensors.append([each.new_ones(2) for each in tensors[0]])
    autocast = torch.is_autocast_enabled(w.device.type)
    kind = w.dtype, w.device, torch.get_num_threads(), autocast, arguments[1:]
    if kind not in BLOCK_KINDS:
        BLOCK_KINDS[kind] = compile_block(tensors[0], *arguments)
    try:
        run_compiled(BLOCK_KINDS[kind], tensors, *arguments)
    except Exception:
        if not BLOCK_KINDS[kind].forgotten:
            raise
        COMPILED.pop(BLOCK_KINDS[kind])
        BLOCK_KINDS[kind] = compile_block(tensors[0], *arguments)
        run_compiled(BLOCK_KINDS[kind], tensors, *arguments)


def compile_block(like, *arguments):
    """Return a copy of `traced_block`, compiled so that its calls check little.

    It is compiled for tensors of different sizes, because sizes that are equal at the
    first call are taken to be equal always. A processor's code is then right for any
    sizes, and calls check nothing; elsewhere they check which sizes are equal. Where
    torch has forgotten the code, as after torch.compiler.reset, it is made again.
    """
    # torch.compile keeps what it makes with the code of a function.
    made = FunctionType(traced_block.__code__.replace(), globals())
    made.forgotten = compiled = False
    on_cpu = like[0].is_cpu

    def checks(guards):
        if compiled and on_cpu:
            made.forgotten = True
            raise RuntimeError("not for the sizes of a step")
        return [not on_cpu and each.guard_type == "SHAPE_ENV" for each in guards]

    options = {{"size_asserts": False}}
    if FILTERS:
        options["guard_filter_fn"] = checks
    sizes = range(LARGE, LARGE + 64 * TOGETHER, 64)
    tensors = [[each.new_ones(size) for each in like] for size in sizes]
    run_compiled(made, tensors, *arguments, **options)
    compiled = True
    return made
'''

SIDE_BY_SIDE = '''

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

OPTIONS_TEXT = """\
    foreach: treat small tensors in one pass; by default on a GPU.
"""
COMPILED_TEXT = "each tensor in one pass"

TOTAL = """\
        total = group["total_steps"]
"""

STILL = "scalars(0.0, 0.0, 0.0)"
"""Scalars of a rule without a clock; of one with t alone; of one with T or progress."""
TICKING = f"scalars({TICKING_ARGUMENTS})"
PLANNED = f"scalars({PLANNED_ARGUMENTS})"

TRACED_TICKING = f"""\
on_device(t)
            if isinstance(t, torch.Tensor)
            else {TICKING}"""
TRACED_PLANNED = f"""\
on_device(t, float(total))
            if isinstance(t, torch.Tensor)
            else {PLANNED}"""
