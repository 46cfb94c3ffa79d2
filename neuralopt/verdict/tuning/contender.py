"""Contenders: what is tuned, and how a setting of it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuralopt.engines.engine import Child, OptimizerSpec, TorchOptimizer
from neuralopt.language import RULES, Expression, render, simplify
from neuralopt.tasks import Task, with_recipe
from neuralopt.verdict.trainings import Training
from neuralopt.verdict.tuning.dials import (
    Dial,
    dials_of,
    with_dials,
    without_own_decay,
)
from neuralopt.verdict.tuning.setting import Setting, folded

USUAL_RATE = 1e-2
"""Where the tuning of a rule begins for which no learning rate is known."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A rule or an optimizer of torch, and what of it is tuned.

    Attributes:
        name: shown in tables.
        rule: without a weight decay of its own, which is part of a setting.
        plain: the setting that it is written with, at its usual learning rate.
        dials: of the rule; an optimizer of torch has none.
    """

    name: str
    rule: OptimizerSpec
    plain: Setting
    dials: tuple[Dial, ...] = ()

    @classmethod
    def of(cls, name: str, rule: OptimizerSpec, rate: float | None) -> "Contender":
        """Return the contender that a rule is.

        Args:
            name: shown in tables.
            rule: as it was given.
            rate: a learning rate that suits the rule; None if none is known.
        """
        if isinstance(rule, TorchOptimizer):
            return cls(name, rule, Setting(rate or USUAL_RATE))
        rest, decay = without_own_decay(rule)
        dials = dials_of(rest)
        values = tuple(dial.value for dial in dials)
        plain = Setting(rate or _known_rate(rule) or USUAL_RATE, decay, dials=values)
        return cls(name, rest, plain, dials)

    def training(
        self, task: Task, setting: Setting, replicate: int, epochs: int
    ) -> Training:
        """Return a training at a setting.

        Args:
            task: whose recipe has neither decay, schedule nor warm-up; see `bare`.
            setting: of this contender.
            replicate: number of initial weights and data order.
            epochs: of the training.
        """
        rule: OptimizerSpec | None = self.written(setting)
        if rule is None:
            task, rule = with_recipe(task, **setting.recipe), self._dialled(setting)
        return Training(task, Child(rule, setting.rate, replicate), epochs)

    def written(self, setting: Setting) -> Expression | None:
        """Return a setting as a rule of the language, to be shown or exported.

        Args:
            setting: of this contender.

        Returns:
            The rule, to be used at the setting's rate; None where decay and schedule
            can't be written into it.
        """
        rule = self._dialled(setting)
        return None if isinstance(rule, TorchOptimizer) else folded(rule, setting)

    def text(self, setting: Setting) -> str:
        """Return the rule of a setting as text; the name, where it can't be written.

        Args:
            setting: of this contender.
        """
        rule = self.written(setting)
        return self.name if rule is None else render(simplify(rule))

    def described(self, setting: Setting) -> str:
        """Return a setting in words, dials that are not as written included.

        Args:
            setting: of this contender.
        """
        changed = [
            f"{dial.kind} {dial.value:g} -> {value:g}"
            for dial, value in zip(self.dials, setting.dials, strict=True)
            if dial.value != value
        ]
        return ", ".join([str(setting), *changed])

    def _dialled(self, setting: Setting) -> OptimizerSpec:
        if isinstance(self.rule, TorchOptimizer):
            return self.rule
        return with_dials(self.rule, self.dials, setting.dials)


def bare(task: Task) -> Task:
    """Return a task without the weight decay, schedule and warm-up of its recipe.

    They are tuned instead. Clipping and re-parametrisation stay.

    Args:
        task: with any recipe.

    Raises:
        ValueError: the task's recipe can't be changed.
    """
    return with_recipe(task, **Setting(1.0).recipe)


def contenders_of(
    candidates: Mapping[str, OptimizerSpec], rates: Mapping[str, float | None]
) -> tuple[Contender, ...]:
    """Return the contenders that candidates are.

    Args:
        candidates: rules and torch's optimizers, by name.
        rates: a learning rate that suits each one, as far as it is known.
    """
    return tuple(
        Contender.of(name, rule, rates.get(name)) for name, rule in candidates.items()
    )


def _known_rate(rule: Expression) -> float | None:
    """The usual learning rate of a rule of the zoo."""
    return next((each.lr for each in RULES.values() if each.expression == rule), None)
