"""Pictures: their lines are the paths, and files are the same each time."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import neuralopt
from neuralopt.landscapes.drawing import Picture, draw_landscape, draw_slice
from neuralopt.landscapes.paths import RATES, follow
from neuralopt.landscapes.pictures.saving import save
from neuralopt.landscapes.registry import LANDSCAPES
from neuralopt.language import RULES, parse
from neuralopt.palette import FOUND, baseline_colour, rule_colours
from neuralopt.tasks import load_task

SGD, ADAM = RULES["sgd"].expression, RULES["adam"].expression


@pytest.fixture(scope="module")
def picture() -> Picture:
    optimizers = {"sgd": SGD, "adam": ADAM, "newton": None}
    return draw_landscape(LANDSCAPES["beale"], optimizers, [0.01], 12)


def test_lines_on_a_plane_are_the_paths(picture: Picture) -> None:
    left, right = picture.drawing.figure.axes
    for number, (name, rule) in enumerate((("sgd", SGD), ("adam", ADAM))):
        path = follow(LANDSCAPES["beale"], rule, 0.01, 12)
        np.testing.assert_array_equal(left.lines[number].get_xydata(), path.points)
        assert left.lines[number].get_label() == f"{name}, lr 0.01"
        np.testing.assert_array_equal(right.lines[number].get_ydata(), path.losses)
    assert "9 gradients and 8 Hessians, as costly as 25 gradients" in picture.told[2]


def test_lines_on_a_graph_are_the_paths() -> None:
    starts = [(-2.0,), (3.0,)]
    picture = draw_landscape(LANDSCAPES["sines"], {"sgd": SGD}, [0.01], 5, starts)
    left, right = picture.drawing.figure.axes
    for number, start in enumerate(starts):
        path = follow(LANDSCAPES["sines"], SGD, 0.01, 5, start)
        x, y = left.lines[number].get_data()
        np.testing.assert_array_equal(x, path.points[:, 0])
        np.testing.assert_allclose(y, -path.losses)
        np.testing.assert_array_equal(right.lines[number].get_ydata(), x)
    (legend,) = picture.drawing.figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["sgd, lr 0.01", "start", "local maximum"]


def test_a_rate_that_is_not_given_is_one_of_the_grid() -> None:
    picture = draw_landscape(LANDSCAPES["ravine"], {"sgd": SGD}, steps=10)
    assert picture.drawing.paths[0].lr in RATES


def test_a_path_that_leaves_is_said_to_in_the_legend() -> None:
    picture = draw_landscape(LANDSCAPES["rosenbrock"], {"sgd": SGD}, [1.0])
    (legend,) = picture.drawing.figure.legends
    text = legend.get_texts()[0].get_text()
    assert text == "sgd, lr 1 (diverges, leaves the picture at step 1)"
    end = picture.drawing.figure.axes[0].lines[0].get_xydata()[-1]
    assert end[0] == pytest.approx(2) or end[1] == pytest.approx(3)


def test_paths_on_a_slice_end_at_losses_of_their_own() -> None:
    task = load_task("digits")
    picture = draw_slice(task, {"adam": ADAM, "sgd": SGD}, [0.01], 2)
    left, right = picture.drawing.figure.axes[:2]
    np.testing.assert_allclose(left.lines[0].get_xydata()[-1], 0, atol=1e-12)
    first = [line.get_ydata()[0] for line in right.lines]
    assert first[0] == pytest.approx(first[1], rel=1e-12)
    assert left.get_xlabel() == "random direction 1, filter-normalised"


def test_a_rule_that_diverges_does_not_spoil_a_slice() -> None:
    optimizers = {"adam": ADAM, "huge": parse("1e200 * g")}
    picture = draw_slice(load_task("digits"), optimizers, [0.01], 2, "paths")
    left, right = picture.drawing.figure.axes
    assert max(left.get_xlim() + left.get_ylim()) < 100
    assert 0 < right.get_ylim()[0] < right.get_ylim()[1] < 1e3
    assert picture.told[1] == "huge, lr 0.01: diverges after 2 steps"


def test_a_flat_slice_is_drawn_without_contours() -> None:
    still = draw_slice(load_task("digits"), {"0": parse("0.0 * g")}, [0.1], 2, "paths")
    left, _ = still.drawing.figure.axes
    assert not left.collections
    assert left.get_xlabel() == "principal direction 1 (0%)"


def test_paths_are_not_covered_by_the_inset_that_magnifies_them() -> None:
    picture = draw_landscape(
        LANDSCAPES["rosenbrock"], {"sgd": SGD}, [1e-6], starts=[(1.8, 2.8)]
    )
    panel, _ = picture.drawing.figure.axes
    (inset,) = panel.child_axes
    picture.drawing.figure.draw_without_rendering()
    points = panel.transData.transform(picture.drawing.paths[0].points)
    assert not any(inset.get_window_extent().contains(*point) for point in points)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_file_is_the_same_each_time(
    picture: Picture, kind: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.{kind}" for number in (0, 1)]
    for file in files:
        save(picture.drawing, file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_an_animation_grows(tmp_path: Path) -> None:
    picture = draw_landscape(LANDSCAPES["ravine"], {"sgd": SGD}, [0.1], 4)
    file = tmp_path / "a.gif"
    save(picture.drawing, file)
    with Image.open(file) as image:
        assert image.n_frames == 5
    line = picture.drawing.figure.axes[0].lines[0]
    assert len(line.get_xydata()) == 5
    picture.drawing.moving[0].show(2)
    assert len(line.get_xydata()) == 3


def test_python_gets_a_figure() -> None:
    figure = neuralopt.draw({"mine": "sign(g)"}, lr=[0.1, 0.2], steps=3, start=(1, 1))
    assert isinstance(figure, Figure)
    labels = [line.get_label() for line in figure.axes[0].lines[:2]]
    assert labels == ["mine, lr 0.1", "mine, lr 0.2"]
    assert figure.axes[0].lines[0].get_xydata()[0].tolist() == [1, 1]


def test_rules_are_taken_as_compare_takes_them() -> None:
    with pytest.raises(ValueError, match="give a list of rules"):
        neuralopt.draw("adam")
    with pytest.raises(ValueError, match="two rules are named 'sgd'"):
        neuralopt.draw([neuralopt.Rule("sgd", ADAM, "a test", 0.1), "sgd"])
    figure = neuralopt.draw({}, lr=0.1, steps=2)
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[0] == "sgd, lr 0.1"
    assert "newton" in texts


def test_a_start_is_a_point_or_several() -> None:
    with pytest.raises(ValueError, match="start mixes numbers and points"):
        neuralopt.draw(["sgd"], lr=0.1, steps=1, start=[(-10.0, 1.0), 3.0])  # type: ignore[arg-type]


def test_known_optimizers_have_the_colours_that_cards_and_reports_give_them() -> None:
    picture = draw_landscape(
        LANDSCAPES["ravine"], {"mine": parse("g"), "adam": ADAM}, [0.1], 2
    )
    lines = picture.drawing.figure.axes[0].lines
    assert lines[0].get_color() == FOUND
    assert lines[1].get_color() == baseline_colour("adam")
    names = ["powersign", "nesterov", "adam", "adam", *"abcd"]
    assert len(set(rule_colours(names))) == len(names)
    assert rule_colours(names)[0] == baseline_colour("powersign")
