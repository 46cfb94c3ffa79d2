"""Count canonical forms in the one-group space of bello2017, and what they miss.

    python experiments/algebra/algebra.py

Counts rows, distinct texts and canonical rules. Then looks for canonical rules that
behave alike on probes although their forms differ. They are printed as hints at missed
identities. Most agree only on the probes, or only up to rounding, and are not defects:
a canonical form must not change a single bit of a rule's values.
"""

import argparse
import itertools
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.measure import add_json_option, write_results
from neuralopt.language import Expression, render, simplify
from neuralopt.scoring.probes import probed_values, rejections
from neuralopt.spaces import SPACES, Space

DIGITS = 9
"""Significant digits in which two rules must agree to be called alike."""


def one_group(name: str) -> Space:
    """The space with one group and without constraints, so that every row is valid."""
    space = SPACES[name]
    free = replace(space.constraints, distinct_operands=False, not_final=())
    return Space(name, space.operands, space.unary, space.binary, 1, free)


def all_rules(space: Space) -> list[Expression]:
    """The rule of every row."""
    choices = [range(count) for count in space.choices]
    rows = np.array(list(itertools.product(*choices)), np.int64)
    rules = space.decode_all(rows)
    return [rule for rule in rules if rule is not None]


def alike(rules: list[Expression]) -> list[list[Expression]]:
    """Groups of rules without draws whose values on probes agree in DIGITS digits."""
    plain = [rule for rule in rules if not rule.contains("noise", "drop")]
    groups: dict[bytes, list[Expression]] = defaultdict(list)
    for start in range(0, len(plain), 1000):
        some = plain[start : start + 1000]
        for rule, values in zip(some, probed_values(some), strict=True):
            groups[_rounded(values)].append(rule)
    return [group for group in groups.values() if len(group) > 1]


def _rounded(values: npt.NDArray[np.float64]) -> bytes:
    """Values rounded to DIGITS significant digits, -0.0 as 0.0."""
    with np.errstate(all="ignore"):
        size = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        rounded = np.round(values * size) / size
    return bytes((np.where(np.isfinite(rounded), rounded, values) + 0.0).tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", default="bello2017", choices=list(SPACES))
    parser.add_argument("--show", type=int, default=20, help="groups of hints shown")
    add_json_option(parser)
    arguments = parser.parse_args()
    began = time.perf_counter()
    space = one_group(arguments.space)
    rules = all_rules(space)
    texts = {str(rule) for rule in rules}
    canonical = {simplify(rule) for rule in rules}
    print(f"{space.name}, one group, no constraints")
    for name, count in (
        ("rows", space.raw_size),
        ("distinct texts", len(texts)),
        ("canonical rules", len(canonical)),
    ):
        print(f"  {name:16} {count:8,}  {space.raw_size / count:.2f} rows each")
    ordered = sorted(canonical, key=lambda rule: (rule.size, str(rule)))
    kept = [r for r, why in zip(ordered, rejections(ordered), strict=True) if not why]
    print(f"  pass the probes  {len(kept):8,}")
    groups = alike(kept)
    more = sum(len(group) - 1 for group in groups)
    print(
        f"  alike on probes  {more:8,} of them behave as a shorter one to {DIGITS} "
        f"digits, in {len(groups):,} groups"
    )
    print("\nHints, the shortest first:")
    for group in groups[: arguments.show]:
        print("  " + "   ~   ".join(render(rule) for rule in group[:3]))
    print(f"\n{time.perf_counter() - began:.0f} s")
    write_results(
        arguments.json,
        {
            "space": space.name,
            "rows": space.raw_size,
            "distinct texts": len(texts),
            "canonical rules": len(canonical),
            "pass the probes": len(kept),
            "alike on probes": more,
            "groups": len(groups),
        },
    )


if __name__ == "__main__":
    main()
