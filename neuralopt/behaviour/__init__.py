"""What rules do: their updates on fixed probes, and names for them.

Nothing is re-exported: `description` is read where numpy must not be loaded.
"""
