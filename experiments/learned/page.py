"""Write README.md and its pictures from results.json, which learned.py wrote.

python experiments/learned/page.py
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

import numpy as np

from experiments.learned.pictures import (
    HOME,
    NAMED,
    Results,
    activations_picture,
    along_of,
    beyond_picture,
    curves_picture,
    ends_of,
    fit_picture,
)
from experiments.measure import add_json_option, made_line, write_results
from experiments.table.page import markdown

HERE = Path(__file__).parent
PICTURES = {
    "curves.svg": ("learned on relu", curves_picture),
    "beyond.svg": ("beyond", beyond_picture),
    "activations.svg": ("elsewhere", activations_picture),
    "fit.svg": ("distilled", fit_picture),
}
"""Pictures by file, with the stage that each shows."""


def mean(losses: Sequence[float | None]) -> float:
    """Return the mean of losses; null, which stands for inf, gives inf."""
    return float(np.mean([np.inf if each is None else each for each in losses]))


def beyond_table(results: Results) -> Iterator[str]:
    """Yield the losses after some steps, by optimizer."""
    shown = (16, 48, 96, 192, 384, 1600)
    places = [results["along"].index(step) for step in shown]
    head = ["optimizer", "rate", *(f"{step:,} steps" for step in shown)]
    rows = [
        [name, each["rate"]]
        + [f"{mean([row[place] for row in each['losses']]):.3g}" for place in places]
        for name, each in along_of(results).items()
    ]
    yield from markdown(head, rows)


def activations_table(results: Results) -> Iterator[str]:
    """Yield the losses at the end, by optimizer and activation."""
    found = ends_of(results)
    names = next(iter(found.values()))
    rows = [
        [name, *(f"{mean(found[each][name]['losses']):.3f}" for each in found)]
        for name in names
    ]
    yield from markdown(["optimizer", *found], rows)


def suite_table(results: Results) -> Iterator[str]:
    """Yield the verdict on the suite, and mean qualities by part."""
    suite = results["suite"]
    rows = [
        [
            row["rank"],
            row["name"],
            f"{row['mean']:.4f}",
            f"{row['difference']:+.4f}" if row["verdict"] != "reference" else "",
            row["verdict"],
        ]
        for row in suite["rows"]
    ]
    head = ["rank", "optimizer", "mean quality", "difference", "verdict"]
    yield from markdown(head, rows)
    names = [row["name"] for row in suite["rows"]]
    parts = [
        [part, *(f"{means[name]:.3f}" for name in names)]
        for part, means in suite["parts"].items()
    ]
    yield from markdown(["quality on", *names], parts)


def rules_table(results: Results) -> Iterator[str]:
    """Yield R^2 of found and of named rules."""
    found = results["distilled"]
    entries = [
        *(
            (space, each)
            for space, rules in found["spaces"].items()
            for each in rules[:2]
        ),
        *((name, found["named"][name]) for name in NAMED if name in found["named"]),
    ]
    rows = [
        [
            name,
            f"`{each['rule']}`",
            each["size"],
            f"{each['fit']:.3f}",
            f"{each['held_out']:.3f}",
            f"{each['lr']:.3g}",
        ]
        for name, each in entries
    ]
    head = ["space or name", "rule", "size", "R^2", "R^2 on other trainings", "rate"]
    yield from markdown(head, rows)


TABLES = {
    "{beyond}": ("beyond", beyond_table),
    "{activations}": ("elsewhere", activations_table),
    "{suite}": ("suite", suite_table),
    "{rules}": ("distilled", rules_table),
}
"""What stands in a template for a table, the stage that it shows, and its lines."""


def page(made: Results, template: str) -> str:
    """Return the page: a text, with tables and facts in their places.

    Args:
        made: a results file.
        template: of template.md. A section whose stage was not measured is left out.
    """
    results = made["figures"]
    first, *sections = template.split("\n## ")
    for place, (stage, table) in TABLES.items():
        if stage not in results:
            sections = [each for each in sections if place not in each]
            continue
        lines = "\n".join(table(results)).rstrip()
        sections = [each.replace(place, lines) for each in sections]
    best = results["distilled"]["best"]
    facts = {
        "{made}": made_line(made),
        "{seconds}": " and ".join(
            f"{results[f'learned on {name}']['seconds']:.0f} s" for name in HOME
        ),
        "{children}": str(results["children"]),
        "{seeds}": str(results["seeds"]),
        "{proposals}": f"{results['proposals']:,}",
        "{suite_seeds}": str(results.get("suite", {}).get("seeds", "")),
        "{best}": best["rule"],
        "{fit}": f"{best['fit']:.2f}",
        "{held_out}": f"{best['held_out']:.2f}",
    }
    text = "\n## ".join([first, *sections])
    for place, fact in facts.items():
        text = text.replace(place, fact)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_json_option(parser)
    given = parser.parse_args(arguments)
    made = json.loads((HERE / "results.json").read_text("utf-8"))
    for name, (stage, draw) in PICTURES.items():
        if stage in made["figures"]:
            draw(made["figures"], HERE / name)
    text = page(made, (HERE / "template.md").read_text("utf-8"))
    (HERE / "README.md").write_text(text, "utf-8")
    print(f"wrote {HERE}/README.md and its pictures")
    write_results(given.json, {"characters": len(text)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
