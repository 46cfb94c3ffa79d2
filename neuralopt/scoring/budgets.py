"""Budgets: the learning rates, training lengths and replicates that a rule gets."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from neuralopt.catalog import catalog, hint


@dataclass(frozen=True, slots=True)
class Budget:
    """A short training for each learning rate, then a long one at the best.

    Attributes:
        name: of the budget.
        learning_rates: in rising order.
        screening_epochs: of each short training.
        epochs: of the long training, from fresh weights.
        replicates: initial weights and data orders that each training is repeated with
            and averaged over.
        screening_examples: of each epoch of a short training at most; 0 for all.
        refinement_epochs: of trainings at the best rate and at the two rates half-way
            to its neighbours, from which the final rate is chosen; 0 for none.
        horizons: epochs of further long trainings at the same rate. Each counts like a
            task of its own.
        gates: least mean shares of Adam's quality, see `evaluators.objective`: the
            first after the screening of the first task, the next one after each long
            training. A rule below one is stopped. 0 is no gate.
        gates_for: the group or the names of the tasks that the gates were chosen on,
            such as ``suite``; other tasks are trained without them. Empty for any.

    Raises:
        ValueError: a value is out of range.
    """

    name: str
    learning_rates: tuple[float, ...]
    screening_epochs: int
    epochs: int
    replicates: int = 1
    screening_examples: int = 0
    refinement_epochs: int = 0
    horizons: tuple[int, ...] = ()
    gates: tuple[float, ...] = ()
    gates_for: str = ""

    def __post_init__(self) -> None:
        for name in (
            "learning_rates",
            "horizons",
            "gates",
        ):  # a configuration has lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        rates = self.learning_rates
        if not rates or not all(0 < rate < float("inf") for rate in rates):
            raise ValueError(
                f"budget.learning_rates is {list(rates)}: give positive numbers"
            )
        if any(later <= rate for rate, later in itertools.pairwise(rates)):
            raise ValueError(f"budget.learning_rates must rise: {list(rates)}")
        for name in ("screening_epochs", "epochs", "replicates"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"budget.{name} is {getattr(self, name)}: give 1 or more"
                )
        if self.refinement_epochs < 0:
            raise ValueError(
                f"budget.refinement_epochs is {self.refinement_epochs}: give 0, for "
                "none, or more"
            )
        if self.refinement_epochs and len(rates) < 2:
            raise ValueError(
                "budget.refinement_epochs needs two learning rates or more: rates "
                "between them are tried"
            )
        lengths = (self.epochs, *self.horizons)
        if any(later <= length for length, later in itertools.pairwise(lengths)):
            raise ValueError(
                f"budget.horizons is {list(self.horizons)}: give epochs above "
                f"budget.epochs, {self.epochs}, that rise"
            )
        if not all(0 <= gate < 0.5 for gate in self.gates):
            raise ValueError(
                f"budget.gates is {list(self.gates)}: give shares from 0 to below 0.5, "
                "which is as good as Adam"
            )
        if self.screening_examples < 0:
            raise ValueError(
                f"budget.screening_examples is {self.screening_examples}: give 0, for "
                "all, or more"
            )

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Budget":
        """Make a budget from plain data, such as a file of ``conf/budget``.

        Args:
            mapping: value of each attribute, by name.

        Returns:
            The budget.

        Raises:
            ValueError: a value is out of range.
        """
        rates = tuple(float(rate) for rate in mapping["learning_rates"])
        return cls(**{**mapping, "learning_rates": rates})

    def refined_rates(self, rate: float) -> tuple[float, ...]:
        """Return the rates of the refinement around a rate of the screening.

        Args:
            rate: one of `learning_rates`.

        Returns:
            Three rates in rising order: the middle one is the rate, the others are its
            geometric means with its neighbours. Beyond the ends of the grid the
            distance is that on the other side.
        """
        rates = self.learning_rates
        place = rates.index(rate)
        down = rates[place - 1] / rate if place else rate / rates[1]
        up = rates[place + 1] / rate if place + 1 < len(rates) else 1 / down
        return rate * down**0.5, rate, rate * up**0.5

    def without_gates(self) -> "Budget":
        """Return the same budget without gates."""
        return replace(self, gates=())


class BudgetRegistry(Mapping[str, Budget]):
    """The budgets of the files of ``conf/budget``, by name."""

    def __getitem__(self, name: str) -> Budget:
        return Budget.from_mapping(catalog("budget")[name])

    def __iter__(self) -> Iterator[str]:
        return iter(catalog("budget"))

    def __len__(self) -> int:
        return len(catalog("budget"))


BUDGETS: Mapping[str, Budget] = BudgetRegistry()


def named_budget(name: str) -> Budget:
    """Return the budget of this name.

    Args:
        name: a name of BUDGETS.

    Returns:
        The budget.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in BUDGETS:
        raise ValueError(f"unknown budget {name!r}: {hint(name, BUDGETS)}")
    return BUDGETS[name]
