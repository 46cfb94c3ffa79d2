"""What a tuned comparison gives to Python callers and notebooks."""

from dataclasses import dataclass

from neuralopt.report.tables.tuned import tuned_tables
from neuralopt.tasks import Split
from neuralopt.verdict.comparison import Comparison
from neuralopt.verdict.tuning.comparing import TunedComparison
from neuralopt.verdict.tuning.plain import plain_comparison


@dataclass(frozen=True, slots=True)
class TunedResult:
    """What `compare_tuned` found.

    It prints as the tables of the command line, in a terminal and in a notebook.

    Attributes:
        found: settings, qualities, verdicts and costs.
    """

    found: TunedComparison

    def comparison(
        self, task: str, horizon: int = 1, split: Split = "selection"
    ) -> Comparison:
        """Return ranks, intervals and verdicts on a task.

        Args:
            task: its name.
            horizon: one of the horizons.
            split: one of those measured: ``selection``, and ``test`` where it is.

        Raises:
            KeyError: the task or the split is unknown.
            ValueError: the horizon was not trained, or every contender failed to run.
        """
        made = self.found.comparison(task, horizon, split)
        if made is None:
            raise ValueError(f"every contender failed to run on {task}")
        return made

    def rule(self, name: str, task: str) -> tuple[str, float]:
        """Return a tuned contender as a rule, with its learning rate.

        Args:
            name: of the contender.
            task: that it was tuned on.

        Returns:
            (text with weight decay and schedule in it, learning rate).

        Raises:
            KeyError: the contender or the task is unknown.
            ValueError: the setting can't be written as a rule, as that of an optimizer
                of torch.
        """
        tuned = self.found[task].tuned[name]
        contender, setting = tuned.contender, tuned.setting
        if contender.written(setting) is None:
            raise ValueError(
                f"{name} on {task} can't be written as a rule: use it with "
                f"{contender.described(setting)}"
            )
        return contender.text(setting), setting.rate

    def to_dict(self) -> dict[str, object]:
        """Return all of it as plain data, as ``neuralopt compare --tuned --json``."""
        return plain_comparison(self.found)

    def __str__(self) -> str:
        tables = tuned_tables(self.found)
        return "\n".join(f"{title}\n{table.text()}" for title, table in tables)

    def _repr_html_(self) -> str:
        return "".join(
            f"<p>{title}</p>{table._repr_html_()}"
            for title, table in tuned_tables(self.found)
        )
