"""Optimizers that are networks: trained, used, and imitated by rules."""
