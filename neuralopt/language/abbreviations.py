"""Names that stand for longer texts, such as ``m`` for ema(g, 0.9)."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuralopt.language.primitive import Parameter


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
