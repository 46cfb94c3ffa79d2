"""Learning rates of a saved configuration, read without loading Hydra or torch."""

import json


def learning_rates(configuration: str) -> tuple[float, ...]:
    """Return the learning rates of a run's budget; empty if its text has none.

    Args:
        configuration: JSON, as `settings_text` writes it.
    """
    try:
        rates = json.loads(configuration)["budget"]["learning_rates"]
        return tuple(float(rate) for rate in rates)
    except (KeyError, TypeError, ValueError):
        return ()
