"""Formulas and trees on rule cards, of known rules and of random ones."""

import itertools

import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser

from neuralopt.language import RULES, Expression, parse, simplify
from neuralopt.language.expression import constant
from neuralopt.language.folding import fold
from neuralopt.language.primitives import PRIMITIVES
from neuralopt.views.card.extent import text_width
from neuralopt.views.card.formula import draw_formula, fit_formula
from neuralopt.views.card.mathtext import mathtext_of, with_symbols
from neuralopt.views.card.tree import MOST_LEAVES, MOST_LEVELS, tree_of
from neuralopt.views.card.tree_layout import box_width, draw_tree, layout
from tests.oracle.random_rules import RuleGenerator
from tests.views.drawing import renderer_of

WIDTH, HEIGHT = 600.0, 170.0


def random_rules(count: int, largest: int, seed: int = 0) -> list[Expression]:
    generator = RuleGenerator(seed)
    found: list[Expression] = []
    while len(found) < count:
        size = 1 + len(found) % largest
        try:
            found.append(simplify(parse(generator.text(generator.rule(size)))))
        except ValueError:  # not every tree of the generator is a rule of ours
            continue
    return found


SEVERAL = random_rules(300, 9)
EVERY_SIZE = [*random_rules(10, 10, 1), *random_rules(50, 50, 2)[10::19]]


def test_formulas_of_random_rules_are_valid_mathtext() -> None:
    formulas: set[str] = set()
    for rule in SEVERAL:
        tree, meanings = with_symbols(rule)
        formulas |= {mathtext_of(part) for part in (tree, *meanings.values())}
    assert len(formulas) > 200
    parser = MathTextParser("path")
    for formula in formulas:
        parser.parse(f"${formula}$", 72, FontProperties(size=10))


def test_a_formula_with_each_primitive_is_valid_mathtext() -> None:
    parser = MathTextParser("path")
    for name, primitive in PRIMITIVES.items():
        arguments = [parse("g"), *map(constant, (0.5, 2.0))][: primitive.arity]
        formula = mathtext_of(Expression(name, tuple(arguments)))
        parser.parse(f"${formula}$", 72, FontProperties(size=10))


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("norm(g)", r"\left\| g \right\|"),
        ("g * sign(m)", r"g \, \operatorname{sign}(m)"),
        ("abs(g) % 2", r"\left| g \right| \;\mathrm{mod}\; 2"),
        ("gamma / v", r"\dfrac{\gamma}{v}"),
        ("exp(g / w)", r"e^{\frac{g}{w}}"),
        ("noise(2 ** t)", r"\mathcal{N}(0, \left({2}^{t}\right)^2)"),
        ("0.123456 * g", r"0.1235 \, g"),
        ("g * cd(3)", r"g \, \mathrm{cd}_{3}"),
    ],
)
def test_formulas(text: str, formula: str) -> None:
    assert mathtext_of(with_symbols(parse(text))[0]) == formula


def test_abbreviations_are_explained_unless_they_are_all() -> None:
    formula = fit_formula(parse("m / (1 + cd)"), WIDTH, HEIGHT)
    assert r"$m = \operatorname{ema}_{0.9}(g)$" in formula.note
    assert r"$\mathrm{cd} = 0.5" in formula.note
    adam = fit_formula(RULES["adam"].expression, WIDTH, HEIGHT)
    assert adam.note == ""
    assert "dfrac" in adam.lines[0]


@pytest.mark.parametrize("rule", EVERY_SIZE, ids=lambda rule: f"{rule.size} nodes")
def test_formulas_fit_their_rectangle(rule: Expression) -> None:
    formula = fit_formula(rule, WIDTH, HEIGHT)
    assert formula.height <= HEIGHT * 1.001
    for line, size in formula.sized_lines:
        assert text_width(line) * size <= WIDTH * 1.001
    names = [line[1:].partition(" ")[0] for line in formula.lines]
    assert names[0] == "u"
    assert len({*names}) == len(names)


