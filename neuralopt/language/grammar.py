"""The grammar of rules: text to tokens to an expression.

It is that part of Python's expression syntax which rules use. Limits on length and
nesting hold before any tree exists, and nothing is evaluated.
"""

import contextlib
import difflib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Never

from neuralopt.language.abbreviations import ABBREVIATIONS, Abbreviation
from neuralopt.language.expression import (
    MAXIMUM_DEPTH,
    MAXIMUM_SIZE,
    Expression,
    call,
    constant,
)
from neuralopt.language.primitive import Parameter
from neuralopt.language.primitives import PRIMITIVES

MAXIMUM_LENGTH = 16 * MAXIMUM_SIZE
"""Characters of a text. A constant of 24 characters with an operator and brackets, two
nodes, is the longest part: every expression has a shorter text."""

MAXIMUM_NESTING = MAXIMUM_DEPTH + 1
"""Brackets open at once, and signs and powers open at once: it bounds the parser's own
recursion, and admits the text of every expression."""

TOKEN = re.compile(
    r"(?P<space>[ \t]+)"
    r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/%(),<>])",
    re.ASCII,
)

INFIX = {
    primitive.symbol: primitive.name
    for primitive in PRIMITIVES.values()
    if primitive.symbol and primitive.arity == 2
}
COMPARISONS, SUMS, PRODUCTS = ("<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a rule's text.

    Attributes:
        kind: ``number``, ``name``, ``operator`` or ``end``.
        text: the piece; empty at the end.
        position: index of its first character in the text.
    """

    kind: str
    text: str
    position: int


class RuleSyntaxError(ValueError):
    """A text is not a rule. One line: what is wrong, at which character, what to do.

    Attributes:
        cause: what is wrong, and what to do.
        text: the whole text.
        position: index of the character in the text, 0 for the first.
    """

    def __init__(self, cause: str, text: str, position: int) -> None:
        self.cause, self.text, self.position = cause, text, position
        start = max(0, position - 20)
        excerpt = text[start : position + 20]
        excerpt = "".join(c if c.isprintable() else "?" for c in excerpt)
        before = "..." if start else ""
        after = "..." if len(text) > position + 20 else ""
        super().__init__(
            f"{cause} (at character {position + 1} of {before}{excerpt!r}{after})"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return RuleSyntaxError, (self.cause, self.text, self.position)


@dataclass(frozen=True, slots=True)
class Checks:
    """Conditions on a rule that need values of its parts.

    Each function returns what is wrong, or nothing.

    Attributes:
        of_power: takes base and exponent.
        of_argument: takes the name of a primitive or abbreviation, a parameter and its
            argument.
    """

    of_power: Callable[[Expression, Expression], str]
    of_argument: Callable[[str, Parameter, Expression], str]


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            character = text[position]
            if character.isalnum() and not character.isascii():
                cause = f"{character!r} only looks like a letter: use ASCII letters"
            elif character in "\r\n":
                cause = "a rule is one line: remove the line break"
            elif character in "'\"":
                cause = "strings have no place in a rule: remove it"
            elif character in "=!&|^~@:;.[]{}\\`?#$":
                cause = f"{character!r} has no meaning in a rule: remove it"
            else:
                cause = f"unexpected character {character!r}: remove it"
            raise RuleSyntaxError(cause, text, position)
        kind = match.lastgroup
        assert kind is not None
        if kind != "space":
            yield Token(kind, match.group(), position)
        if kind == "number" and re.match(r"[A-Za-z_0-9.]", text[match.end() :][:1]):
            raise RuleSyntaxError(
                f"{match.group() + text[match.end()]!r} is not a number of a rule: "
                "write it in decimal, as in 0.5 or 1e-3",
                text,
                position,
            )
        position = match.end()
    yield Token("end", "", len(text))


class Grammar:
    """Recursive descent over Python's precedence: powers, signs, products, sums,
    comparisons.

    Attributes:
        text: what is read.
        variables: names that may stand free.
        checks: further conditions on powers and arguments, if there are any.
    """

    def __init__(
        self, text: str, variables: tuple[str, ...] = (), checks: Checks | None = None
    ) -> None:
        if len(text) > MAXIMUM_LENGTH:
            raise RuleSyntaxError(
                f"a rule may have at most {MAXIMUM_LENGTH} characters, this has "
                f"{len(text)}: shorten it",
                text[:40],
                0,
            )
        self.text = text
        self.variables = variables
        self.checks = checks
        self.tokens = list(_tokens(text))
        self.next = 0
        self.nesting = {"(": 0, "-": 0}
        self.folds = 0

    def parse(self) -> Expression:
        """The expression that the text stands for, abbreviations expanded.

        Raises:
            RuleSyntaxError: the text is not one; names position, cause and remedy.
        """
        if self.token.kind == "end":
            self.fail("a rule can't be empty: try 'g'", self.token)
        expression = self.comparison()
        if self.token.kind != "end":
            what = self.token.text
            if what == ")":
                self.fail("')' closes nothing: remove it", self.token)
            self.fail(f"expected an operator before {what!r}", self.token)
        return expression

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self, *texts: str) -> Token | None:
        token = self.token
        if token.kind == "operator" and token.text in texts:
            self.next += 1
            return token
        return None

    def fail(self, cause: str, token: Token) -> Never:
        raise RuleSyntaxError(cause, self.text, token.position)

    @contextlib.contextmanager
    def nested(self, token: Token) -> Iterator[None]:
        kind = "(" if token.text == "(" else "-"
        self.nesting[kind] += 1
        if self.nesting[kind] > MAXIMUM_NESTING:
            self.fail(
                f"a rule may nest at most {MAXIMUM_NESTING} brackets, signs and "
                "powers: simplify it",
                token,
            )
        yield
        self.nesting[kind] -= 1

    def build(self, name: str, token: Token, *arguments: Expression) -> Expression:
        try:
            return call(name, *arguments)
        except ValueError as error:
            self.fail(str(error), token)

    def comparison(self) -> Expression:
        left = self.sum()
        operator = self.take(*COMPARISONS)
        if operator is None:
            return left
        whole = self.build(INFIX[operator.text], operator, left, self.sum())
        if self.token.kind == "operator" and self.token.text in COMPARISONS:
            self.fail(
                "comparisons can't be chained: put one of them in brackets", self.token
            )
        return whole

    def sum(self) -> Expression:
        left = self.product()
        while operator := self.take(*SUMS):
            left = self.build(INFIX[operator.text], operator, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.signed()
        while operator := self.take(*PRODUCTS):
            left = self.build(INFIX[operator.text], operator, left, self.signed())
        return left

    def signed(self) -> Expression:
        operator = self.take("-", "+")
        if operator is None:
            return self.power()
        literal = (
            self.token.kind == "number" and self.tokens[self.next + 1].text != "**"
        )
        with self.nested(operator):
            operand = self.signed()
        if operator.text == "+":
            return operand
        if literal:
            assert operand.value is not None
            return constant(-operand.value)
        return self.build("negative", operator, operand)

    def power(self) -> Expression:
        base = self.atom()
        operator = self.take("**")
        if operator is None:
            return base
        with self.nested(operator):
            exponent = self.signed()
        if self.checks and (fault := self.checks.of_power(base, exponent)):
            self.fail(fault, operator)
        return self.build("power", operator, base, exponent)

    def atom(self) -> Expression:
        token = self.token
        self.next += 1
        if token.kind == "number":
            value = float(token.text)
            if not math.isfinite(value):
                number = token.text[:20]
                self.fail(f"{number} is too large for a float: shrink it", token)
            return constant(value)
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            with self.nested(token):
                expression = self.comparison()
            self.close(token)
            return expression
        if token.kind == "end":
            self.fail("the rule ends where a value is expected: complete it", token)
        self.fail(f"a value is expected before {token.text!r}", token)

    def close(self, opening: Token) -> None:
        if self.take(")"):
            return
        token = self.token
        if token.kind == "end":
            self.fail("'(' is never closed: add ')'", opening)
        self.fail(f"expected an operator or ')' before {token.text!r}", token)

    def named(self, token: Token) -> Expression:
        name = token.text
        called = self.token.kind == "operator" and self.token.text == "("
        if name in self.variables:
            if called:
                self.fail(f"{name!r} is a variable: it takes no arguments", token)
            return call(name)
        if name in ABBREVIATIONS:
            return self.abbreviation(ABBREVIATIONS[name], token, called)
        primitive = PRIMITIVES.get(name)
        if primitive is None or primitive.symbol or name == "constant":
            self.fail(self.unknown(name), token)
        if primitive.is_leaf:
            if called:
                self.fail(f"{name!r} takes no arguments: remove the brackets", token)
            if name == "s" and not self.folds:
                self.fail(
                    "'s' has a meaning only inside fold(...): move it there", token
                )
            return call(name)
        if not called:
            signature = ", ".join(p.name for p in primitive.parameters)
            self.fail(f"{name!r} needs arguments: write {name}({signature})", token)
        self.folds += name == "fold"
        arguments = self.arguments(name, primitive.parameters, token)
        self.folds -= name == "fold"
        return self.build(name, token, *arguments)

    def abbreviation(
        self, abbreviation: Abbreviation, token: Token, called: bool
    ) -> Expression:
        parameters = abbreviation.parameters
        if called and not parameters:
            self.fail(f"{token.text!r} takes no arguments: remove the brackets", token)
        arguments: tuple[Expression, ...]
        if called:
            arguments = self.arguments(token.text, parameters, token)
        else:
            arguments = tuple(constant(p.default or 0.0) for p in parameters)
        names = tuple(parameter.name for parameter in parameters)
        try:
            return body_of(abbreviation).substitute(
                dict(zip(names, arguments, strict=True))
            )
        except ValueError as error:
            self.fail(str(error), token)

    def arguments(
        self, name: str, parameters: tuple[Parameter, ...], token: Token
    ) -> tuple[Expression, ...]:
        opening = self.token
        self.next += 1
        found: list[Expression] = []
        starts: list[Token] = []
        with self.nested(opening):
            while not (self.token.text == ")" and not found):
                starts.append(self.token)
                found.append(self.comparison())
                if not self.take(","):
                    break
        self.close(opening)
        needed = sum(parameter.default is None for parameter in parameters)
        if not needed <= len(found) <= len(parameters):
            signature = ", ".join(p.name for p in parameters)
            self.fail(
                f"{name} takes {len(parameters)} argument"
                f"{'s' * (len(parameters) != 1)}, not {len(found)}: "
                f"write {name}({signature})",
                token,
            )
        for parameter, argument, start in zip(parameters, found, starts, strict=False):
            free = self.variables and argument.contains(*self.variables)
            if self.checks and not free:
                fault = self.checks.of_argument(name, parameter, argument)
                if fault:
                    self.fail(fault, start)
        for parameter in parameters[len(found) :]:
            assert parameter.default is not None
            found.append(constant(parameter.default))
        return tuple(found)

    def unknown(self, name: str) -> str:
        if name in ("True", "False", "None"):
            return f"{name} is not a number: write 1 or 0"
        known = [
            *self.variables,
            *ABBREVIATIONS,
            *(p.name for p in PRIMITIVES.values() if not p.symbol),
        ]
        known = [word for word in known if word not in ("constant", "s")]
        near = difflib.get_close_matches(name[:40], known, n=1, cutoff=0.5)
        if near:
            return f"unknown name {name[:40]!r}: did you mean {near[0]!r}?"
        return f"unknown name {name[:40]!r}: known are {', '.join(sorted(known))}"


@cache
def body_of(abbreviation: Abbreviation) -> Expression:
    """The expression that an abbreviation stands for, over its parameters' names."""
    names = tuple(parameter.name for parameter in abbreviation.parameters)
    return Grammar(abbreviation.text, names).parse()
