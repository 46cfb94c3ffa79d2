"""Scoring of rules: budgets, the protocol of trainings, scores and probes."""
