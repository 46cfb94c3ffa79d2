"""Tune contenders alike before a verdict; see docs/howto/compare-tuned.md."""
