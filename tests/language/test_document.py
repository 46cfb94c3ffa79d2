"""docs/LANGUAGE.md is what the table of primitives generates."""

from neuralopt.language.abbreviations import ABBREVIATIONS
from neuralopt.language.document import DOCUMENT, LAWS, document
from neuralopt.language.primitive import Law
from neuralopt.language.primitives import PRIMITIVES


def test_the_document_is_that_of_the_table() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), (
        "run python -m neuralopt.language.document"
    )


def test_everything_of_the_table_is_in_it() -> None:
    text = document()
    for primitive in PRIMITIVES.values():
        assert primitive.meaning.replace("|", r"\|") in text, primitive.name
        assert primitive.source in text
        assert primitive.memory in text
        assert primitive.formula in text
    for abbreviation in ABBREVIATIONS.values():
        assert f"`{abbreviation.text}`" in text


def test_every_law_has_a_meaning() -> None:
    assert set(LAWS) == set(Law)