def test_a_long_formula_is_divided_so_that_it_can_be_put_together_again() -> None:
    text = "clip(g ** 3 / (abs(gamma) + 1e-8), 0.001) * (1 + cos(pi * t / T))"
    rule = simplify(parse(f"max({text} + sign(w), tanh({text} - exp(sign(g) * w)))"))
    formula = fit_formula(rule, 300.0, 300.0)
    assert formula.left_out == 0
    assert len(formula.lines) > 1
    whole, *parts = (line.strip("$").partition(" = ")[2] for line in formula.lines)
    names = [line[1:].partition(" ")[0] for line in formula.lines][1:]
    for name, part in zip(names, parts, strict=True):
        assert sum(name in line for line in (whole, *parts)), (name, part)


def test_what_does_not_fit_is_counted() -> None:
    formula = fit_formula(EVERY_SIZE[-1], 120.0, 60.0)
    assert formula.left_out
    assert f"and {formula.left_out} more lines" in dict(formula.sized_lines)


def test_formulas_are_drawn_inside_their_axes() -> None:
    figure = Figure(figsize=(9, 3), dpi=100)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    draw_formula(axes, fit_formula(RULES["amsgrad"].expression, 9 * 72, 3 * 72))
    box, renderer = axes.get_window_extent(), renderer_of(figure)
    assert axes.texts
    for text in axes.texts:
        drawn = text.get_window_extent(renderer)
        assert drawn.x0 >= box.x0
        assert drawn.x1 <= box.x1
        assert drawn.y0 >= box.y0
        assert drawn.y1 <= box.y1


def shown_size(rule: Expression) -> int:
    tree, _ = with_symbols(rule)
    return sum(1 for _ in tree.walk())


def test_trees_contain_every_node() -> None:
    for rule in SEVERAL:
        root = tree_of(rule)
        assert root.total == shown_size(rule)
        assert root.leaves <= MOST_LEAVES
        assert root.levels <= MOST_LEVELS


def test_a_small_tree_shows_every_node_by_itself() -> None:
    root = tree_of(parse("g * exp(sign(g) * sign(m))"))
    assert [node.label for node in root.walk()] == [
        r"$\times$", "$g$", "$e^x$", r"$\times$", "sign", "$g$", "sign", "$m$",
    ]  # fmt: skip
    assert not any(node.folded for node in root.walk())
    assert root.total == fold(simplify(parse("g * exp(sign(g) * sign(m))"))).size


def test_numbers_that_parametrise_an_operation_are_part_of_its_label() -> None:
    root = tree_of(parse("clip(ema(w, 0.5), 0.001) + w ** 2"))
    labels = {node.label: node.covers for node in root.walk()}
    assert labels == {
        "$+$": 1, "clip  $0.001$": 2, "ema  $0.5$": 2, "$x^{2}$": 2, "$w$": 1,
    }  # fmt: skip


def test_a_wide_tree_is_folded_from_its_smallest_parts() -> None:
    wide = parse("(g + w) * (exp(g) + w) * (cos(g) + cos(w)) * (g - t) * (t - w)")
    whole, root = tree_of(wide, most_leaves=99, most_levels=99), tree_of(wide)
    assert whole.leaves > MOST_LEAVES >= root.leaves
    assert whole.total == root.total
    assert "$g - t$" in {node.label for node in root.walk() if node.folded}


def test_boxes_of_a_level_do_not_overlap_and_parents_are_in_the_middle() -> None:
    for rule in SEVERAL[::3]:
        places = layout(tree_of(rule))
        by_level: dict[int, list[tuple[float, float]]] = {}
        for each in places:
            half = box_width(each.node) / 2
            by_level.setdefault(each.level, []).append((each.x - half, each.x + half))
        for boxes in by_level.values():
            for (_, right), (left, _) in itertools.pairwise(boxes):
                assert left > right
        for number, each in enumerate(places):
            below = [child.x for child in places if child.parent == number]
            if below:
                assert each.x == pytest.approx((below[0] + below[-1]) / 2)
        assert min(left for boxes in by_level.values() for left, _ in boxes) >= -1e-9


@pytest.mark.parametrize("text", ["g", "sign(g)", "adam", str(EVERY_SIZE[-1])])
def test_trees_are_drawn_inside_their_axes(text: str) -> None:
    figure = Figure(figsize=(4, 3.5), dpi=100)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    draw_tree(axes, tree_of(parse(text)))
    renderer = renderer_of(figure)
    for label in axes.texts:
        drawn = label.get_window_extent(renderer)
        assert drawn.x0 >= 0
        assert drawn.x1 <= 400
        assert drawn.y0 >= 0
        assert drawn.y1 <= 350
