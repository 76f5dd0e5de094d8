"""Pictures as SVG: the same on every machine, and legible on a phone and on a dark page."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ferlab.analysis.comparison import figures as comparison_figures
from ferlab.analysis.comparison.compare import Comparison, compare
from ferlab.analysis.search.figures import draw_search
from ferlab.figure_style import PAPER
from ferlab.report.svg import DARK, svg
from tests.analysis.seen import shown, texts
from tests.analysis.simulated import Truth
from tests.fake_studies import optimizers, recipes, study

PHONE = 366
"""Pixels that a phone of 390 leaves for a picture."""


def compared() -> Comparison:
    baseline, arm = next(Truth(3, gain=0.3).studies(1, arms=1))
    return compare(arm, baseline, 0.05, 0.01)


DRAWN: dict[str, Callable[[], dict[str, Figure]]] = {
    "placement": lambda: draw_search(study(24, replicates=2, objectives=2)),
    "mixed": lambda: draw_search(recipes(24)),
    "choices": lambda: draw_search(optimizers(3)),
    "comparison": lambda: {
        "forest": comparison_figures.forest([compared()]),
        "seeds": comparison_figures.paired_seeds(compared()),
        "classes": comparison_figures.confusion_difference(compared()),
    },
}


@pytest.fixture(scope="module", params=list(DRAWN))
def drawn(request: pytest.FixtureRequest) -> dict[str, Figure]:
    return DRAWN[request.param]()


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_letters_are_large_enough_on_a_phone(drawn: dict[str, Figure]) -> None:
    for name, figure in drawn.items():
        shrunk = PHONE / (72 * figure.get_size_inches()[0])
        assert min(text.get_fontsize() for text in shown(figure)) * shrunk > 7.5, name


def test_letters_stand_out_on_a_light_and_on_a_dark_page(drawn: dict[str, Figure]) -> None:
    dark = {light.lower(): colour for light, colour in DARK.items()}
    for figure in drawn.values():
        whole = ElementTree.fromstring(svg(figure))  # noqa: S314
        for element in whole.iter("{http://www.w3.org/2000/svg}g"):
            if element.get("id", "").startswith("text_"):
                found = re.findall(r"fill: (#\w{6})", ElementTree.tostring(element).decode())
                letters = [colour for colour in found if colour != PAPER.lower()]
                assert letters or not element.findall(".//{*}use")
                for colour in letters:
                    assert contrast(colour, PAPER) > 4.5
                    assert contrast(dark[colour], DARK[PAPER]) > 4.5


def test_marks_can_be_told_from_a_light_and_from_a_dark_page(drawn: dict[str, Figure]) -> None:
    dark = {light.lower(): colour for light, colour in DARK.items()}
    for figure in drawn.values():
        for colour in set(re.findall(r"(?:fill|stroke): (#\w{6})", svg(figure))):
            if colour != PAPER.lower():
                assert contrast(colour, PAPER) > 1.25
                assert contrast(dark.get(colour, colour), DARK[PAPER]) > 1.25


def test_a_figure_is_the_same_text_whenever_it_is_drawn() -> None:
    one, again = (svg(draw_search(recipes(24))["slices"]) for _ in range(2))
    assert one == again
    assert "<date" not in one
    assert "prefers-color-scheme: dark" in one


def test_very_many_trials_are_drawn_as_pictures_within_the_figure() -> None:
    """Each by itself they were megabytes, and the score against a choice took hours."""
    few, many = (draw_search(study(count, replicates=2)) for count in (300, 6000))
    for name in ("history", "slices", "parallel"):
        assert "<image" not in svg(few[name])
        assert "<image" in (text := svg(many[name]))
        assert len(text) < 1e6
        assert texts(many[name])
