"""Invalid text is rejected in bounded time: one line, a position, a remedy."""

import re
import time

import pytest

from neuralopt.language import parse

POSITION = re.compile(r"\b(?:position|column|character)\s+(\d+)")
SECONDS = 10.0  # of the processor, busy with other tests too; most take 0.01


def refusal(text: str) -> str:
    """The message of the ValueError with which this text is refused."""
    start = time.process_time()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is checked)
        parse(text)
    seconds = time.process_time() - start
    message = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert seconds < SECONDS, f"{seconds:.2f} s"
    assert len(message.splitlines()) == 1, message
    assert message.isprintable(), ascii(message)
    assert len(message) < 600, len(message)
    assert POSITION.search(message), message
    return message


BAD = {
    "empty": "",
    "space": "   ",
    "tabs": "\t\t",
    "newline": "\n",
    "newline between operands": "g\nw",
    "newline before an operator": "g\n+ w",
    "comment": "# g",
    "comment after a rule": "g # the gradient",
    "open bracket": "(g",
    "closed bracket": "g)",
    "crossed brackets": "exp(g",
    "brackets of nothing": "()",
    "square brackets": "[g]",
    "two operands": "g w",
    "number and name": "2 g",
    "number glued to a name": "2g",
    "name and bracket": "g(w)",
    "no right operand": "g +",
    "no left operand": "* g",
    "two operators": "g * / w",
    "floor division": "g // w",
    "matrix product": "g @ w",
    "caret": "g ^ 2",
    "bitwise": "g & w",
    "inverse": "~g",
    "not": "not g",
    "and": "g and w",
    "condition": "g if w else t",
    "comparison": "g < w < m",
    "equality": "g == w",
    "in": "g in w",
    "assignment": "m2 = g",
    "assignment to a name": "g = w",
    "walrus": "(x := g)",
    "two rules": "g; w",
    "tuple": "g, w",
    "set": "{g}",
    "dict": "{g: w}",
    "lambda": "lambda: g",
    "lambda inside": "exp(lambda x: x)",
    "comprehension": "max(g for g in w)",
    "star": "max(*g)",
    "double star": "ema(g, **w)",
    "await": "await g",
    "yield": "(yield g)",
    "ellipsis": "...",
    "string": "'g'",
    "double-quoted string": 'exp("g")',
    "f-string": "f'{g}'",
    "bytes": "b'g'",
    "unfinished string": "exp('g)",
    "attribute": "g.real",
    "method": "g.abs()",
    "dunder": "g.__class__",
    "import": "__import__('os')",
    "index": "g[0]",
    "slice": "g[::2]",
    "keyword argument": "ema(g, b=0.9)",
    "keyword arguments only": "ema(x=g, b=0.9)",
    "trailing operator in a call": "max(g, )*",
    "missing argument": "max(, g)",
    "call of a call": "exp(g)(w)",
    "call of a bracket": "(g)(w)",
    "True": "True",
    "False": "g * False",
    "None": "None",
    "complex": "1j",
    "complex inside": "g * 2.5J",
    "hexadecimal": "0x10",
    "binary": "0b11",
    "octal": "0o17",
    "infinite literal": "1e400",
    "infinite literal inside": "g * 1e309",
    "long infinite integer": "1" + "0" * 400,
    "integer past Python's limit": "9" * 5_000,
    "huge exponent of a literal": "1e" + "9" * 100,
    "inf": "inf",
    "nan": "nan * g",
    "Cyrillic a": "\u0430bs(g)",
    "Cyrillic es for c": "\u0441os(g)",
    "Cyrillic e alone": "\u0435",
    "Greek capital tau": "\u03a4 * g",
    "full-width g": "\uff47",
    "full-width bracket": "exp\uff08g\uff09",
    "full-width plus": "g \uff0b w",
    "full-width digit": "\uff12 * g",
    "mathematical g": "\U0001d454",
    "Arabic digit": "\u0663 * g",
    "superscript two": "g\u00b2",
    "minus sign": "g \u2212 w",
    "multiplication sign": "g \u00d7 w",
    "dotless i": "m\u0131n(g, w)",
    "no-break space": "g\u00a0+ w",
    "zero-width space": "g\u200b",
    "byte order mark": "\ufeffg",
    "right-to-left override": "g \u202e+ w",
    "combining accent": "g\u0301",
    "lone surrogate": "g + \ud800",
    "emoji": "g * \U0001f600",
    "NUL": "g\x00",
    "NUL alone": "\x00",
    "NUL inside": "exp(\x00g)",
    "escape character": "g \x1b[31m",
    "backslash": "g \\",
    "dollar": "$g",
    "question mark": "g?",
    "negative clip limit": "clip(g, -1)",
    "negative clip limit, computed": "clip(g, 1 - 2)",
    "clip limit that is a tensor": "clip(g, w)",
    "drop probability above 1": "drop(g, 1.5)",
    "negative drop probability": "drop(g, -0.1)",
    "drop probability that is a tensor": "drop(g, g)",
    "beta that is a tensor": "ema(g, w)",
    "beta with state": "ema(g, ema(t, 0.9))",
    "beta that is random": "trace(g, noise(0.1))",
    "beta of debiased": "debiased(g, sign(g))",
    "beta of peak": "peak(g, g)",
    "beta from update": "ema(g, update)",
    "size of noise": "noise(g)",
    "exponent that is a tensor": "g ** w",
    "exponent that is time": "g ** t",
    "exponent that is a tensor, of a sum": "(g + 1) ** -w",
    "base zero": "0 ** g",
    "base negative": "(-2) ** g",
    "base negative, computed": "(1 - 3) ** g",
    "s alone": "s",
    "s outside fold": "fold(s + g) + s",
    "s in another memory": "ema(s, 0.9)",
    "unknown name": "gradient",
    "free variable": "x + g",
    "leaf called": "w()",
    "primitive not called": "exp",
    "primitive as operand": "sign * g",
    "abbreviation called": "adam(g)",
    "internal name": "constant",
    "internal name called": "add(g, w)",
    "operator by name": "negative(g)",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_text_is_refused_in_one_line_with_a_position(name: str) -> None:
    refusal(BAD[name])


WRONG_ARITY = (
    *("exp()", "exp(g, w)", "sign(g, 1)", "min(g)", "max(g, w, t)", "pow(g)"),
    *("clip(g)", "clip(g, 1, 2)", "drop(g)", "noise()", "noise(0.1, 0.2)", "ema(g)"),
    *("ema(g, 0.9, 0.9)", "debiased(g)", "trace(g)", "total()", "total(g, 0.9)"),
    *("peak()", "peak(g, 1, 1)", "previous()", "fold()", "fold(g, s)", "cd(1, 2)"),
    *("rd(1, 2)", "ld(1)", "square()", "log(g, 2)", "sqrt()", "reciprocal(1, g)"),
)


@pytest.mark.parametrize("text", WRONG_ARITY)
def test_wrong_number_of_arguments_is_refused_by_name(text: str) -> None:
    assert text.partition("(")[0] in refusal(text)


MISSPELT = {
    "exp(sgn(g))": "sign",
    "sing(g)": "sign",
    "Sign(g)": "sign",
    "sqr(g)": "sqrt",
    "tan(g)": "tanh",
    "emma(g, 0.9)": "ema",
    "debias(g, 0.9)": "debiased",
    "clamp(g, 1)": "clip",
    "maxx(g, w)": "max",
    "previus(g)": "previous",
    "g * progres": "progress",
    "g + updates": "update",
    "adm": "adam",
    "rmsprob": "rmsprop",
    "gama": "gamma",
}


@pytest.mark.parametrize("text", MISSPELT)
def test_misspelt_names_get_the_nearest_one(text: str) -> None:
    message = refusal(text)
    assert "did you mean" in message
    if text != "clamp(g, 1)":  # nothing in its letters says clip
        assert re.search(rf"did you mean\W+{MISSPELT[text]}\b", message), message


LENGTH = 5_000
TOO_BIG = {
    "brackets": "(" * LENGTH + "g" + ")" * LENGTH,
    "open brackets": "(" * LENGTH,
    "closed brackets": ")" * LENGTH,
    "calls": "exp(" * LENGTH + "g" + ")" * LENGTH,
    "open calls": "exp(" * LENGTH,
    "second arguments": "max(g, " * LENGTH + "g" + ")" * LENGTH,
    "folds": "fold(" * LENGTH + "s" + ")" * LENGTH,
    "minus signs": "-" * LENGTH + "g",
    "minus signs and spaces": "- " * LENGTH + "g",
    "minus signs of nothing": "-" * LENGTH,
    "minus signs and brackets": "-(" * LENGTH + "g" + ")" * LENGTH,
    "powers of a constant": "2 ** " * LENGTH + "g",
    "powers of one": "1 ** " * LENGTH + "1",
    "powers of the gradient": "g" + " ** 2" * LENGTH,
    "powers and minus signs": "2 ** -" * LENGTH + "g",
    "sum": " + ".join(["g"] * LENGTH),
    "product": "*".join(["g"] * LENGTH),
    "difference of products": "g" + " - g * w" * LENGTH,
    "sum of constants": "+".join(["1"] * LENGTH),
    "abbreviations": " + ".join(["adam"] * LENGTH),
    "abbreviation of abbreviations": "cd(" * LENGTH + "1" + ")" * LENGTH,
    "abbreviations, few but large": "+".join(["adam"] * 300),
    "arguments": "max(" + ", ".join(["g"] * LENGTH) + ")",
    "mebibyte of a name": "g" * 2**20,
    "mebibyte of a number": "9" * 2**20,
    "mebibyte of digits": "0." + "1" * 2**20,
    "mebibyte of spaces": " " * 2**20,
    "mebibyte of a sum": "g+" * 2**19 + "g",
    "mebibyte of brackets": "(" * 2**20,
    "mebibyte of minus signs": "-" * 2**20 + "g",
    "mebibyte of NULs": "\x00" * 2**20,
    "mebibyte of a string": "'" + "g" * 2**20,
    "mebibyte of Cyrillic": "\u0430" * 2**20,
    "mebibyte of lines": "g\n" * 2**19,
    "abbreviations in abbreviations": "rd(" * 90 + "t" + ")" * 90,
}


@pytest.mark.parametrize("name", TOO_BIG)
def test_too_much_text_is_refused_in_bounded_time(name: str) -> None:
    refusal(TOO_BIG[name])


def test_large_rules_are_read_in_bounded_time() -> None:
    for text in (
        "cd(cd(cd(cd(t))))",
        "+".join(["g"] * 50),
        "-" * 50 + "g",
        "(" * 50 + "g" + ")" * 50,
        "exp(" * 50 + "g" + ")" * 50,
        "2 ** " * 50 + "g",
        " + ".join(["max(g * w, exp(m * v))"] * 30),
    ):
        start = time.process_time()
        assert parse(text) == parse(str(parse(text)))
        assert time.process_time() - start < SECONDS


POSITIONS = {  # text, and the index of the character at fault
    "exp(sgn(g))": 4,
    "g + foo": 4,
    "g * 1e400": 4,
    "g + True": 4,
    "g + \u0430bs(g)": 4,
    "g $ w": 2,
    "s": 0,
    "foo": 0,
    "g\x00": 1,
    "clip(g, -1)": 8,
    "drop(g, 1.5)": 8,
    "ema(g, w)": 7,
    "g + s": 4,
    "g w": 2,
    "g + )": 4,
    "g)": 1,
}


def test_positions_point_at_the_character() -> None:
    found = {}
    for text in POSITIONS:
        match = POSITION.search(refusal(text))
        assert match is not None
        found[text] = int(match.group(1))
    base = found["foo"]  # characters are counted from 0 or from 1
    assert base in (0, 1)
    assert {text: at - base for text, at in found.items()} == POSITIONS


def test_text_of_another_type_is_refused() -> None:
    for thing in (None, 3.0, b"g", ["g"]):
        with pytest.raises((TypeError, ValueError)):
            parse(thing)  # type: ignore[arg-type]


def test_names_of_a_template_are_free_only_when_given() -> None:
    assert parse("x + y", ("x", "y")).substitute(
        {"x": parse("g"), "y": parse("w")}
    ) == parse("g + w")
    with pytest.raises(ValueError, match="'y'"):
        parse("x + y", ("x",))
