"""The one table of operations that rules are made of.

Parser, printers, canonical form, compilers, exports and `docs/LANGUAGE.md` read this
table and add no facts of their own about an operation. `primitive.Primitive` says what
an entry holds.

A primitive is one of

- a leaf: a name that stands for a number or a tensor;
- a core operation, with a scalar function (float64) and a torch expression;
- an operation of tensor scope, with a function of all elements (float64) and a torch
  expression over the parameter's matrix;
- a definition: a `formula` of the language itself over the parameters' names;
- a memory: its state becomes `memory` (a formula in which ``s`` is the old state),
  0 before the first step, and its value is the new or the old state.
"""

import math
from collections.abc import Mapping

from neuralopt.language import ieee754, tensors
from neuralopt.language.primitive import ATOM, Law, Parameter, Primitive, X, Y
from neuralopt.language.tensor_primitives import TENSORS

LANGUAGE_VERSION = 2
"""Raised whenever the meaning or the canonical form of any rule changes."""

DECAY = Parameter("b", "scalar")
EXACT, COMMUTATIVE, ODD, EVEN = Law.EXACT, Law.COMMUTATIVE, Law.ODD, Law.EVEN
NONNEGATIVE, REDEFINED = Law.NONNEGATIVE, Law.REDEFINED

LEAVES = (
    Primitive("constant", meaning="a finite number", latex="{value}"),
    Primitive("pi", meaning="3.14159...", latex=r"\pi"),
    Primitive("e", meaning="2.71828...", latex="e"),
    Primitive("g", meaning="the gradient", latex="g"),
    Primitive("w", meaning="the parameter", latex="w"),
    Primitive("t", meaning="index of this step, 0 at the first", latex="t"),
    Primitive("T", meaning="number of steps planned for this training", latex="T"),
    Primitive("progress", meaning="min(1, t / T)", latex=r"\tau"),
    Primitive(
        "update",
        meaning="this rule's value at the previous step, 0 at the first",
        latex=r"\Delta_{t-1}",
        source="neuralopt",
    ),
    Primitive(
        "s",
        meaning="inside fold(x): the value of this fold at the previous step",
        latex="s",
        source="neuralopt",
    ),
)

