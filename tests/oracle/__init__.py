"""Independent oracles: what the package must agree with, written from definitions."""
