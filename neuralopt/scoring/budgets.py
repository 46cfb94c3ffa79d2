"""Budgets: the learning rates, training lengths and replicates that a rule gets."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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

    Raises:
        ValueError: a value is out of range.
    """

    name: str
    learning_rates: tuple[float, ...]
    screening_epochs: int
    epochs: int
    replicates: int = 1
    screening_examples: int = 0

    def __post_init__(self) -> None:
        rates = tuple(self.learning_rates)  # a configuration holds a list
        object.__setattr__(self, "learning_rates", rates)
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
