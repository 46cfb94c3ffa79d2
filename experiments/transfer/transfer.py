"""Does the rank of a rule on the search's objective predict its rank elsewhere?

    python experiments/transfer/transfer.py --json experiments/transfer/results.json

Rules are taken from the exact table of the objective (experiments/table), evenly by
rank among those that were scored with every seed, one of each behaviour. Each is
trained on each held-out task, which the objective does not have, on fresh seeds.
Finished tasks are kept in the folder --work: a killed command continues.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import (
    add_json_option,
    made_line,
    provenance,
    write_results,
)
from experiments.table.page import markdown
from experiments.transfer.picture import transfer_picture
from neuralopt.behaviour.classes import BehaviourClasses
from neuralopt.language import parse
from neuralopt.report.counting import counting
from neuralopt.scoring.budgets import Budget, named_budget
from neuralopt.scoring.score import STATUSES
from neuralopt.tables import Table, load
from neuralopt.tasks import Task, load_tasks
from neuralopt.verdict.benchmark import run_benchmark
from neuralopt.whole_file import write_whole

HERE = Path(__file__).parent
DRAWS = 2000
"""Of rules, for the intervals of rank correlations."""
BEST = 0.5
"""Share of the rules, by rank on the objective, that a second correlation is of."""

PAGE = """\
# Does the rank on the objective predict the rank on other tasks?

{count} rules of the exact table `{table}`, whose objective is the group `suite` after
five and twenty epochs, of qualities from {low:.3f} to {high:.3f} there (Adam's is 0.5):
evenly by rank among the rules that were scored with every seed, one of each behaviour.
Each was trained on each held-out task as a search trains it: a short training at each
rate, a refinement of the rate, then {epochs} epochs. A rule's quality on a task is the
mean over {seeds} fresh seeds, on the selection split.

*Spearman*: rank correlation of the quality on the objective and on the task, over all
rules, and over the better half on the objective; 95% intervals by bootstrap over the
rules. *Among themselves*: the mean rank correlation of the task with the other held-out
tasks, which says how far any objective could get.

{made}.

![Quality on each task by quality on the objective](transfer.svg)

"""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rank correlation with its interval.

    Attributes:
        value: Spearman's rho.
        low: lower end of the 95% interval.
        high: upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def chosen_rules(table: Table, count: int) -> list[int]:
    """Return the places of rules in a table, best first.

    Args:
        table: of the objective.
        count: rules wanted; fewer if there are fewer behaviours.
    """
    scored = (table.statuses == STATUSES.index("scored")).all(axis=1)
    order = np.argsort(-table.mean, kind="stable")
    ranked = [int(place) for place in order if scored[place]]
    classes = BehaviourClasses()
    leaders = classes.assign_all([(n, parse(table.rules[n])) for n in ranked])
    different = [n for n, leader in zip(ranked, leaders, strict=True) if n == leader]
    places = np.unique(np.linspace(0, len(different) - 1, count).round().astype(int))
    return [different[place] for place in places]


def qualities_on(
    task: Task,
    rules: Sequence[str],
    budget: Budget,
    options: argparse.Namespace,
    progress: Callable[[int, int], None],
) -> list[list[float]]:
    """Return the qualities of rules on a task, one for each seed.

    Args:
        task: that the objective does not have.
        rules: canonical texts.
        budget: of each training.
        options: seeds, workers, and the folder of what was measured before.
        progress: see `run_benchmark`.
    """
    kept = options.work / f"{task.name}.json"
    key = [task.fingerprint, options.seeds, list(rules), repr(budget)]
    if kept.exists():
        saved = json.loads(kept.read_text("utf-8"))
        if saved["key"] == key:
            found: list[list[float]] = saved["qualities"]
            return found
    benchmark = run_benchmark(
        {text: parse(text) for text in rules},
        task,
        budget,
        options.seeds,
        workers=options.workers,
        progress=progress,
    )[0]
    scores = benchmark.scores["selection"]
    found = [[score.quality for score in scores[text]] for text in rules]
    write_whole(kept, json.dumps({"key": key, "qualities": found}))
    return found


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> Correlation:
    """Return the rank correlation of two columns, with its bootstrap interval.

    Args:
        first: (rules,).
        second: (rules,).
    """
    rng = np.random.default_rng(0)
    draws = rng.integers(len(first), size=(DRAWS, len(first)))
    values = [stats.spearmanr(first[rows], second[rows]).statistic for rows in draws]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return Correlation(
        float(stats.spearmanr(first, second).statistic), float(low), float(high)
    )


def correlations(
    objective: NDArray[np.float64], tasks: dict[str, NDArray[np.float64]]
) -> dict[str, dict[str, Any]]:
    """Return what the page's table shows of each task, and of their mean rank.

    Args:
        objective: (rules,), qualities, best first.
        tasks: (rules,), qualities on each task.
    """
    half = slice(0, round(BEST * len(objective)))
    ranks = {name: stats.rankdata(values) for name, values in tasks.items()}
    columns = {**tasks, "mean rank": np.mean(list(ranks.values()), axis=0)}
    found: dict[str, dict[str, Any]] = {}
    for name, column in columns.items():
        others = [
            stats.spearmanr(column, other).statistic
            for key, other in tasks.items()
            if key != name
        ]
        found[name] = {
            "all": spearman(objective, column),
            "better half": spearman(objective[half], column[half]),
            "others": float(np.mean(others)) if name in tasks else None,
        }
    return found


def page(figures: dict[str, Any], found: dict[str, dict[str, Any]]) -> str:
    """Return the text of the results page.

    Args:
        figures: see `main`.
        found: see `correlations`.
    """
    head = ["task", "Spearman, all rules", "better half", "among themselves"]
    rows = [
        [
            name,
            str(each["all"]),
            str(each["better half"]),
            "" if each["others"] is None else f"{each['others']:.2f}",
        ]
        for name, each in found.items()
    ]
    text = PAGE.format(
        count=len(figures["rules"]),
        table=figures["table"],
        low=min(figures["objective"]),
        high=max(figures["objective"]),
        epochs=figures["epochs"],
        seeds=figures["seeds"],
        made=made_line(provenance()),
    )
    return text + "\n".join(markdown(head, rows)) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", default="from_scratch", help="a name or a file")
    parser.add_argument("--rules", type=int, default=60)
    parser.add_argument("--tasks", default="held_out", help="as in task=NAME+NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="threads")
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--page", type=Path, default=HERE / "README.md")
    add_json_option(parser)
    given = parser.parse_args(arguments)
    try:
        table, tasks = load(given.table), load_tasks(given.tasks)
        given.work.mkdir(parents=True, exist_ok=True)
        budget = replace(named_budget("suite"), horizons=(), gates=(), gates_for="")
        places = chosen_rules(table, given.rules)
        rules = [table.rules[place] for place in places]
        by_task = {}
        with counting("trainings") as count:
            for task in tasks:
                print(f"{task.name}: {len(rules)} rules", flush=True)
                by_task[task.name] = qualities_on(task, rules, budget, given, count)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    objective = table.mean[places]
    means = {name: np.mean(rows, axis=1) for name, rows in by_task.items()}
    found = correlations(objective, means)
    for name, each in found.items():
        print(f"{name}: {each['all']}; better half {each['better half']}")
    figures: dict[str, Any] = {
        "table": table.name,
        "epochs": budget.epochs,
        "seeds": given.seeds,
        "rules": rules,
        "objective": objective.tolist(),
        "qualities": by_task,
    }
    transfer_picture(objective, means, given.page.with_name("transfer.svg"))
    given.page.write_text(page(figures, found), "utf-8")
    write_results(given.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
