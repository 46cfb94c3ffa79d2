"""Score every rule of the one-group space `from_scratch`, and write the table.

Every row of the space is decoded, and each canonical rule is scored once for each seed,
as a search with that seed would score it. Results are kept in a folder as they come:
after an interruption the same command continues.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # when run as a file

from experiments.measure import add_json_option, provenance, write_results
from experiments.table.results import Results
from neuralopt import RULES, Score, __version__, simplify, tables
from neuralopt.cli.build import SearchParts, build_search
from neuralopt.cli.config.compose import compose_settings
from neuralopt.evaluators import Evaluator, Request
from neuralopt.language import Expression
from neuralopt.scoring.probes import rejections
from neuralopt.spaces import Space

SPACE = ("space=from_scratch", "space.groups=1")
PROBED = 2048
"""Rules that are probed together, before training."""
SHOWN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Rules:
    """The canonical rules of a space, and named rules outside it.

    Attributes:
        rows: for each canonical text, the rows that decode to it.
        rejected: scores of those that are not trained, by text.
        trained: the others, and `references`, by text.
        references: texts of named rules that the space can't say.
    """

    rows: Mapping[str, int]
    rejected: Mapping[str, Score]
    trained: Mapping[str, Expression]
    references: tuple[str, ...]


def rules_of(space: Space) -> Rules:
    """Enumerate a space and probe its rules.

    Args:
        space: of one group, so that each row is drawn with the same probability.

    Returns:
        All its canonical rules, and the named rules that it can't say.

    Raises:
        ValueError: the space has several groups.
    """
    if space.groups != 1:
        raise ValueError(f"space.groups is {space.groups}: the table is of one group")
    rows: Counter[str] = Counter()
    rules: dict[str, Expression] = {}
    for block in space.rows():
        for decoded in space.decode_all(block):
            assert decoded is not None
            rule = simplify(decoded)
            rows[str(rule)] += 1
            rules.setdefault(str(rule), rule)
    reasons: dict[str, str] = {}
    texts = list(rules)
    for start in range(0, len(texts), PROBED):
        some = texts[start : start + PROBED]
        found = rejections([rules[text] for text in some])
        reasons |= dict(zip(some, found, strict=True))
    rejected = {
        text: Score("rejected", reason=why) for text, why in reasons.items() if why
    }
    named = {str(r): r for r in (simplify(x.expression) for x in RULES.values())}
    others = {text: rule for text, rule in named.items() if text not in rules}
    inside = {text: rule for text, rule in rules.items() if text not in rejected}
    return Rules(rows, rejected, inside | others, tuple(others))


def completed(
    evaluator: Evaluator, rules: Mapping[str, Expression]
) -> Iterator[dict[str, Score]]:
    """Score rules, and yield scores by text as they come; those that failed too.

    The order is random, so that the speed so far tells the time that is left.
    """
    texts = list(rules)
    random.Random(0).shuffle(texts)
    evaluator.submit([Request(n, rules[text]) for n, text in enumerate(texts)])
    left = len(texts)
    while left:
        done = [each for each in evaluator.collect(1.0) if not each.retried]
        left -= len(done)
        yield {texts[each.number]: each.score for each in done}


def score_seed(parts: SearchParts, rules: Rules, path: Path, label: str) -> Results:
    """Score all rules with one seed, those that a file has not yet.

    Args:
        parts: of a search with this seed.
        rules: to be scored.
        path: of the file of results.
        label: for the lines of progress.

    Returns:
        The results; a rule whose training broke is missing.
    """
    results = Results(path, parts.objective())
    missing = {t: r for t, r in rules.trained.items() if t not in results.scores}
    parts.adam = dict(results.adam)
    if not missing and results.adam:
        return results
    with closing(parts.evaluator()) as evaluator:
        results.begin(parts.adam)
        began = shown = time.monotonic()
        done = 0
        for found in completed(evaluator, missing):
            done += len(found)
            for text in [t for t, score in found.items() if score.status == "failed"]:
                print(f"{label}: {text}: {found.pop(text).reason}", flush=True)
            results.add(found)
            now = time.monotonic()
            if now - shown > SHOWN_SECONDS or done == len(missing):
                shown, rate = now, done / (now - began)
                left = (len(missing) - done) / max(rate, 1e-9)
                print(
                    f"{label}: {len(results.scores)} of {len(rules.trained)} scores, "
                    f"{rate:.0f} rules/s, {left / 60:.0f} min left",
                    flush=True,
                )
    return results


def build(overrides: Sequence[str], seeds: int, work: Path, name: str) -> tables.Table:
    """Make the table, continuing what a folder holds.

    Args:
        overrides: of the configuration of a search, such as ``budget=smoke``.
        seeds: how many, from 0 on.
        work: folder of the results so far.
        name: of the table.

    Returns:
        The table.

    Raises:
        ValueError: an override is wrong, the folder's results are of another
            objective, or trainings broke.
    """
    work.mkdir(parents=True, exist_ok=True)
    rules, scores, adam = None, {}, {}
    for seed in range(seeds):
        settings = compose_settings([*SPACE, *overrides, f"seed={seed}"])
        parts = build_search(settings)
        if rules is None:
            rules = rules_of(parts.space)
            print(
                f"{parts.space.size} rows, {len(rules.rows)} canonical rules, "
                f"{len(rules.rejected)} of them rejected before training; "
                f"{len(rules.references)} named rules outside the space",
                flush=True,
            )
        label = f"seed {seed} of {seeds}"
        results = score_seed(parts, rules, work / f"seed{seed}.jsonl", label)
        scores[seed] = {**rules.rejected, **results.scores}
        adam[seed] = results.adam
    assert rules is not None
    return tables.make_table(
        name,
        rules.rows,
        scores,
        json.loads(json.dumps(parts.objective())),
        adam=adam,
        references=rules.references,
        made={"neuralopt": __version__, **provenance()},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the table that the command line asks for.

    Args:
        arguments: of the command line.

    Returns:
        0; 2 if an argument is wrong or trainings broke.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("overrides", nargs="*", help="as of a search: task=suite ...")
    parser.add_argument("--seeds", type=int, default=3, help="3 if not given")
    parser.add_argument("--work", type=Path, default=Path("runs/table"))
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("neuralopt/tables/data/from_scratch.npz"),
        help="the file to write; its SHA-256 is written beside it",
    )
    add_json_option(parser)
    given = parser.parse_intermixed_args(arguments)
    began = time.monotonic()
    try:
        table = build(given.overrides, given.seeds, given.work, given.output.stem)
        given.output.parent.mkdir(parents=True, exist_ok=True)
        tables.save(table, given.output)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    figures = {
        "rows": int(table.rows.sum()),
        "rules": len(table),
        "trained": int(table.trained.sum()),
        "seconds": time.monotonic() - began,
        "bytes": given.output.stat().st_size,
    }
    print(f"{given.output}: " + ", ".join(f"{k} {v:.0f}" for k, v in figures.items()))
    write_results(given.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
