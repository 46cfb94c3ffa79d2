"""How often does uniform sampling draw the known optimizers?

    python experiments/rediscovery/uniform.py --rows 2000000
    python experiments/rediscovery/uniform.py --space modern --rows 300000

Draws rows of a space uniformly, as random search does, and counts those whose rules
behave as a known optimizer, up to a positive factor. Nothing is trained. The interval
of an expected number of rows is that of a Poisson count (Garwood 1936). The counts of
a space go into the JSON file, from which `rediscovery.py` writes its page.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy import special

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import provenance
from neuralopt.catalog import catalog
from neuralopt.report.counting import counting
from neuralopt.spaces import Space
from neuralopt.verdict.rediscovery.odds import UniformRows, encoded
from neuralopt.verdict.rediscovery.targets import TARGETS
from neuralopt.verdict.rediscovery.uniform import draw_uniform

CHUNK = 20_000
CONFIDENCE = 0.95
COUNTS = Path(__file__).with_name("uniform.json")


def rows_to_one(count: int, rows: int) -> tuple[float | None, float, float | None]:
    """Return the expected rows to a hit, and the limits of its interval.

    Args:
        count: hits.
        rows: that were drawn.

    Returns:
        The expectation, None without a hit; the least and the most, None for infinity.
    """
    tail = (1 - CONFIDENCE) / 2
    most = special.gammaincinv(count + 1, 1 - tail)
    least = special.gammaincinv(count, tail) if count else 0.0
    return (
        rows / count if count else None,
        float(rows / most),
        float(rows / least) if count else None,
    )


def table_lines(counts: Mapping[str, Any]) -> list[str]:
    """Lines of the table of one space.

    Args:
        counts: what this script wrote for it.
    """
    lines = ["| target | alike | rows to one | 95% |", "|---|--:|--:|---|"]
    for name, count in counts["hits"].items():
        expected, least, most = rows_to_one(count, counts["rows"])
        limits = f"{least:,.0f} to {'-' if most is None else f'{most:,.0f}'}"
        told = "-" if expected is None else f"{expected:,.0f}"
        lines.append(f"| {name} | {count:,} | {told} | {limits} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, and write the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", choices=catalog("space"), default="from_scratch")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument(
        "--json", type=Path, default=COUNTS, metavar="FILE", help="of counts"
    )
    given = parser.parse_args(arguments)
    space = Space.from_mapping(given.space, catalog("space")[given.space])
    targets = [each for each in TARGETS.values() if encoded(space, each) is not None]
    found: Counter[str] = Counter({target.name: 0 for target in targets})
    with counting("rows") as count:
        for start in range(0, given.rows, CHUNK):
            rows = min(CHUNK, given.rows - start)
            drawn = UniformRows(space, targets, rows, start).behaviour
            found.update({name: int(which.sum()) for name, which in drawn.items()})
            count(start + CHUNK, given.rows)
    kept = json.loads(given.json.read_text("utf-8")) if given.json.exists() else {}
    kept[given.space] = {
        **provenance(),
        "rows": given.rows,
        "trained": draw_uniform(space, 1000).charged,
        "hits": {target.name: found[target.name] for target in targets},
    }
    given.json.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    print("\n".join(table_lines(kept[given.space])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
