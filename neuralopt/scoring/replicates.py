"""Which replicates belong to whom: a rule is never judged on those that chose it.

Searches score on replicates from 0 on, as many as the budget has.
"""

FIRST_ANATOMY_REPLICATE = 300
"""From here on, the variants of a rule that is explained are trained."""

FIRST_CARD_REPLICATE = 400
"""From here on, rules are trained for the pictures of their cards."""

FIRST_SHORTLIST_REPLICATE = 500
"""From here on, the best rules of a search are measured for its shortlist."""

FIRST_PRUNING_REPLICATE = 750
"""From here on, rules are pruned."""

FIRST_VERDICT_REPLICATE = 1000
"""From here on, verdicts compare rules."""

FIRST_TUNING_REPLICATE = 100_000
"""From here on, contenders are tuned before a verdict."""

FIRST_PROMOTION_REPLICATE = 2_000_000
"""From here on, the stages of a promotion measure rules."""

FIRST_LEARNING_REPLICATE = 3_000_000
"""From here on, children train the network of a learned optimizer."""

FIRST_DISTILLATION_REPLICATE = 4_000_000
"""From here on, gradients are recorded for a rule that imitates another optimizer."""

VERDICT_SEEDS = 12
"""Fresh seeds of a verdict by default: enough to decide about twenty rules and seven
baselines (`Comparison.least_seeds` is 11)."""

SHORTLIST_REPLICATES = FIRST_PRUNING_REPLICATE - FIRST_SHORTLIST_REPLICATE
PRUNING_REPLICATES = FIRST_VERDICT_REPLICATE - FIRST_PRUNING_REPLICATE
