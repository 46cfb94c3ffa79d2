"""The configuration: its schema, Hydra's files and overrides."""
