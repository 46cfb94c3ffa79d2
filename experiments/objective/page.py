"""Write README.md from what `measure.py` measured.

python experiments/objective/page.py --work runs/objective [--cifar10 FILE]
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from experiments.objective.measure import (
    CANDIDATES,
    CLASSICS,
    HELD_OUT,
    LENGTHS,
    Measured,
    Qualities,
    sample,
    shares,
)
from neuralopt.scoring.budgets import named_budget
from neuralopt.tasks import GROUPS

HERE = Path(__file__).parent
SUITE = GROUPS["suite"]
GROUPS_COMPARED: Mapping[str, tuple[str, ...]] = {
    "`suite`": SUITE,
    "`suite` and digits_small_conv": (*SUITE, "digits_small_conv"),
    "`suite` without regression": tuple(t for t in SUITE if t != "regression"),
    "`digits` alone": ("digits",),
    "`digits` and three others": (
        *("digits", "digits_deep", "digits_sigmoid", "digits_small_batch"),
    ),
}
TOP = 100
"""One rule in so many is among the best."""

Found = Mapping[tuple[str, str, int], Measured]


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown; numbers have two or three digits."""

    def cell(value: object) -> str:
        return f"{value:.2f}" if isinstance(value, float) else str(value)

    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def correlation(one: Qualities, other: Qualities) -> float:
    """Return Spearman's rank correlation."""
    return float(spearmanr(one, other)[0])


def totals(
    found: Found, kind: str, tasks: Sequence[str], lengths: Sequence[int] = (1, 2)
) -> list[Qualities]:
    """Return mean shares over tasks and lengths, (rules,), of each replicate."""
    replicates = sorted({key[2] for key in found if key[0] == kind})
    return [
        np.mean([shares(found[kind, t, r])[list(lengths)] for t in tasks], axis=(0, 1))
        for r in replicates
    ]


def tasks_table(found: Found) -> str:
    """Return costs, agreement of seeds and of lengths, and the best rate's limits."""
    rows = []
    for name in CANDIDATES:
        whole = found["sample", name, 0]
        seeds = [found["few", name, r].qualities for r in replicates_of(found)]
        others = [other for other in CANDIDATES if other != name]
        rest = np.mean(totals(found, "few", others), axis=0)
        own = np.mean(totals(found, "few", [name]), axis=0)
        rows.append(
            [
                f"`{name}`" + ("" if name in SUITE else " (not in the suite)"),
                *(float(1000 * x) for x in whole.seconds),
                correlation(seeds[0][1], seeds[1][1]),
                correlation(seeds[0][2], seeds[1][2]),
                correlation(seeds[0][1], seeds[0][2]),
                correlation(own, rest),
            ]
        )
    header = ["task", "screening, ms", "refinement", "5 epochs", "20 epochs"]
    header += ["seeds, 5 epochs", "seeds, 20 epochs", "5 and 20", "with the others"]
    return table(header, rows)


def replicates_of(found: Found) -> list[int]:
    """Return the replicates of the few rules."""
    return sorted({key[2] for key in found if key[0] == "few"})


def groups_table(found: Found) -> str:
    """Return how groups of tasks rank: seeds, and tasks that are held out."""
    rows = []
    held = [name for name in HELD_OUT if ("held out", name, 0) in found]
    for label, tasks in GROUPS_COMPARED.items():
        for what, lengths in (("5", [1]), ("20", [2]), ("5 and 20", [1, 2])):
            seeds = totals(found, "few", tasks, lengths)
            mean = np.mean(seeds, axis=0)
            rows.append(
                [
                    label,
                    what,
                    correlation(seeds[0], seeds[1]),
                    *(correlation(mean, last(found, name)) for name in held),
                ]
            )
    return table(["group", "epochs", "two seeds", *(f"`{n}`" for n in held)], rows)


def last(found: Found, name: str) -> Qualities:
    """Return the qualities on a held-out task after the longest training."""
    rows = found["held out", name, 0].qualities
    longest: int = np.flatnonzero(rows.any(axis=1))[-1]
    return np.asarray(rows[longest], np.float64)


def classics_table(found: Found) -> str:
    """Return percentiles of the classics among the sample, over replicates."""
    rows = []
    count = len(CLASSICS)
    for label, tasks in GROUPS_COMPARED.items():
        random = totals(found, "sample", tasks)[0][count:]
        each = np.array(totals(found, "few", tasks))[:, :count]
        places = 100 * (random[None, None] > each[:, :, None]).mean(axis=2)
        rows.append([label, *(f"{x:.1f}" for x in np.median(places, axis=0))])
    return table(["group", *(f"{name}" for name in CLASSICS)], rows)


def means_table(found: Found) -> str:
    """Return the classics' mean shares of the suite, with their spread over seeds."""
    rows = []
    for name, tasks in (("suite", SUITE), *((t, (t,)) for t in SUITE)):
        each = np.array(totals(found, "few", tasks))[:, : len(CLASSICS)]
        spreads = each.std(axis=0, ddof=1)
        cells = [
            f"{mean:.3f} ± {sd:.3f}" if name == "suite" else f"{mean:.2f}"
            for mean, sd in zip(each.mean(axis=0), spreads, strict=True)
        ]
        rows.append([f"`{name}`", *cells])
    return table(["tasks", *CLASSICS], rows)


