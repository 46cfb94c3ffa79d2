"""Plain rules: remove from a rule what it can be shown not to need."""
