"""What a primitive of the language is: its arguments, notation, meaning and laws."""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

Argument = TypeVar("Argument")


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

Role = Literal["any", "scalar", "count"]
"""`scalar`: an expression of constants, t, T and progress alone. `count`: a literal
whole number.
"""

Scope = Literal["element", "tensor"]
"""What one value depends on: the same element of each argument, or all elements of the
parameter's tensor.
"""

Extent = Literal["tensor", "rows", "columns", "element"]
"""What has a value of its own: the tensor, each row of its matrix, each column, or each
element. The matrix of a tensor has its first dimension as rows and all others as
columns; that of a vector is one column.
"""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    role: Role = "any"
    default: float | None = None
    lowest: float | None = None  # of a constant argument, inclusive
    highest: float | None = None  # of a constant argument, inclusive


X, Y = Parameter("x"), Parameter("y")


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
        scope: what one value depends on.
        extent: what has a value of its own, for a primitive of tensor scope.
        whole: float64 function of each argument's values (row by row, as many as the
            matrix has) and of a `neuralopt.language.tensors.Place`; returns as many.
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
    scope: Scope = "element"
    source: str = "Bello et al. 2017"
    extent: Extent = field(default="element", kw_only=True)
    whole: Callable[..., list[float]] | None = field(default=None, kw_only=True)
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
            >>> from neuralopt.language.primitives import PRIMITIVES
            >>> PRIMITIVES["clip"].fill("torch", ["g", "0.1"])
            'torch.clamp(g, -0.1, 0.1)'
        """
        template: str = getattr(self, backend)
        return template.format(**self.bind(arguments), bits=bits)
