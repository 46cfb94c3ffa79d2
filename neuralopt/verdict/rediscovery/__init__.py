"""Rediscovery: when a search first trained each of the known optimizers."""
