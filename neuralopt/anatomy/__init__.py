"""Explain a rule: what each part contributes, and how to use the rule."""
