"""Learning-rate schedules of the field, as expressions of t, T and progress.

A schedule can also be a factor of a rule: ``(1 - progress) * adam``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from neuralopt.language.definitions import scalar_value
from neuralopt.language.expression import Expression
from neuralopt.language.parser import parse


@dataclass(frozen=True, slots=True)
class Schedule:
    """A factor of the learning rate, from t and the planned number of steps.

    Attributes:
        name: an identifier, such as ``cosine``.
        expression: of t, T and progress.
        reference: where the schedule comes from.
        about: a sentence for people.
    """

    name: str
    expression: Expression
    reference: str
    about: str


_ROWS = (
    ("linear", "ld", "Bello et al. 2017", "From 1 to 0 in a line."),
    (
        "cosine",
        "cd",
        "Loshchilov and Hutter 2017",
        "From 1 to 0 along half a cosine.",
    ),
    (
        "cyclical",
        "cd(5)",
        "Bello et al. 2017",
        "Five times from 1 to 0 and back, along cosines.",
    ),
    (
        "triangular",
        "1 - abs(2 * ((5 * progress) % 1) - 1)",
        "Smith 2017",
        "Five times from 0 to 1 and back, in lines.",
    ),
    (
        "restarts",
        "rd(5)",
        "Loshchilov and Hutter 2017",
        "Five times from 1 to 0 along half a cosine.",
    ),
    (
        "growing_restarts",
        # 1e-9: a period begins at 1 although logarithms are rounded.
        "0.5 * (1 + cos(pi * ((15 * progress + 1)"
        " / 2 ** (log(15 * progress + 1 + 1e-9) / log(2)"
        " - (log(15 * progress + 1 + 1e-9) / log(2)) % 1) - 1)))",
        "Loshchilov and Hutter 2017, T_mult = 2",
        "Four times from 1 to 0 along half a cosine, each twice as long as the last.",
    ),
    (
        "linear_cosine",
        "ld * cd + 0.001",
        "Bello et al. 2017",
        "A cosine within a line, and a thousandth.",
    ),
    (
        "noisy_linear_cosine",
        "(ld + noise(pow(1 + t, -0.275))) * cd + 0.001",
        "Bello et al. 2017; Neelakantan et al. 2015",
        "The same with annealed noise: as a factor alone, drawn for every element.",
    ),
    (
        "transformer",
        "min((t + 1) / 4000, sqrt(4000 / (t + 1)))",
        "Vaswani et al. 2017",
        "Up in a line for 4,000 steps, then down as 1 / sqrt(t); 1 at its top.",
    ),
    (
        "warmup_cosine",
        "min(1, (t + 1) / (0.05 * T)) * cd",
        "Goyal et al. 2017; Loshchilov and Hutter 2017",
        "Up in a line for a twentieth of the training, under a cosine.",
    ),
)

SCHEDULES: Mapping[str, Schedule] = {
    name: Schedule(name, parse(text), reference, about)
    for name, text, reference, about in _ROWS
}


def schedule_factor(
    schedule: str | Expression | Schedule, total_steps: int | None = None
) -> Callable[[int], float]:
    """A schedule as a function of the step, which counts from 0.

    Args:
        schedule: a name of SCHEDULES, or a text or expression of t, T and progress.
        total_steps: steps planned, needed if the schedule uses T or progress.

    Returns:
        A function from the index of a step to the factor at that step.

    Raises:
        ValueError: the text is not an expression of t, T and progress, or total_steps
            is missing.

    Example:
        >>> schedule_factor("linear", total_steps=4)(1)
        0.75
    """
    if isinstance(schedule, str):
        schedule = SCHEDULES[schedule] if schedule in SCHEDULES else parse(schedule)
    if isinstance(schedule, Schedule):
        schedule = schedule.expression
    expression = schedule
    if not expression.is_scalar:
        raise ValueError(
            f"the schedule {expression} is not one number a step: use it as a factor "
            "of a rule"
        )
    if total_steps is None and expression.contains("T", "progress"):
        raise ValueError(
            f"the schedule {expression} uses T or progress: give total_steps, the "
            "number of steps of this training"
        )
    total = float(total_steps or 1)

    def factor(step: int) -> float:
        progress = min(1.0, step / total)
        clock = {"t": float(step), "T": total, "progress": progress}
        return scalar_value(expression, clock)

    return factor