def aggregates_table(found: Found) -> str:
    """Return what other aggregates than the mean share do to the ranking."""
    stack = np.array([shares(found["sample", t, 0])[1:] for t in SUITE])
    parts = stack.reshape(-1, stack.shape[-1])
    with np.errstate(divide="ignore"):
        ratios = np.log(parts / (1 - parts))
    ranks = parts.argsort(axis=1).argsort(axis=1)
    kinds = {
        "mean of q / (q + a)": parts.mean(axis=0),
        "geometric mean of q / a": ratios.clip(-9).mean(axis=0),
        "mean rank": ranks.mean(axis=0),
        "worst part": parts.min(axis=0),
        "median part": np.median(parts, axis=0),
    }
    base, count = kinds["mean of q / (q + a)"], len(CLASSICS)
    learns = base > np.quantile(base, 0.95)
    rows = []
    for name, values in kinds.items():
        places = 100 * (values[None, count:] > values[:count, None]).mean(axis=1)
        rows.append(
            [
                name,
                correlation(base, values),
                correlation(base[learns], values[learns]),
                *(f"{x:.1f}" for x in places),
            ]
        )
    header = ["aggregate", "all rules", "best 5%"]
    return table([*header, *CLASSICS], rows)


def gates_table(found: Found) -> str:
    """Return what the gates of the budget save, and which of the best they lose.

    Rules and replicate are others than those on which the gates were chosen.
    """
    budget, count = named_budget("suite"), len(CLASSICS)
    each = [shares(found["judge", t, 1])[:, count:] for t in SUITE]
    costs = [found["judge", t, 1].seconds * 1000 for t in SUITE]
    whole = np.mean([x[1:].mean(axis=0) for x in each], axis=0)
    order = np.argsort(-whole)
    best, good = order[: len(whole) // TOP], order[: 3 * len(whole) // TOP]
    alive = each[0][0] >= budget.gates[0]
    paid = float(costs[0][0])
    done, rows = np.zeros(len(whole)), []

    def row(name: str, gate: float) -> list[object]:
        lost = [int((~alive[some]).sum()) for some in (best, good)]
        return [name, gate, float(100 * alive.mean()), *lost]

    rows.append(row(f"the screening of {SUITE[0]}", budget.gates[0]))
    parts = [(length, k) for length in (1, 2) for k in range(len(SUITE))]
    for number, (length, k) in enumerate(parts, start=1):
        screening = costs[k][0] if k and length == 1 else 0.0
        long = costs[k][1] + costs[k][2] if length == 1 else costs[k][3]
        paid += float(alive.mean() * (screening + long))
        done += each[k][length]
        if number < len(budget.gates):
            alive = alive & (done / number >= budget.gates[number])
            name = f"{SUITE[k]}, {LENGTHS[length]}"
            rows.append(row(name, budget.gates[number]))
    total = sum(float(cost.sum()) for cost in costs)
    header = ["gate after", "least mean share", "left, %"]
    header += [f"lost of the best {len(best)}", f"of the best {len(good)}"]
    return (
        table(header, rows)
        + f"\n\nWithout gates a rule takes {total:.0f} ms of a core, with them about "
        f"{paid:.0f} ms (the costs are means over all rules, of which many diverge: a "
        "rule that passes costs more)."
    )


def best_list(found: Found, count: int = 15) -> str:
    """Return the best rules of the sample and the classics, one replicate."""
    whole = totals(found, "sample", SUITE)[0]
    rules, names = sample(), list(CLASSICS)
    lines = []
    for rank, place in enumerate(np.argsort(-whole)[:count], start=1):
        name = names[place] if place < len(names) else ""
        lines.append([rank, f"{whole[place]:.3f}", f"`{rules[place]}`", name])
    return table(["rank", "mean share", "rule", "known as"], lines)


def page(found: Found) -> str:
    """Return the page: page.md with its tables filled in.

    Args:
        found: all measurements, as `measure.study` returns them.
    """
    text = (HERE / "page.md").read_text("utf-8")
    for key, made in (
        ("tasks", tasks_table),
        ("groups", groups_table),
        ("classics", classics_table),
        ("means", means_table),
        ("aggregates", aggregates_table),
        ("gates", gates_table),
        ("best", best_list),
    ):
        text = text.replace(f"{{{key}}}", made(found))
    return text


def figures(found: Found) -> dict[str, object]:
    """Return mean shares of the suite and costs as plain data, for a results file.

    Args:
        found: all measurements, as `measure.study` returns them.
    """
    each = np.array(totals(found, "few", SUITE))[:, : len(CLASSICS)]
    return {
        "mean shares": dict(zip(CLASSICS, each.mean(axis=0).tolist(), strict=True)),
        "seconds of a core": {
            name: found["sample", name, 0].seconds.tolist() for name in CANDIDATES
        },
    }
