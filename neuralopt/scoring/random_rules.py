"""Random rules of a space that are worth training."""

import numpy as np

from neuralopt.language import Expression, simplify
from neuralopt.scoring.probes import rejections
from neuralopt.spaces import Space


def random_rules(space: Space, count: int, seed: int = 0) -> list[Expression]:
    """Return canonically different random rules of a space that pass the probes.

    Args:
        space: that rules are drawn from.
        count: rules.
        seed: of the draws.

    Returns:
        Canonical rules, in the order in which they were found.
    """
    rng = np.random.default_rng(seed)
    found: dict[Expression, None] = {}
    while len(found) < count:
        rows = space.sample(max(16, count - len(found)), rng)
        rules = [simplify(rule) for rule in space.decode_all(rows) if rule]
        reasons = rejections(rules)
        found |= {
            rule: None for rule, why in zip(rules, reasons, strict=True) if not why
        }
    return list(found)[:count]
