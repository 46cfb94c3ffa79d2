"""What was measured of several rules on one task: numbers, text and a picture."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralopt.engines.engine import OptimizerSpec, training_steps
from neuralopt.landscapes.paths import RATES
from neuralopt.landscapes.training import training_length
from neuralopt.one_thread import one_thread
from neuralopt.report.counting import counting
from neuralopt.signals.measuring import SignalHistory, best_rate, measure_signals
from neuralopt.tasks import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_RULES = 6
"""That one picture has room for."""


@dataclass(frozen=True, slots=True)
class SignalReport:
    """The signals of one task's network in trainings by several rules.

    It prints as text, in a terminal and in a notebook.

    Attributes:
        task: its name, and its options where they are known.
        histories: one for each rule, in the order given.
    """

    task: str
    histories: tuple[SignalHistory, ...]

    def __getitem__(self, name: str) -> SignalHistory:
        """The history of the rule of this name; KeyError if there is none."""
        return {each.name: each for each in self.histories}[name]

    def figure(self) -> "Figure":
        """Return a picture of one page, a Figure of matplotlib."""
        from neuralopt.signals.figure import signals_figure

        return signals_figure(self)

    def to_mapping(self) -> dict[str, Any]:
        """Return plain data for JSON; what is not finite is None."""
        found: dict[str, Any] = _plain(asdict(self))
        return found

    def __str__(self) -> str:
        from neuralopt.signals.text import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from neuralopt.signals.text import html_of

        return html_of(self)


@one_thread()
def report_signals(
    task: Task,
    rules: Mapping[str, OptimizerSpec],
    lr: float | None = None,
    steps: int = 100,
    seed: int = 0,
    show: bool = True,
    label: str = "",
) -> SignalReport:
    """Train a child by each rule, from the same weights, and measure its signals.

    Args:
        task: the training problem, with its recipe.
        rules: by name.
        lr: learning rate of every rule; None for, of the eleven rates 0.0001 to 10, the
            one with the least final training loss.
        steps: about how many: a part of an epoch, or else whole epochs.
        seed: of initial weights and the order of examples.
        show: whether to show progress on standard error.
        label: what tables and pictures call the task; its name if empty.

    Returns:
        The report; the same for the same arguments.

    Raises:
        ValueError: there are no rules or more than MOST_RULES, a number is out of
            range, or the first loss is not finite.
    """
    if not 1 <= len(rules) <= MOST_RULES:
        raise ValueError(f"{len(rules)} rules are named: name 1 to {MOST_RULES}")
    if steps < 1:
        raise ValueError(f"steps is {steps}: give 1 or more")
    if lr is not None and not 0 < lr < math.inf:
        raise ValueError(f"the learning rate {lr:g} is not positive and finite")
    planned = training_steps(task, *training_length(task, steps))
    tried = 0 if lr is not None else len(RATES)
    total = len(rules) * (tried + 1) * planned
    histories = []
    with counting("steps", show=show) as count:
        for number, (name, rule) in enumerate(rules.items()):
            before = number * (tried + 1) * planned

            def trained(trainings: int, before: int = before) -> None:
                count(before + trainings * planned, total)

            def taken(done: int, before: int = before + tried * planned) -> None:
                count(before + done, total)

            rate = lr
            if rate is None:
                rate = best_rate(task, rule, steps, seed, RATES, trained)
            found = measure_signals(task, name, rule, rate, steps, seed, taken)
            histories.append(found)
            trained(tried + 1)
    return SignalReport(label or task.name, tuple(histories))


def _plain(value: Any) -> Any:
    """Plain data of JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