OPERATORS = (
    Primitive(
        "less",
        (X, Y),
        "1 where x < y, else 0",
        r"[{x} < {y}]",
        "<",
        0,
        ieee754.less,
        "torch.lt({x}, {y}).to({x}.dtype)",
        kernel="less({x}, {y})",
        jax="jnp.where({x} < {y}, 1.0, 0.0)",
        laws=EXACT | NONNEGATIVE,
        source="neuralopt",
        tensor_arguments=(0, 1),
        sign_of_zero=("lost", "lost"),
        latex_precedence=ATOM,
        latex_needs=(0, 0),
    ),
    Primitive(
        "less_equal",
        (X, Y),
        "1 where x <= y, else 0",
        r"[{x} \leq {y}]",
        "<=",
        0,
        ieee754.less_equal,
        "torch.le({x}, {y}).to({x}.dtype)",
        kernel="less_equal({x}, {y})",
        jax="jnp.where({x} <= {y}, 1.0, 0.0)",
        laws=EXACT | NONNEGATIVE,
        source="neuralopt",
        tensor_arguments=(0, 1),
        sign_of_zero=("lost", "lost"),
        latex_precedence=ATOM,
        latex_needs=(0, 0),
    ),
    Primitive(
        "greater",
        (X, Y),
        "1 where x > y, else 0",
        r"[{x} > {y}]",
        ">",
        0,
        formula="y < x",
        laws=REDEFINED,
        source="neuralopt",
        sign_of_zero=("lost", "lost"),
        latex_precedence=ATOM,
        latex_needs=(0, 0),
    ),
    Primitive(
        "greater_equal",
        (X, Y),
        "1 where x >= y, else 0",
        r"[{x} \geq {y}]",
        ">=",
        0,
        formula="y <= x",
        laws=REDEFINED,
        source="neuralopt",
        sign_of_zero=("lost", "lost"),
        latex_precedence=ATOM,
        latex_needs=(0, 0),
    ),
    Primitive(
        "add",
        (X, Y),
        "x + y",
        "{x} + {y}",
        "+",
        1,
        lambda x, y: x + y,
        "{x} + {y}",
        kernel="{x} + {y}",
        jax="{x} + {y}",
        laws=COMMUTATIVE | EXACT,
    ),
    Primitive(
        "subtract",
        (X, Y),
        "x - y",
        "{x} - {y}",
        "-",
        1,
        lambda x, y: x - y,
        "{x} - {y}",
        kernel="{x} - {y}",
        jax="{x} - {y}",
        laws=EXACT,
    ),
    Primitive(
        "multiply",
        (X, Y),
        "x * y",
        r"{x} \, {y}",
        "*",
        2,
        lambda x, y: x * y,
        "{x} * {y}",
        kernel="{x} * {y}",
        jax="{x} * {y}",
        laws=COMMUTATIVE | ODD | EXACT,
    ),
    Primitive(
        "divide",
        (X, Y),
        "x / y, plain: a rule that wants an epsilon writes it",
        r"\frac{{{x}}}{{{y}}}",
        "/",
        2,
        ieee754.divide,
        "{x} / {y}",
        kernel="{x} / {y}",
        jax="{x} / {y}",
        laws=ODD | EXACT,
        tensor_arguments=(0,),  # 2.0 / x would be 2.0 * (1 / x): rounded twice
        sign_of_zero=("kept", "read"),
        divides=True,
        latex_precedence=ATOM,
        latex_needs=(0, 0),
    ),
    Primitive(
        "remainder",
        (X, Y),
        "x - y * floor(x / y)",
        r"{x} \bmod {y}",
        "%",
        2,
        ieee754.remainder,
        "torch.remainder({x}, {y})",
        kernel="remainder({x}, {y})",
        jax="jnp.remainder({x}, {y})",
        source="Loshchilov and Hutter 2017 (restarts)",
    ),
    Primitive(
        "negative",
        (X,),
        "-x",
        "-{x}",
        "-",
        3,
        lambda x: -x,
        "-{x}",
        kernel="-{x}",
        jax="-{x}",
        laws=EXACT,
    ),
    Primitive(
        "power",
        (X, Y),
        "x ** n with a literal n; c ** x with a positive constant c; or both scalar",
        "{{{x}}}^{{{y}}}",
        "**",
        4,
        ieee754.power,
        "torch.pow({x}, {y})",
        kernel="power({x}, {y})",
        jax="jnp.power({x}, {y})",
        divides=True,
        bounded_arguments=(1,),
        latex_needs=(ATOM, 0),
    ),
)

