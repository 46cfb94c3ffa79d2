"""Independent oracles: reference implementations written from the definitions."""
