"""Write README.md and its pictures from results.json, which snapshots.py wrote.

python experiments/snapshots/page.py
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.snapshots.methods import (
    CYCLE,
    EPOCHS,
    GROWTH,
    MEMBERS,
    MILESTONES,
    TUNING_SEEDS,
)
from experiments.snapshots.pictures import along_picture, differences_picture
from experiments.snapshots.summary import Compared, Results, comparisons, pairs
from experiments.table.page import markdown

HERE = Path(__file__).parent
ABOUT = """\
# Do restarts, growing batches and snapshot ensembles help?

On small tasks, with momentum (0.9) and AdamW (decay 0.01, multiplied with the schedule:
AdamWR where that restarts). All trainings of one seed begin with the same weights and
order of examples. The learning rate of every method is chosen separately, in factors of
2, by the mean loss of {tuning} tuning seeds on `validation`. Then {seeds} fresh seeds
are trained and measured on `test`. Quality is exp(-loss). Intervals and verdicts are
those of `neuralopt.verdict.comparison`: paired by seed, 95% for all rows with one rule
on one task together (Holm); the reference was named beforehand. *No difference shown*
does not say that two methods are equal. Intervals speak of seeds, not of other tasks or
longer trainings.
"""
BELIEF = """\
What a reader should believe, for trainings this short:

- On `digits` and `digits_conv` the schedule hardly matters once every method has its
  own rate: differences of quality are about 0.005 or less, and a constant rate was not
  shown to be worse than the cosine. With false labels (`digits_noisy`) it was.
- The last network of a training with restarts, equal or growing, was nowhere shown to
  be worse than that of one cosine, and was better in eight of twelve comparisons, by
  0.01 at most.
- Between growing batches and a rate that falls no difference is shown, and no interval
  reaches beyond 0.0025, in 276 steps in place of 480: what Smith et al. report.
- A snapshot ensemble was nowhere shown to be worse than independent runs of the same
  cost, and was better in four of six comparisons. It was nowhere shown to be better
  than one run of all epochs, and was worse in four of six: losses still fall after six
  epochs, and the first snapshots count in the mean.
"""
SCHEDULES = """\
{epochs} epochs each. *restarts*: {members} cosines of {cycle} epochs (SGDR, Loshchilov
and Hutter 2017). *growing restarts*: 2, 4, 8 and 16 epochs. *triangular*: up and down
in lines, five times (Smith 2017). *steps*: the rate is halved after the shares
{milestones} of the training. *growing batches*: the rate is constant, and the batch of
64 grows by a factor of {growth:g} there (Smith et al. 2018); that takes 276 steps in
place of 480. A cell has the mean loss on `test`; in parentheses, the rate that was
chosen; the difference of quality from *cosine*, with its interval; and the verdict, if
there is a difference.
"""
BATCHES = """\
Batches that grow, against a rate that falls at the same shares of the training: the
differences are from *steps*, and corrected for nothing else.
"""
ENSEMBLES = """\
Every way trains for {epochs} epochs in all. *snapshots*: the mean prediction of the
networks at the ends of {members} cosine cycles of one training (Huang et al. 2017).
*independent runs*: the mean prediction of {members} trainings of {cycle} epochs with
other weights and orders, each under one cosine. *one run*: one network, one cosine over
all epochs. *last snapshot*: the last of the {members} networks. The rates of snapshots
and of independent runs are those that are best for the ensemble. An ensemble costs
{members} times as much as one network where it is used. Differences are from
*snapshots*: a row that is *worse* loses to the snapshot ensemble.
"""


def cell(each: Compared | None, method: str) -> str:
    """Return loss, rate, difference and verdict of a method, if it was measured."""
    if each is None or method not in each.losses:
        return "not measured"
    row = each.comparison[method]
    told = f"{each.losses[method]:.4f} ({each.rates[method]:.3g})"
    if row.verdict == "reference":
        return told
    low, high = row.difference_low, row.difference_high
    told += f"; {row.difference:+.4f} [{low:+.4f}, {high:+.4f}]"
    shown = row.verdict == "no difference shown"
    return told if shown else f"{told} **{row.verdict}**"


def table(found: Sequence[Compared]) -> Iterator[str]:
    """Yield the lines of a table: a row for each rule and method."""
    tasks = list(dict.fromkeys(each.task for each in found))
    rules = list(dict.fromkeys(each.rule for each in found))
    by_place = {(each.rule, each.task): each for each in found}
    rows = [
        [rule, method, *(cell(by_place.get((rule, task)), method) for task in tasks)]
        for rule in rules
        for method in found[0].methods
    ]
    yield from markdown(["rule", "method", *(f"`{task}`" for task in tasks)], rows)


def counts(found: Sequence[Compared]) -> Iterator[str]:
    """Yield a line for each method: how often it was better, worse or neither."""
    for method in found[0].methods[1:]:
        having = [each for each in found if method in each.losses]
        verdicts = Counter(each.comparison[method].verdict for each in having)
        told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
        yield f"- *{method}* against *{found[0].methods[0]}*: {told}."
    yield ""


def page(results: Results, made: Results, folder: Path) -> str:
    """Write the pictures.

    Args:
        results: figures of snapshots.py.
        made: commit, date, command and machine.
        folder: for the pictures.

    Returns:
        The page.
    """
    facts = {
        "seeds": results["seeds"],
        "tuning": TUNING_SEEDS,
        "epochs": EPOCHS,
        "members": MEMBERS,
        "cycle": CYCLE,
        "milestones": ", ".join(MILESTONES.split()),
        "growth": GROWTH,
    }
    lines = [ABOUT.format(**facts), "```bash", made["command"]]
    lines += ["python experiments/snapshots/page.py", "```", ""]
    machine = made["machine"]
    lines += [
        f"{made['date'][:10]}, {machine['processor']} with other work, torch "
        f"{made['versions']['torch']}; some four minutes of one core's time.",
        "",
    ]
    lines += [BELIEF]
    for kind, title, about in (
        ("schedules", "Schedules and growing batches", SCHEDULES),
        ("ensembles", "Snapshot ensembles", ENSEMBLES),
    ):
        found = list(comparisons(results, kind))
        lines += [f"## {title}", "", about.format(**facts), *counts(found)]
        picture = f"{kind}.svg"
        head = f"{title}: difference of quality from {found[0].methods[0]}"
        differences_picture(found, head, folder / picture)
        lines += [*table(found), f"![{head}]({picture})", ""]
        if kind == "schedules":
            along_picture(results, folder / "along.svg")
            lines += ["![Test loss along the trainings](along.svg)", ""]
            both = list(pairs(results))
            lines += [BATCHES.format(**facts), *table(both)]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=HERE)
    add_json_option(parser)
    given = parser.parse_args(arguments)
    made = json.loads((given.folder / "results.json").read_text("utf-8"))
    text = page(made["figures"], made, given.folder)
    (given.folder / "README.md").write_text(text, "utf-8")
    print(f"wrote {given.folder}/README.md and its pictures")
    write_results(given.json, {"characters": len(text)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
