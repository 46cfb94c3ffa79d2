"""The named rules of the field: the zoo.

One row a rule: text, reference, usual learning rate and a sentence on it. A name that
is also an abbreviation means the same rule.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from neuralopt.language.expression import Expression
from neuralopt.language.parser import parse
from neuralopt.language.rendering import render


@dataclass(frozen=True, slots=True, repr=False)
class Rule:
    """A rule with a name.

    Attributes:
        name: an identifier, such as ``lion``.
        expression: the rule, without free variables.
        reference: where the rule comes from.
        lr: the learning rate that its users start from.
        about: a sentence for people.
    """

    name: str
    expression: Expression
    reference: str
    lr: float
    about: str = ""

    def __repr__(self) -> str:
        return f"Rule({self.name!r}, {render(self.expression)!r}, lr={self.lr:g})"

    def _repr_latex_(self) -> str:
        """By which notebooks show a rule."""
        return self.expression._repr_latex_()


Row = tuple[str, str, str, float, str]
"""Name, text, reference, learning rate, a sentence."""

PAPER = "Bello et al. 2017"
RECALLED = f"{PAPER}, table of found rules (as recalled)"

CLASSICS: tuple[Row, ...] = (
    ("sgd", "g", "Robbins and Monro 1951", 1e-1, "Down the gradient."),
    (
        "sgd_l2",
        "g + 1e-4 * w",
        "Krogh and Hertz 1991",
        1e-1,
        "SGD with weight decay coupled into the gradient.",
    ),
    (
        "momentum",
        "trace(g, 0.9)",
        "Polyak 1964",
        1e-2,
        "Heavy ball, in torch's form: the learning rate stands outside the sum.",
    ),
    (
        "momentum_ema",
        "m",
        PAPER,
        1e-1,
        "The same with an average: a tenth of the heavy ball's steps, but damped at "
        "first.",
    ),
    (
        "momentum_l2",
        "trace(g + 5e-4 * w, 0.9)",
        "Krizhevsky et al. 2012",
        1e-2,
        "Momentum with weight decay inside it.",
    ),
    (
        "sgdw",
        "trace(g, 0.9) + 5e-4 * w",
        "Loshchilov and Hutter 2019",
        1e-2,
        "Momentum with weight decay beside it.",
    ),
    (
        "momentum_annealed",
        "trace(g, 0.5 + 0.4 * progress)",
        "Sutskever et al. 2013",
        1e-2,
        "Momentum that grows from 0.5 to 0.9 along the training.",
    ),
    (
        "nesterov",
        "g + 0.9 * trace(g, 0.9)",
        "Nesterov 1983; Sutskever et al. 2013",
        1e-2,
        "Momentum that looks one step ahead, in torch's form.",
    ),
    (
        "annealed_noise",
        "g + noise(0.1 * pow(1 + t, -0.275))",
        "Neelakantan et al. 2015",
        1e-1,
        "SGD with noise of variance 0.01 / (1 + t) ** 0.55.",
    ),
    ("signsgd", "sign(g)", "Bernstein et al. 2018", 1e-3, "Signs alone."),
    ("signum", "sign(m)", "Bernstein et al. 2018", 1e-3, "Signs of the momentum."),
    (
        "sign_agreement",
        "sign(g) + sign(m)",
        f"neuralopt; after {PAPER}",
        1e-3,
        "Signs where gradient and momentum agree, else nothing.",
    ),
    (
        "sign_times_agreement",
        "sign(g) * exp(sign(g) * sign(m))",
        f"neuralopt; after {PAPER}",
        1e-3,
        "Signs, times e where momentum agrees, over it where not.",
    ),
)

ADAPTIVE: tuple[Row, ...] = (
    (
        "adagrad",
        "g / (sqrt(total(g ** 2)) + 1e-10)",
        "Duchi et al. 2011",
        1e-2,
        "Divides by all that was ever seen of an element.",
    ),
    (
        "adadelta",
        "g * sqrt(ema(update ** 2, 0.9) + 1e-6) / sqrt(ema(g ** 2, 0.9) + 1e-6)",
        "Zeiler 2012",
        1.0,
        "Scales by its own past steps, so that units agree.",
    ),
    (
        "rmsprop",
        "rmsprop",
        f"Hinton 2012, lecture 6e; {PAPER}",
        1e-3,
        "Divides by a moving average of the gradient's size; the paper's constants.",
    ),
    (
        "rmsprop_agreement",
        "rmsprop * exp(sign(g) * sign(m))",
        f"neuralopt; after {PAPER}",
        1e-3,
        "RMSProp times e where the gradient agrees with momentum, over it where not.",
    ),
    (
        "rmsprop_hinton",
        "g / (sqrt(ema(g ** 2, 0.9)) + 1e-8)",
        "Hinton 2012, lecture 6e",
        1e-3,
        "RMSProp with the decay of the lecture.",
    ),
    (
        "rmsprop_torch",
        "g / (sqrt(ema(g ** 2, 0.99)) + 1e-8)",
        "Hinton 2012, lecture 6e, with torch's constants",
        1e-2,
        "RMSProp as torch.optim.RMSprop has it.",
    ),
    (
        "rmsprop_centered",
        "g / (sqrt(ema(g ** 2, 0.99) - ema(g, 0.99) ** 2) + 1e-8)",
        "Graves 2013",
        1e-2,
        "Divides by the deviation instead of the size.",
    ),
    ("adam", "adam", "Kingma and Ba 2015", 1e-3, "Momentum over size, both debiased."),
    (
        "adam_uncorrected",
        "m / (sqrt(v) + 1e-8)",
        "Kingma and Ba 2015, section 6.4",
        1e-3,
        "Adam without bias correction, as spaces with m and v spell it.",
    ),
    (
        "adam_l2",
        "debiased(g + 0.01 * w, 0.9) / "
        "(sqrt(debiased((g + 0.01 * w) ** 2, 0.999)) + 1e-8)",
        "Kingma and Ba 2015, with torch's weight_decay",
        1e-3,
        "Adam with weight decay coupled into the gradient.",
    ),
    (
        "adamw",
        "adam + 0.01 * w",
        "Loshchilov and Hutter 2019",
        1e-3,
        "Adam with weight decay beside it.",
    ),
    (
        "amsgrad",
        "debiased(g, 0.9) / "
        "(sqrt(peak(ema(g ** 2, 0.999)) / (1 - 0.999 ** (t + 1))) + 1e-8)",
        "Reddi et al. 2018, bias-corrected as in torch",
        1e-3,
        "Adam whose second moment never shrinks: the largest, then the correction.",
    ),
    (
        "amsgrad_plain",
        "m / (sqrt(peak(v)) + 1e-8)",
        "Reddi et al. 2018",
        1e-3,
        "AMSGrad without bias correction, as published.",
    ),
    (
        "adamax",
        "debiased(g, 0.9) / peak(abs(g) + 1e-8, 0.999)",
        "Kingma and Ba 2015, section 7.1",
        2e-3,
        "Adam with the largest recent gradient as the size.",
    ),
    (
        "nadam",
        "((1 - {mu}) / {rest} * g + {next} / (1 - {next} * (1 - {rest})) * m)"
        " / (sqrt(debiased(g ** 2, 0.999)) + 1e-8)",
        "Dozat 2016, as in torch",
        2e-3,
        "Adam with Nesterov's look ahead and a momentum that warms up.",
    ),
    (
        "radam",
        "debiased(g, 0.9) * ({sure} * {rectified} * sqrt(1 - 0.999 ** (t + 1))"
        " / (sqrt(v) + 1e-8) + 1 - {sure})",
        "Liu et al. 2020, as in torch",
        1e-3,
        "Adam that divides only once the second moment can be trusted.",
    ),
    (
        "yogi",
        "m / (sqrt(fold(s - 0.001 * sign(s - g ** 2) * g ** 2)) + 1e-3)",
        "Zaheer et al. 2018",
        1e-2,
        "Adam whose second moment moves by no more than the gradient's own size.",
    ),
    (
        "adan",
        "(debiased(g, 0.98) + 0.92 * debiased({change}, 0.92))"
        " / (sqrt(debiased((g + 0.92 * {change}) ** 2, 0.99)) + 1e-8)",
        "Xie et al. 2022",
        1e-3,
        "Adam with the change of the gradient as a second momentum.",
    ),
    (
        "lion",
        "sign(0.9 * previous(ema(g, 0.99)) + 0.1 * g)",
        "Chen et al. 2023",
        1e-4,
        "Signs of a momentum that trusts the present gradient more.",
    ),
    (
        "ligi",
        "{c} / (0.9 * abs({c}) + 0.1 * abs(g) + 1e-15)",
        "Ligi, found by reinforcement learning (2025)",
        1e-3,
        "Lion with a soft sign and a bias correction.",
    ),
)

PARTS = {
    # NAdam: mu of this step and the next, and 1 - the product of all so far.
    "mu": "(0.9 * (1 - 0.5 * 0.96 ** (0.004 * (t + 1))))",
    "next": "(0.9 * (1 - 0.5 * 0.96 ** (0.004 * (t + 2))))",
    "rest": "fold(1 - (1 - s) * (0.9 * (1 - 0.5 * 0.96 ** (0.004 * (t + 1)))))",
    # RAdam: rho of this step, the rectification, and whether rho > 5.
    "rho": "(1999 - 2 * (t + 1) * 0.999 ** (t + 1) / (1 - 0.999 ** (t + 1)))",
    "rectified": "sqrt(({rho} - 4) * ({rho} - 2) * 1999 / (1995 * 1997 * {rho}))",
    "sure": "max(sign({rho} - 5), 0)",
    # Adan: the first change is none.
    "change": "(min(t, 1) * (g - previous(g)))",
    # Ligi: a debiased mixture.
    "c": "((0.9 * previous(ema(g, 0.99)) + 0.1 * g) / (0.9 * (1 - 0.99 ** t) + 0.1))",
}
"""Parts of texts that stand in them more than once, written ``{name}``."""

AGREEMENT = "sign(g) * sign(m)"


def _sign_agreement() -> Iterator[Row]:
    """PowerSign and AddSign: base or alpha, times decay of the agreement."""
    decays = {"": "", "_ld": "ld * ", "_cd": "cd * ", "_rd": "rd * "}
    for base, power in (("", "exp({})"), ("_2", "exp2({})"), ("_10", "10 ** ({})")):
        for suffix, decay in decays.items():
            exponent = power.format(decay + AGREEMENT)
            about = (
                f"The gradient times {base[1:] or 'e'} where it agrees with momentum"
            )
            yield (
                f"powersign{base}{suffix}",
                f"g * {exponent}",
                PAPER,
                1e-2 if base == "_10" else 1e-1,
                f"{about}, over it where not{_decay(suffix)}.",
            )
    for alpha in ("1", "2"):
        for suffix, decay in decays.items():
            name = "addsign" if alpha == "1" else f"addsign_{alpha}"
            yield (
                f"{name}{suffix}",
                f"g * ({alpha} + {decay}{AGREEMENT})",
                PAPER,
                1e-1,
                f"The gradient {int(alpha) + 1} times where momentum agrees, "
                f"{int(alpha) - 1} times where not{_decay(suffix)}.",
            )


def _decay(suffix: str) -> str:
    names = {"": "", "_ld": "linearly", "_cd": "by a cosine", "_rd": "with restarts"}
    return f"; the difference decays {names[suffix]}" if suffix else ""


def _found() -> Iterator[Row]:
    """The paper's table of found rules, those that have no other name."""
    rows = (
        ("found_1", f"(exp({AGREEMENT}) + clip(g, 1e-4)) * g", 1e-1),
        ("found_2", "clip(m, 1e-4) * exp(v)", 1e1),
        ("found_3", "m * exp(v)", 1e-1),
        ("found_4", f"drop(g, 0.3) * exp({AGREEMENT})", 1e-1),
        ("found_5", "m * exp(g ** 2)", 1e-1),
        ("found_6", "drop(m, 0.1) / (exp(g ** 2) + 1e-8)", 1e-1),
        ("found_7", f"drop(g, 0.1) * exp({AGREEMENT})", 1e-1),
        ("found_8", "clip(rmsprop, 1e-5) + drop(m, 0.3)", 1e-1),
        ("adam_agreement", f"adam * exp({AGREEMENT})", 1e-3),
        ("found_9", "adam * exp(m)", 1e-3),
        ("found_10", "g + drop(m, 0.3)", 1e-1),
        ("found_11", "drop(m, 0.1) * exp(g ** 3)", 1e-1),
        ("found_12", "g - clip(g ** 2, 1e-4)", 1e-1),
        ("found_13", "exp(g) - exp(m)", 1e-1),
        ("found_14", "drop(m, 0.3) * exp(1e-3 * w)", 1e-1),
    )
    for name, text, lr in rows:
        yield name, text, RECALLED, lr, "Found by the paper's search."


def _text(text: str) -> str:
    while "{" in text:
        text = text.format(**PARTS)
    return text


def unknown_rule(name: str) -> str:
    """Return what to say of a name that no rule has.

    Args:
        name: as typed.

    Returns:
        One line, with the nearest name if one is near.
    """
    near = difflib.get_close_matches(name.lower(), RULES, n=1)
    advice = (
        f"did you mean {near[0]!r}?"
        if near
        else "it is not a named rule (see docs/ZOO.md) and not valid rule text"
    )
    return f"unknown rule {name!r}: {advice}"


class _Zoo(dict[str, Rule]):
    """Rules by name; KeyError tells the nearest name."""

    def __missing__(self, name: object) -> Rule:
        raise KeyError(unknown_rule(name) if isinstance(name, str) else name)


def _rules(rows: Iterator[Row]) -> Mapping[str, Rule]:
    return _Zoo(
        {
            name: Rule(name, parse(_text(text)), reference, lr, about)
            for name, text, reference, lr, about in rows
        }
    )


RULES: Mapping[str, Rule] = _rules(
    iter((*CLASSICS, *ADAPTIVE, *_sign_agreement(), *_found()))
)
