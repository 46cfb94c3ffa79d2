"""Compare candidates on fresh seeds; see docs/explanation/verdicts.md."""
