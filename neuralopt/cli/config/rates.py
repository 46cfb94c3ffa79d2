"""Read learning rates of a saved configuration, without loading Hydra or torch."""

import json


def learning_rates(configuration: str) -> tuple[float, ...]:
    """Return the learning rates of a run's budget.

    Args:
        configuration: JSON, as `settings_text` writes it.

    Returns:
        The rates in their order; empty if the text has none.
    """
    try:
        rates = json.loads(configuration)["budget"]["learning_rates"]
        return tuple(float(rate) for rate in rates)
    except (KeyError, TypeError, ValueError):
        return ()
