"""Run the command export: write a rule as a file that needs no neuralopt."""

import argparse
import math
from pathlib import Path

from neuralopt.cli.rule_lookup import find_rule
from neuralopt.export import export_rule
from neuralopt.language import RULES, render, simplify


def export(options: argparse.Namespace) -> int:
    """Run the command export.

    Args:
        options: parsed arguments: rule, output, name, target, lr.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: the rule, the learning rate, a name or the folder is wrong, or the
            path holds a file that is not an export.
        OSError: the file can't be written.
    """
    found = find_rule(options.rule)
    lr = found.lr if options.lr is None else options.lr
    if lr is not None and not 0 < lr < math.inf:
        raise ValueError(f"--lr is {lr}: give a positive number")
    folder = Path(options.output).parent
    if not folder.is_dir():
        raise ValueError(f"-o {options.output}: there is no folder {folder}, make it")
    named = RULES.get(options.rule)  # whose name becomes that of the optimizer
    path = export_rule(
        named or found.expression,
        options.output,
        options.name,
        lr=lr,
        origin=found.origin,
        target=options.target,
    )
    print(f"Wrote {path}: {render(simplify(found.expression))}")
    print(f"Its test, for pytest: {path.with_name(f'test_{path.stem}.py')}")
    return 0