FUNCTIONS = (
    Primitive(
        "pow",
        (X, Y),
        "abs(x) ** y",
        r"\lvert {x} \rvert^{{{y}}}",
        formula="abs(x) ** y",
        laws=EVEN | NONNEGATIVE,
        sign_of_zero=("lost", "lost"),
        latex_precedence=4,
    ),
    Primitive(
        "sign",
        (X,),
        "-1, 0 or 1",
        r"\operatorname{{sign}}({x})",
        scalar=ieee754.sign,
        torch="torch.where({x} == {x}, torch.sign({x}), {x})",
        kernel="sign({x})",
        jax="jnp.where({x} == 0.0, 0.0, jnp.sign({x}))",
        laws=ODD | EXACT | Law.IDEMPOTENT,
        sign_of_zero=("positive",),
    ),
    Primitive(
        "exp",
        (X,),
        "e to the power x",
        "e^{{{x}}}",
        scalar=ieee754.exp,
        torch="torch.exp({x})",
        kernel="exp({x})",
        jax="jnp.exp({x})",
        laws=NONNEGATIVE,
        sign_of_zero=("lost",),
        exact_at=(0.0, 1.0),
        latex_precedence=4,
    ),
    Primitive(
        "exp2",
        (X,),
        "2 to the power x",
        "2^{{{x}}}",
        scalar=ieee754.exp2,
        torch="torch.exp2({x})",
        kernel="exp2({x})",
        jax="jnp.power(2.0, {x})",  # jnp.exp2 is exp(x log 2): a millionth off
        laws=NONNEGATIVE,
        sign_of_zero=("lost",),
        latex_precedence=4,
    ),
    Primitive(
        "cos",
        (X,),
        "cosine",
        r"\cos({x})",
        scalar=ieee754.cos,
        torch="torch.cos({x})",
        kernel="cos({x})",
        jax="jnp.cos({x})",
        laws=EVEN,
        sign_of_zero=("lost",),
        exact_at=(0.0, 1.0),
    ),
    Primitive(
        "tanh",
        (X,),
        "hyperbolic tangent",
        r"\tanh({x})",
        scalar=ieee754.tanh,
        torch="torch.tanh({x})",
        kernel="tanh({x})",
        jax="jnp.tanh({x})",
        laws=ODD,
        source="neuralopt",
        exact_at=(0.0, 0.0),
    ),
    Primitive(
        "abs",
        (X,),
        "absolute value",
        r"\lvert {x} \rvert",
        scalar=abs,
        torch="torch.abs({x})",
        kernel="abs({x})",
        jax="jnp.abs({x})",
        laws=EVEN | EXACT | NONNEGATIVE | Law.IDEMPOTENT,
        sign_of_zero=("lost",),
    ),
    Primitive(
        "log",
        (X,),
        "log abs(x)",
        r"\log \lvert {x} \rvert",
        scalar=ieee754.log,
        torch="torch.log(torch.abs({x}))",
        kernel="log(abs({x}))",
        jax="jnp.log(jnp.abs({x}))",
        laws=EVEN,
        sign_of_zero=("lost",),
        exact_at=(1.0, 0.0),
    ),
    Primitive(
        "sqrt",
        (X,),
        "square root of abs(x)",
        r"\sqrt{{\lvert {x} \rvert}}",
        scalar=ieee754.sqrt,
        torch="torch.sqrt(torch.abs({x}))",
        kernel="sqrt(abs({x}))",
        jax="jnp.sqrt(jnp.abs({x}))",
        laws=EVEN | EXACT | NONNEGATIVE,
        sign_of_zero=("lost",),
    ),
    Primitive(
        "square",
        (X,),
        "x * x",
        "{{{x}}}^2",
        formula="x ** 2",
        laws=EVEN | REDEFINED,
        latex_precedence=4,
        latex_needs=(ATOM,),
    ),
    Primitive(
        "cube",
        (X,),
        "x * x * x",
        "{{{x}}}^3",
        formula="x ** 3",
        laws=ODD | REDEFINED,
        latex_precedence=4,
        latex_needs=(ATOM,),
    ),
    Primitive(
        "reciprocal",
        (X,),
        "1 / x",
        r"\frac{{1}}{{{x}}}",
        formula="1 / x",
        laws=ODD | REDEFINED,
        sign_of_zero=("read",),
        divides=True,
    ),
    Primitive(
        "min",
        (X, Y),
        "the smaller one",
        r"\min({x}, {y})",
        scalar=ieee754.minimum,
        torch="torch.minimum({x}, {y})",
        kernel="minimum({x}, {y})",
        jax="jnp.minimum({x}, {y})",
        laws=COMMUTATIVE | EXACT | Law.IDEMPOTENT,
        source="neuralopt",
        tensor_arguments=(0, 1),
    ),
    Primitive(
        "max",
        (X, Y),
        "the larger one",
        r"\max({x}, {y})",
        scalar=ieee754.maximum,
        torch="torch.maximum({x}, {y})",
        kernel="maximum({x}, {y})",
        jax="jnp.maximum({x}, {y})",
        laws=COMMUTATIVE | EXACT | Law.IDEMPOTENT,
        source="neuralopt",
        tensor_arguments=(0, 1),
    ),
    Primitive(
        "clip",
        (X, Parameter("c", "scalar", lowest=0.0)),
        "x moved into [-c, c]",
        r"\operatorname{{clip}}({x}, {c})",
        scalar=ieee754.clip,
        torch="torch.clamp({x}, -{c}, {c})",
        kernel="minimum(maximum({x}, -{c}), {c})",
        jax="jnp.clip({x}, -{c}, {c})",
        laws=ODD | EXACT,
        tensor_arguments=(0,),
        bounded_arguments=(1,),  # exp(t) soon overflows
    ),
    Primitive(
        "where",
        (Parameter("c"), X, Y),
        "x where c is not 0, else y",
        r"\operatorname{{where}}({c}, {x}, {y})",
        scalar=ieee754.where,
        torch="torch.where({c} != 0, {x}, {y})",
        kernel="where({c}, {x}, {y})",
        jax="jnp.where({c} != 0, {x}, {y})",
        laws=EVEN | EXACT,
        source="neuralopt",
        tensor_arguments=(0, 1, 2),
        sign_of_zero=("lost", "kept", "kept"),
    ),
    Primitive(
        "drop",
        (X, Parameter("p", "scalar", lowest=0.0, highest=1.0)),
        "0 with probability p, else x, not rescaled; NaN stays NaN",
        r"\operatorname{{drop}}({x}, {p})",
        torch="torch.where(({bits} < {p}) & ({x} == {x}), 0.0, {x})",
        kernel="dropped({x}, {p}, {bits})",
        jax="jnp.where(({bits} < {p}) & ~jnp.isnan({x}), 0.0, {x})",
        draw="uniform",
        drawn=ieee754.dropped,
        tensor_arguments=(0,),
    ),
    Primitive(
        "noise",
        (Parameter("s", "scalar"),),
        "a fresh draw of N(0, s**2) for every element and step",
        r"\mathcal{{N}}(0, {s}^2)",
        latex_needs=(ATOM,),
        torch="{s} * {bits}",
        kernel="{s} * {bits}",
        jax="{s} * {bits}",
        draw="normal",
        drawn=lambda s, bits: s * bits,
    ),
)

