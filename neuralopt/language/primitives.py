"""The one table of operations that rules are made of.

Parser, printers, canonical form, compilers, exports and `docs/LANGUAGE.md` read this
table and add no facts of their own about an operation.

A primitive is one of

- a leaf: a name that stands for a number or a tensor;
- a core operation, with a scalar function (float64) and a torch expression;
- a definition: a `formula` of the language itself over the parameters' names;
- a memory: its state becomes `memory` (a formula in which ``s`` is the old state),
  0 before the first step, and its value is the new or the old state.
"""

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from neuralopt.language import ieee754

Argument = TypeVar("Argument")

LANGUAGE_VERSION = 2
"""Raised whenever the meaning or the canonical form of any rule changes."""


class Law(enum.Flag):
    """What is true of a primitive for every float, infinities and NaN included."""

    NONE = 0
    COMMUTATIVE = enum.auto()  # f(x, y) = f(y, x)
    ODD = enum.auto()  # f(-x) = -f(x) in its first argument
    EVEN = enum.auto()  # f(-x) = f(x) in its first argument
    IDEMPOTENT = enum.auto()  # f(f(x)) = f(x); f(x, x) = x for two arguments
    NONNEGATIVE = enum.auto()  # every value that is not NaN is >= +0
    EXACT = enum.auto()  # correctly rounded wherever it is computed
    REDEFINED = enum.auto()  # its canonical form is its formula


Backend = Literal["torch", "kernel", "jax", "latex"]
"""What an operation has a template of source code for."""

SignOfZero = Literal["kept", "positive", "lost", "read"]
"""What an operation does with the sign of a zero that is its argument.

kept: it goes where the laws say. positive: a law of oddness holds except that a zero
may stay +0. lost: the value is the same for +0 and -0. read: the sign chooses between
two different values, as that of a divisor does.
"""

ATOM = 100
"""Precedence of what never needs brackets."""

Role = Literal["any", "scalar"]
"""`scalar`: an expression of constants, t, T and progress alone."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    role: Role = "any"
    default: float | None = None
    lowest: float | None = None  # of a constant argument, inclusive
    highest: float | None = None  # of a constant argument, inclusive


@dataclass(frozen=True, slots=True)
class Primitive:
    """One operation of the language.

    Attributes:
        name: as typed, or the operation's English name if it is typed as `symbol`.
        parameters: of the arguments, in order.
        meaning: one line for people.
        latex: template with a ``{parameter}`` for each argument.
        symbol: the operator of Python syntax, if it has one.
        precedence: of the operator; 1 for sums.
        scalar: float64 function.
        torch: template of a torch expression in which every ``{parameter}`` is a tensor
            or a Python float, at least one of them a tensor.
        kernel: template of an expression of one element for numba, over the functions
            of `neuralopt.machine.kernels`.
        jax: template of a jax.numpy expression in which every ``{parameter}`` is an
            array or a Python float.
        formula: definition in the language.
        memory: what the state becomes, a formula in which ``s`` is the old state.
        value: whether the value is the new or the old state.
        draw: the kind of random bits it consumes.
        drawn: float64 function of its arguments and, last, its random bits.
        laws: what the canonical form may use.
        scope: what one value depends on: the same element of each argument.
        source: where it comes from.
        sign_of_zero: for each argument; ``kept`` for those not listed.
        divides: whether the sign of a zero can choose between infinities in it.
        exact_at: an argument and the value there, if that is exact on every backend
            although others are rounded differently.
        tensor_arguments: positions that torch takes as tensors only.
        bounded_arguments: positions that torch takes as a Python float only if that
            fits the type of the tensor.
        latex_precedence: of the LaTeX, if it differs from `precedence`.
        latex_needs: the precedence that each argument needs to go without brackets in
            LaTeX. By default that of Python for an operator, none for a function.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    meaning: str = ""
    latex: str = ""
    symbol: str = ""
    precedence: int = ATOM
    scalar: Callable[..., float] | None = None
    torch: str = ""
    kernel: str = field(default="", kw_only=True)
    jax: str = field(default="", kw_only=True)
    formula: str = ""
    memory: str = ""
    value: Literal["new", "old"] = "new"
    draw: Literal["", "uniform", "normal"] = ""
    drawn: Callable[..., float] | None = field(default=None, kw_only=True)
    laws: Law = Law.NONE
    scope: Literal["element"] = "element"
    source: str = "Bello et al. 2017"
    sign_of_zero: tuple[SignOfZero, ...] = field(default=(), kw_only=True)
    divides: bool = field(default=False, kw_only=True)
    exact_at: tuple[float, float] | None = field(default=None, kw_only=True)
    tensor_arguments: tuple[int, ...] = field(default=(), kw_only=True)
    bounded_arguments: tuple[int, ...] = field(default=(), kw_only=True)
    latex_precedence: int | None = field(default=None, kw_only=True)
    latex_needs: tuple[int, ...] | None = field(default=None, kw_only=True)

    @property
    def is_leaf(self) -> bool:
        return not self.parameters

    @property
    def has_state(self) -> bool:
        return bool(self.memory)

    @property
    def arity(self) -> int:
        return len(self.parameters)

    def bind(self, arguments: Iterable[Argument]) -> dict[str, Argument]:
        """Arguments by the names of the parameters.

        Raises:
            ValueError: there are more or fewer arguments than parameters.
        """
        names = (parameter.name for parameter in self.parameters)
        return dict(zip(names, arguments, strict=True))

    def fill(self, backend: Backend, arguments: Iterable[str], bits: str = "") -> str:
        """Source code of this operation.

        Args:
            backend: the template to fill in.
            arguments: source code of each argument.
            bits: source code of the random bits, for an operation that draws some.

        Example:
            >>> PRIMITIVES["clip"].fill("torch", ["g", "0.1"])
            'torch.clamp(g, -0.1, 0.1)'
        """
        template: str = getattr(self, backend)
        return template.format(**self.bind(arguments), bits=bits)


X, Y = Parameter("x"), Parameter("y")
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
    for primitive in (*LEAVES, *OPERATORS, *FUNCTIONS, *MEMORIES)
}


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


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """A name that is expanded when read and put back when shown to people."""

    name: str
    text: str
    parameters: tuple[Parameter, ...] = ()


ABBREVIATIONS: Mapping[str, Abbreviation] = {
    abbreviation.name: abbreviation
    for abbreviation in (
        Abbreviation("m", "ema(g, 0.9)"),
        Abbreviation("v", "ema(g ** 2, 0.999)"),
        Abbreviation("gamma", "ema(g ** 3, 0.999)"),
        Abbreviation(
            "adam", "debiased(g, 0.9) / (sqrt(debiased(g ** 2, 0.999)) + 1e-8)"
        ),
        Abbreviation("rmsprop", "g / (sqrt(v) + 1e-8)"),
        Abbreviation("ld", "1 - progress"),
        Abbreviation(
            "cd",
            "0.5 * (1 + cos(2 * pi * n * progress))",
            (Parameter("n", "scalar", default=0.5),),
        ),
        Abbreviation(
            "rd",
            "0.5 * (1 + cos(pi * ((n * t) % T) / T))",
            (Parameter("n", "scalar", default=20.0),),
        ),
    )
}
