"""Feed random rules to all that runs them, and hostile text to the parser.

    python experiments/fuzz/fuzz.py --seconds 600

Random rules of the whole language are printed and read again, simplified, compiled and
trained by everything that runs rules: RuleOptimizer, the kernels of probes and of
bytecode, exported files for torch and optax. All are compared with an independent walk
over the rule's tree in float64, or with each other bit by bit. A difference counts
unless disturbing the walk by rounding alone explains it.

Every hostile text must be parsed, or refused with a ValueError of one line, within a
second. An exported file must hold nothing except imports, functions, constants and one
class, for any names given.
"""

import argparse
import itertools
import random
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # finds `experiments`: its README

from experiments.fuzz import checks, exports, hostile
from experiments.fuzz.random_rules import RuleTexts
from experiments.measure import add_json_option, write_results
from neuralopt.catalog import catalog
from neuralopt.language import PRIMITIVES, Expression, parse
from neuralopt.report.counting import counting

LIMIT = 1.0
"""Seconds of a core for one hostile text."""

SHOWN = 20
"""Failures that are printed."""

EVERY = {"optax file": 4, "saved state": 4, "space": 50, "fused": 200}
"""Of so many rules one takes these checks, which are slow; all take the others."""

TEXTS = 3
"""Hostile texts to a rule."""


class Fuzzing:
    """The counts and failures of a run.

    Args:
        seed: of all that is random.
        folder: for exported files.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.texts = RuleTexts(self.rng)
        self.spaces = itertools.cycle(sorted(catalog("space")))
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.drawn: Counter[str] = Counter()
        self.failures: list[str] = []
        self.slowest = 0.0, ""
        self.rules = 0

    def once(self) -> None:
        """Check one rule and some hostile texts."""
        for _ in range(TEXTS):
            self.hostile_text()
        text = self.texts.text()
        try:
            rule = parse(text)
        except ValueError as error:
            if "\n" in str(error):
                self.failures.append(f"not one line: {error}: {text!r}")
            self.counts["random text"]["refused"] += 1
            return
        self.counts["random text"]["read"] += 1
        self.drawn.update({node.primitive for node in rule.walk()})
        self.rules += 1
        self.rule(rule)

    def rule(self, rule: Expression) -> None:
        """Take a rule through the checks."""
        rng, folder = self.rng, self.folder
        case, seed = checks.case_for(rng), rng.randrange(1 << 32)
        self.check("text", rule, checks.check_text)
        for name, check in checks.CHECKS.items():
            self.check(name, rule, lambda x, check=check: check(x, case))
        self.check(
            "torch file",
            rule,
            lambda x: exports.check_torch_file(x, random.Random(seed), folder),
        )
        if self.is_due("optax file"):
            self.check(
                "optax file", rule, lambda x: exports.check_optax_file(x, case, folder)
            )
        if self.is_due("saved state"):
            self.check(
                "saved state",
                rule,
                lambda x: exports.check_saved_state(x, random.Random(seed)),
            )
        if checks.HAS_NUMBA and self.is_due("fused"):
            self.check("fused", rule, lambda x: checks.check_fused(x, case))
        if self.is_due("space"):
            name = next(self.spaces)
            self.check(
                f"space {name}",
                None,
                lambda _: checks.check_space(random.Random(seed), name),
            )

    def is_due(self, name: str) -> bool:
        return self.rules % EVERY[name] == 0

    def check(
        self, name: str, rule: Expression | None, check: Callable[..., str]
    ) -> None:
        """Run one check; a failure is reported by the smallest part that fails."""
        told, failed = _tried(check, rule)
        if not failed:
            self.counts[name][told] += 1
            return
        self.counts[name]["failed"] += 1
        if rule is not None:
            for part in sorted(set(rule.walk()), key=lambda each: each.size):
                if not part.contains("s") or _tried(parse, str(part))[1] == "":
                    smaller, failed_too = _tried(check, part)
                    if failed_too:
                        told, rule = smaller, part
                        break
        self.failures.append(f"{name}: {told}: {rule}"[:600])

    def hostile_text(self) -> None:
        """Feed the parser, and now and then the exporter, one hostile text."""
        text = hostile.hostile(self.rng)
        started = time.thread_time()
        try:
            self.counts["hostile text"][hostile.try_text(text)] += 1
            if self.rng.random() < 0.1:
                told = hostile.try_export(text, self.rng, self.folder)
                self.counts["hostile name"][told] += 1
        except Exception as error:  # noqa: BLE001  any exception is a finding
            what = f"{type(error).__name__}: {error}"
            self.failures.append(f"hostile text: {what}: {text!r}"[:600])
        took = time.thread_time() - started
        self.slowest = max(self.slowest, (took, text[:60]))


def _tried(check: Callable[..., object], rule: object) -> tuple[str, str]:
    """What a check tells; the second text is empty unless it failed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return str(check(rule)), ""
    except Exception as error:  # noqa: BLE001  any exception is a finding
        told = f"{type(error).__name__}: {error}" if str(error) else repr(error)
        return told, told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    add_json_option(parser)
    arguments = parser.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        counting("seconds") as count,
    ):
        fuzzing = Fuzzing(arguments.seed, Path(folder))
        while (passed := time.monotonic() - began) < arguments.seconds:
            count(int(passed), int(arguments.seconds))
            fuzzing.once()
    _report(fuzzing, arguments.seed)
    figures = {
        "seed": arguments.seed,
        "rules": fuzzing.rules,
        "checks": fuzzing.counts,
        "rules with each primitive": fuzzing.drawn,
        "slowest hostile text, seconds": fuzzing.slowest[0],
        "failures": fuzzing.failures,
    }
    write_results(arguments.json, figures)
    if fuzzing.failures or fuzzing.slowest[0] > LIMIT:
        raise SystemExit(1)


def _report(fuzzing: Fuzzing, seed: int) -> None:
    print(f"{fuzzing.rules:,} rules, seed {seed}")
    for name, counts in sorted(fuzzing.counts.items()):
        told = ", ".join(f"{n:,} {what}" for what, n in counts.most_common())
        print(f"  {name}: {told}")
    never = sorted(set(PRIMITIVES) - set(fuzzing.drawn))
    print(f"never drawn: {', '.join(never) or 'none'}")
    print(f"slowest hostile text {fuzzing.slowest[0]:.3f} s: {fuzzing.slowest[1]!r}")
    print(f"{len(fuzzing.failures)} failures")
    print("\n".join(fuzzing.failures[:SHOWN]))


if __name__ == "__main__":
    main()
