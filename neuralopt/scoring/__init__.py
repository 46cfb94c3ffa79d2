"""How a rule is scored: budgets, the protocol of trainings, scores and probes."""