MEMORIES = (
    Primitive(
        "ema",
        (X, DECAY),
        "exponential moving average",
        r"\operatorname{{ema}}_{{{b}}}({x})",
        memory="b * s + (1 - b) * x",
        laws=ODD,
        sign_of_zero=("positive",),
    ),
    Primitive(
        "debiased",
        (X, DECAY),
        "exponential moving average, corrected for its start at 0",
        r"\widehat{{\operatorname{{ema}}}}_{{{b}}}({x})",
        formula="ema(x, b) / (1 - b ** (t + 1))",
        laws=ODD | REDEFINED,
        source="Kingma and Ba 2015, section 3",
        sign_of_zero=("kept", "lost"),
        divides=True,
    ),
    Primitive(
        "trace",
        (X, DECAY),
        "heavy-ball momentum",
        r"\operatorname{{trace}}_{{{b}}}({x})",
        memory="b * s + x",
        laws=ODD,
        source="Polyak 1964",
        sign_of_zero=("positive",),
    ),
    Primitive(
        "total",
        (X,),
        "running sum",
        r"\textstyle\sum {x}",
        memory="s + x",
        laws=ODD,
        source="Duchi et al. 2011 (AdaGrad)",
        sign_of_zero=("positive",),
        latex_needs=(ATOM,),
    ),
    Primitive(
        "peak",
        (X, Parameter("b", "scalar", default=1.0)),
        "running maximum, which decays by b",
        r"\operatorname{{peak}}_{{{b}}}({x})",
        memory="max(b * s, x)",
        source="Kingma and Ba 2015, section 7.1; Reddi et al. 2018",
    ),
    Primitive(
        "previous",
        (X,),
        "the value of x one step ago, 0 at the first",
        r"\operatorname{{previous}}({x})",
        memory="x",
        value="old",
        laws=ODD,
        source="neuralopt",
        sign_of_zero=("positive",),
    ),
    Primitive(
        "fold",
        (X,),
        "x, in which s is this fold's own previous value, 0 at the first",
        r"\operatorname{{fold}}_s({x})",
        memory="x",
        source="neuralopt",
    ),
)

PRIMITIVES: Mapping[str, Primitive] = {
    primitive.name: primitive
    for primitive in (*LEAVES, *OPERATORS, *FUNCTIONS, *MEMORIES, *TENSORS)
}

WHOLE = frozenset(name for name, each in PRIMITIVES.items() if each.whole)
"""Primitives whose values are computed for all elements of a tensor together."""

KINDS = tuple(tensors.KINDS)
"""Leaves that tell kinds of parameters apart, each 1 for its own kind."""


def obeying(law: Law) -> frozenset[str]:
    """Names of the primitives that obey a law."""
    return frozenset(name for name, each in PRIMITIVES.items() if law in each.laws)


NAMED_CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}

CLOCK = frozenset({"t", "T", "progress"})
"""Leaves that are numbers, known before any tensor is."""


CONSTANT_NAMES = frozenset(
    {"constant", *NAMED_CONSTANTS}
    | {primitive.name for primitive in OPERATORS + FUNCTIONS if not primitive.draw}
)
"""What an expression that is one number is made of."""

SCALAR_NAMES = CONSTANT_NAMES | CLOCK
"""What an expression that is one number a step is made of."""
