"""Settings: the learning rate, weight decay, schedule and dials of a contender."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuralopt.language.expression import Expression, call, constant
from neuralopt.language.parser import parse
from neuralopt.language.schedules import SCHEDULES

CONSTANT = "1"
"""The schedule of a rate that does not change; a recipe spells it so."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a contender is trained with: w <- w - rate f(t) (rule + decay * w).

    Attributes:
        rate: the learning rate, before the schedule.
        decay: the decoupled weight decay.
        schedule: f, ``1`` or a name of SCHEDULES.
        warmup: share of the steps in which the rate rises linearly.
        dials: the value of each dial of the rule.
    """

    rate: float
    decay: float = 0.0
    schedule: str = CONSTANT
    warmup: float = 0.0
    dials: tuple[float, ...] = ()

    @property
    def recipe(self) -> Mapping[str, float | str]:
        """Weight decay, schedule and warm-up as fields of a recipe."""
        return {
            "weight_decay": self.decay,
            "schedule": self.schedule,
            "warmup": self.warmup,
        }

    def __str__(self) -> str:
        told = [f"lr {self.rate:g}"]
        if self.decay:
            told.append(f"weight decay {self.decay:g}")
        if self.schedule != CONSTANT:
            told.append(self.schedule)
        if self.warmup:
            told.append(f"warm-up {self.warmup:g}")
        return ", ".join(told)


def folded(rule: Expression, setting: Setting) -> Expression | None:
    """Return the rule with weight decay, schedule and warm-up written into it.

    It trains as the rule does with a recipe of the same decay, schedule and warm-up.
    `update`, the rule's own previous value, then becomes the value of a fold, since the
    previous value of the whole has decay and schedule in it.

    Args:
        rule: without the decay.
        setting: its decay, schedule and warm-up are used.

    Returns:
        ``(rule + decay * w) * schedule``, or None where that can't be written: the rule
        reads `update` inside a fold, or would be too large.

    Example:
        >>> str(folded(parse("sign(g)"), Setting(0.1, 0.01, "linear")))
        '(sign(g) + 0.01 * w) * (1 - progress)'
    """
    factors = []
    if setting.schedule != CONSTANT:
        factors.append(SCHEDULES[setting.schedule].expression)
    if setting.warmup:
        factors.append(parse(f"min(1, (t + 1) / ({setting.warmup!r} * T))"))
    if not setting.decay and not factors:
        return rule
    try:
        whole = rule
        if rule.contains("update"):
            if any(node.contains("update") for node in _folds(rule)):
                return None
            whole = call("fold", rule.substitute({"update": Expression("s")}))
        if setting.decay:
            decayed = call("multiply", constant(setting.decay), Expression("w"))
            whole = call("add", whole, decayed)
        if factors:
            factor = factors[0] if len(factors) == 1 else call("multiply", *factors)
            whole = call("multiply", whole, factor)
    except ValueError:  # too deep or too large
        return None
    return whole


def _folds(rule: Expression) -> list[Expression]:
    return [node for node in rule.walk() if node.primitive == "fold"]
