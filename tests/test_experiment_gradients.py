"""The experiment on gradients: accuracies, and the page that its results make."""

import json
from pathlib import Path

import pytest

from experiments.gradients import gradients, page
from neuralopt.engines.engine import Outcome

FOLDER = Path(page.__file__).parent


class Known:
    """An engine whose second rate is the best on validation."""

    def train(self, children, epochs, splits):
        assert (epochs, splits) == (gradients.EPOCHS, ("validation", "selection"))
        place = gradients.RATES.index
        return [
            Outcome(
                False,
                (abs(place(child.learning_rate) - 1) + child.replicate, 9.0),
                (0.0, place(child.learning_rate) + child.replicate / 10),
                (),
            )
            for child in children
        ]


def test_the_rate_is_chosen_on_validation_and_accuracies_are_of_selection():
    found = gradients.accuracy(Known(), gradients.SGD, 2)
    assert found["rate"] == gradients.RATES[1]
    assert found["accuracies"] == pytest.approx([1.0, 1.1])


def test_every_study_has_as_many_parts_as_progress_counts():
    results = json.loads((FOLDER / "results.json").read_text("utf-8"))["figures"]
    for name, (_, parts) in gradients.STUDIES.items():
        assert len(results[name]) == parts, name


def test_the_page_is_what_the_results_say():
    results = json.loads((FOLDER / "results.json").read_text("utf-8"))
    made = "\n".join(page.page(results)) + "\n"
    assert (FOLDER / "README.md").read_text("utf-8") == made
