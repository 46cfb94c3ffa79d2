"""Make the page of a table: experiments/table/README.md and its picture."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, write_results
from experiments.table.picture import histogram
from neuralopt import RULES, parse, render, simplify
from neuralopt.behaviour.classes import BehaviourClasses
from neuralopt.behaviour.description import describe
from neuralopt.behaviour.naming import names
from neuralopt.scoring.score import STATUSES
from neuralopt.tables import Table, expected_evaluations, expected_proposals, load, top

SHARES = (0.01, 0.001, 0.0001)
BEST = 100
MARKED = ("sgd", "momentum_ema", "signsgd", "signum", "rmsprop", "adam", "lion")
"""Rules that the picture names, where the table has them."""
FORMS = {
    **{name: str(simplify(rule.expression)) for name, rule in RULES.items()},
    **{
        name: str(simplify(parse(text)))
        for name, text in (
            ("m/sqrt(v)", "m / (sqrt(v) + 1e-8)"),
            ("sign(g)+sign(m)", "sign(g) + sign(m)"),
        )
    },
}
"""Canonical texts of the named rules, and of two that one group can say."""

Row = Sequence[object]


def markdown(head: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table; numbers are short, rules stand in backquotes."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(map(_cell, row)) + " |"
    yield ""


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")


def code(text: str) -> str:
    """A rule's text as code, with abbreviations folded."""
    return f"`{render(parse(text))}`"


def facts(table: Table) -> Iterator[str]:
    """What the table holds, and where it comes from."""
    made = table.metadata["made"]
    statuses = [Counter(column.tolist()) for column in table.statuses.T]
    yield (
        f"The space has {int(table.rows.sum()):,} rows, which say {len(table):,} "
        f"canonical rules. Before training {int((~table.trained).sum()):,} are "
        f"rejected; {int(table.trained.sum()):,} are scored as searches with the seeds "
        f"{', '.join(map(str, table.seeds))} score them. The objective has "
        f"{len(table.parts)} parts: {', '.join(table.parts)}."
    )
    yield ""
    met = [s for s in STATUSES if any(c[STATUSES.index(s)] for c in statuses)]
    rows = [[s, *(c[STATUSES.index(s)] for c in statuses)] for s in met]
    yield from markdown(["status", *(f"seed {s}" for s in table.seeds)], rows)
    if made:
        yield (
            f"Made by `{made.get('command')}` on {made.get('date')}, commit "
            f"{made.get('commit')}, {made.get('machine', {}).get('cores')} cores of "
            f"{made.get('machine', {}).get('processor')}."
        )
        yield ""


def places(table: Table) -> dict[str, int]:
    """Numbers of the named rules that are in the table, by name."""
    return {name: table.number(text) for name, text in FORMS.items() if text in table}


def distribution(table: Table) -> Iterator[str]:
    """Quantiles of the mean qualities of trained rules."""
    mean = table.mean[table.trained]
    shares = (0.5, 0.1, *SHARES)
    rows = [(f"{share:.2%}", float(np.quantile(mean, 1 - share))) for share in shares]
    yield from markdown(["best", "quality of at least"], [*rows, ("one", mean.max())])


def spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; equals share the mean of their ranks."""
    ranks = []
    for values in (one, other):
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[place])
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def agreement(table: Table) -> Iterator[str]:
    """Rank correlation between seeds, over all trained rules and over the best."""
    scored = (table.statuses == STATUSES.index("scored")).all(axis=1)
    best = np.zeros(len(table), dtype=np.bool_)
    best[top(table, 0.01)] = True
    rows = []
    for i, first in enumerate(table.seeds):
        for j, second in list(enumerate(table.seeds))[i + 1 :]:
            one, other = table.qualities[:, i], table.qualities[:, j]
            kinds = [spearman(one[k], other[k]) for k in (table.trained, scored, best)]
            rows.append([f"{first} and {second}", *(f"{k:.3f}" for k in kinds)])
    head = ["seeds", "all trained", "scored for every seed", "best 1% by the mean"]
    yield from markdown(head, rows)


def classics(table: Table) -> Iterator[str]:
    """Where each named rule stands; those outside the space by their qualities."""
    mean = np.sort(-table.mean[table.trained])
    rows: list[Row] = []
    found = places(table)
    for name, text in FORMS.items():
        number, outside = found.get(name), table.metadata["references"]
        if number is None and text not in outside:
            continue
        qualities = outside[text] if number is None else table.qualities[number]
        quality = float(np.mean(qualities))
        rank = int(np.searchsorted(mean, -quality)) + 1
        seeds = " ".join(f"{each:.3f}" for each in qualities)
        percent = f"{rank / len(mean):.2%}"
        cost: Row = ("", "", "not in the space")
        if number is not None:
            cost = (*_cost(table, [number]), f"{int(table.rows[number])} rows")
        rows.append([name, f"{quality:.4f}", seeds, rank, percent, *cost])
    rows.sort(key=lambda row: int(str(row[3])))
    head = ["rule", "quality", "by seed", "rank", "from the top", "proposals"]
    yield from markdown([*head, "evaluations", ""], rows)


def _cost(
    table: Table, wanted: Sequence[int] | NDArray[np.int64]
) -> tuple[float, float]:
    """Expected proposals and evaluations of uniform sampling."""
    return expected_proposals(table, wanted), expected_evaluations(table, wanted)


def sampling(table: Table) -> Iterator[str]:
    """How long uniform sampling takes to the best rules."""
    rows: list[Row] = []
    for share in (*SHARES, 0):
        wanted = top(table, share) if share else np.flatnonzero(table.ranks == 1)
        name = f"best {share:.2%}" if share else "the best rule"
        rows_of_them = int(table.rows[wanted].sum())
        rows.append([name, len(wanted), rows_of_them, *_cost(table, wanted)])
    yield from markdown(["", "rules", "rows", "proposals", "evaluations"], rows)


def grouped(rules: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Group rules by behaviour: what it is, and places of its rules, best first."""
    expressions = [parse(rule) for rule in rules]
    classes, found = BehaviourClasses(), names(expressions)
    groups: dict[int, list[int]] = {}
    for place, leader in enumerate(classes.assign_all(list(enumerate(expressions)))):
        groups.setdefault(leader, []).append(place)
    return [(describe(found[leader]), places) for leader, places in groups.items()]


def best(table: Table) -> Iterator[str]:
    """The best hundred rules, those of one behaviour in one line."""
    order = np.argsort(table.ranks, kind="stable")[:BEST]
    rules = [table.rules[number] for number in order]
    rows = []
    for behaviour, members in grouped(rules):
        plainest = min(members, key=lambda place: (parse(rules[place]).size, place))
        number = order[members[0]]
        seeds = " ".join(f"{each:.3f}" for each in table.qualities[number])
        more = f"and {len(members) - 1} like it" if len(members) > 1 else ""
        quality = f"{table.mean[number]:.4f}"
        shown = members[0] + 1, quality, seeds, code(rules[plainest]), behaviour, more
        rows.append(shown)
    yield from markdown(["rank", "quality", "by seed", "plainest", "", ""], rows)


SECTIONS: Mapping[str, str] = {
    "Distribution of scores": "Quality is the mean over seeds, of trained rules. One "
    "that a gate stopped has its shares of Adam's quality so far, divided by the "
    "number of all parts: below about 0.43 a quality says how far a rule came, not "
    "how good it would have been in the end.\n\n"
    "![Histogram of the qualities](scores.svg)",
    "Agreement of seeds": "Spearman's rank correlation.",
    "Where the named rules stand": "Rank among the trained rules, by the mean over "
    "seeds; a rule outside the space has the rank that its quality would give it. "
    "Proposals and evaluations: expected, until uniform sampling draws the rule.",
    "Uniform sampling": "Rows are drawn with replacement. p(r) is rule r's share of "
    "all rows, p(S) that of the rules looked for. Expected proposals until the first "
    "of S: 1 / p(S). Expected evaluations, where rules seen before and rejected ones "
    "cost nothing: 1 + the sum of p(r) / (p(r) + p(S)) over trained rules r outside S, "
    "because r is trained before the end exactly if it is drawn before any of S.",
    "The best hundred": "Rules of equal behaviour are one line, at the rank, and with "
    "the quality, of the best of them.",
}


def page(table: Table) -> str:
    """Return the text of the page."""
    parts = (distribution, agreement, classics, sampling, best)
    lines = ["# Every rule of one group, scored", "", *facts(table)]
    for (title, about), part in zip(SECTIONS.items(), parts, strict=True):
        lines += [f"## {title}", "", about, "", *part(table)]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page of the table that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default="from_scratch", help="a name or a file")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    add_json_option(parser)
    given = parser.parse_args(arguments)
    table = load(given.table)
    named = {name: n for name, n in places(table).items() if name in MARKED}
    marks = {name: float(table.mean[number]) for name, number in named.items()}
    (given.folder / "README.md").write_text(page(table), "utf-8")
    picture = histogram(table.mean[table.trained], marks)
    (given.folder / "scores.svg").write_text(picture, "utf-8")
    print(f"wrote {given.folder}/README.md and scores.svg")
    write_results(given.json, {"rules": len(table), "best": float(table.mean.max())})
    return 0


if __name__ == "__main__":
    sys.exit(main())
