"""What points of a list are ahead of the baseline."""

from dataclasses import replace
from typing import Any

from ferlab.analysis.search.figures import draw_search
from ferlab.analysis.search.leads import leads
from ferlab.study.params import Choices
from ferlab.study.table import StudyTable, TrialRow
from tests.analysis.seen import collisions, texts, words
from tests.fake_studies import row, table

PLAIN = {"augmentation.mixup": 0.0, "augmentation.erase": 0.0}
ROWS = (
    row(0, 0.60, params=PLAIN, name="unchanged", replicates=(0.59, 0.61)),
    row(
        1,
        0.602,
        params={**PLAIN, "augmentation.mixup": 0.2},
        name="mixup 0.2",
        replicates=(0.593, 0.611),
    ),
    row(
        2,
        0.50,
        params={**PLAIN, "augmentation.erase": 0.9},
        name="erase 0.9",
        replicates=(0.491, 0.509),
    ),
    row(
        3,
        0.65,
        params={**PLAIN, "augmentation.erase": 0.1},
        name="erase 0.1",
        replicates=(0.64, 0.66),
    ),
)


def listed(*rows: TrialRow, **given: Any) -> StudyTable:
    values = {"augmentation.mixup": (0.0, 0.2), "augmentation.erase": (0.0, 0.1, 0.9)}
    domains = {key: Choices(choices) for key, choices in values.items()}
    return table(*rows, baseline=PLAIN, replicates=2, domains=domains, is_listed=True, **given)


def test_each_point_of_a_list_stands_with_its_lead_best_first() -> None:
    figure = leads(listed(*ROWS))
    assert figure is not None
    found = texts(figure)
    assert [t for t in found if t[0] in "+-" and "." in t] == ["+5.00", "+0.20", "-10.00"]
    assert [t for t in found if t in ("erase 0.1", "mixup 0.2", "erase 0.9", "unchanged")] == [
        "erase 0.1",
        "mixup 0.2",
        "erase 0.9",
    ]
    assert "val/accuracy, mean of 2 seeds in points, beside 60.00 % of unchanged" in words(figure)
    assert not collisions(figure)
    colours = {str(t.get_text()): t.get_color() for t in figure.axes[0].texts}
    assert (
        len({colours["+5.00"], colours["+0.20"], colours["-10.00"]}) == 3
    )  # better, chance, worse


def test_a_list_has_no_picture_of_a_parameter_over_all_points() -> None:
    crossed = replace(listed(*ROWS), is_listed=False)
    assert {"leads"} == set(draw_search(listed(*ROWS))) - set(draw_search(crossed))
    assert "slices" in draw_search(crossed)
    assert "slices" not in draw_search(listed(*ROWS))


def test_without_a_complete_baseline_or_another_point_there_is_no_lead() -> None:
    assert leads(listed(*ROWS[1:])) is None
    assert leads(listed(ROWS[0])) is None


def test_where_chance_was_not_measured_the_picture_says_so() -> None:
    single = [replace(r, replicates=()) for r in ROWS]
    found = words(leads(listed(*single, images=None)))
    assert "how far chance moves it was not measured" in found
